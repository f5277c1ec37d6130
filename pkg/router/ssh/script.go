package ssh

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// A request is one line in RouterOS's script language, in words that every
// version since 6.4x supports. It prints:
//
//	TOKEN+                          the script runs
//	TOKEN+
//	TOKEN+0123...                   shows how the router wraps long lines
//	TOKEN=                          the next change was made
//	TOKEN-                          and its row was printed
//	r 8 *1000001.                   a row
//	f num 9 9 max-limit 500000000.  a property: type, lengths of name and value
//	TOKEN.                          the script ran to its end
//
// Names and values are preceded by their lengths, so that no byte in them can be
// mistaken for something else. TOKEN is random, so that only the script itself can
// report that it ran to its end. Other output in place of the expected line is the
// error that ended the script: RouterOS has no other reliable way to report it.

// widthProbe follows the token on the third line. It is longer than terminals are
// wide.
var widthProbe = strings.Repeat("0123456789", 20)

// newToken returns the token of a request.
func newToken() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return "wanctl" + hex.EncodeToString(b[:])
}

// script collects commands.
type script struct {
	token  string
	b      strings.Builder
	locals int   // variables used
	err    error // about a word that cannot be part of a command
}

func newScript(token string) *script {
	s := &script{token: token}
	s.put(rosdata.QuoteRSC(token + "+\r\n" + token + "+\n" + token + "+" + widthProbe))
	return s
}

// text ends the script and returns it. Braces make it one scope, since consoles
// differ on variables outside of any.
func (s *script) text() (string, error) {
	s.put(rosdata.QuoteRSC(s.token + "."))
	return "{" + s.b.String() + "}", s.err
}

// local returns an unused variable name.
func (s *script) local() string {
	s.locals++
	return "x" + strconv.Itoa(s.locals)
}

func (s *script) put(expression string) { s.do(":put " + expression) }

func (s *script) do(command string) {
	if s.b.Len() > 0 {
		s.b.WriteByte(';')
	}
	s.b.WriteString(command)
}

// word checks what cannot be quoted: menus, commands, ids and properties, which
// are letters, digits and a few signs that mean nothing to the console.
func (s *script) word(w string) string {
	for i := range len(w) {
		c := w[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-./*_", c) >= 0 {
			continue
		}
		s.err = fmt.Errorf("%s cannot be part of a command", rosdata.Quote(w))
	}
	if w == "" {
		s.err = fmt.Errorf("an empty word cannot be part of a command")
	}
	return w
}

// menu returns "/queue/tree" as "/queue tree", which RouterOS 6 accepts too.
func (s *script) menu(path string) string {
	return "/" + strings.ReplaceAll(strings.TrimPrefix(s.word(path), "/"), "/", " ")
}

// singletons are menus of one row without an id.
var singletons = []string{"/system/identity", "/system/resource"}

// print reads rows. counted are properties to be read one by one.
func (s *script) print(q rosclient.Query, counted []string) {
	menu := s.menu(q.Menu)
	switch {
	case slices.Contains(singletons, q.Menu):
		s.put(`"r 0 ."`)
		s.row("["+menu+" get]", q.Props)
	case q.ID != "":
		s.one(menu, s.word(q.ID), q.Props, counted)
	default:
		s.do(":foreach i in=[" + menu + " find" + s.where(q.Where) + "] do={")
		each := &script{}
		each.one(menu, "$i", q.Props, counted)
		s.b.WriteString(each.b.String() + "}")
		if each.err != nil {
			s.err = each.err
		}
	}
}

// where returns conditions for find.
func (s *script) where(where []rosclient.Match) string {
	var all []string
	for _, m := range where {
		var any []string
		for _, v := range m.Values {
			any = append(any, s.word(m.Prop)+"="+rosdata.QuoteRSC(v))
			if isAddress(v) {
				// On some versions a property of type address equals an address,
				// but not the same text.
				any = append(any, s.word(m.Prop)+"="+v)
			}
		}
		one := strings.Join(any, " or ")
		if len(any) > 1 && len(where) > 1 {
			one = "(" + one + ")"
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return ""
	}
	return " where " + strings.Join(all, " and ")
}

// isAddress reports whether v is an address or a prefix that needs no quotes in a
// script.
func isAddress(v string) bool {
	a, err := netip.ParseAddr(v)
	if err == nil {
		return a.Zone() == ""
	}
	_, err = netip.ParsePrefix(v)
	return err == nil
}

// one prints the row of an id, which is an expression.
func (s *script) one(menu, id string, props, counted []string) {
	s.put(`("r ".[:len [:tostr ` + id + `]]." ".[:tostr ` + id + `].".")`)
	s.row("["+menu+" get "+id+"]", props)
	if len(counted) > 0 {
		s.do(":foreach k in=" + s.list(counted) + " do={:local v [" + menu + " get " + id + " $k];" + printProperty + "}")
	}
}

const printProperty = `:put ("f ".[:typeof $v]." ".[:len $k]." ".[:len [:tostr $v]]." ".$k." ".[:tostr $v].".")`

// row prints properties of a row, which is an array. No props stand for all.
func (s *script) row(array string, props []string) {
	props = slices.DeleteFunc(slices.Clone(props), func(p string) bool { return p == ".id" })
	if len(props) == 0 {
		s.do(":foreach k,v in=" + array + " do={" + printProperty + "}")
		return
	}
	r := s.local()
	s.do(":local " + r + " " + array)
	s.do(":foreach k in=" + s.list(props) + ` do={:local v ($` + r + `->$k);:if ([:typeof $v]!="nothing") do={` + printProperty + "}}")
}

func (s *script) list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = rosdata.QuoteRSC(s.word(w))
	}
	return "{" + strings.Join(quoted, ";") + "}"
}

// change makes one change and prints the row after it. With a name it is made only
// if the row has it.
func (s *script) change(c rosclient.Change, counted []string) {
	menu := s.menu(c.Menu)
	id := c.ID
	if c.Command == "add" {
		added := s.local()
		id = "$" + added
		s.do(":local " + added + " [" + menu + " add" + s.arguments(c.Set) + "]")
	} else {
		if c.Name != "" {
			s.do(":if ([:tostr [" + menu + " get " + s.word(id) + " " + s.word(c.Key) + "]]!=" + rosdata.QuoteRSC(c.Name) + `) do={:error "no such item"}`)
		}
		s.do(menu + " " + s.word(c.Command) + " " + s.word(id) + s.arguments(c.Set))
	}
	s.put(rosdata.QuoteRSC(s.token + "="))
	if c.Command == "add" || c.Command == "set" {
		s.one(menu, id, c.Props, counted)
	}
	s.put(rosdata.QuoteRSC(s.token + "-"))
}

// arguments returns properties as arguments. A console takes yes and no for true
// and false.
func (s *script) arguments(set map[string]string) string {
	var b strings.Builder
	for _, prop := range slices.Sorted(maps.Keys(set)) {
		v := set[prop]
		switch {
		case prop == "disabled" && v == "true":
			v = "yes"
		case prop == "disabled" && v == "false":
			v = "no"
		}
		b.WriteString(" " + s.word(prop) + "=" + rosdata.QuoteRSC(v))
	}
	return b.String()
}
