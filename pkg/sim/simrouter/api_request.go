package simrouter

import (
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/sentence"
)

// apiCommand is one command as it arrived.
type apiCommand struct {
	routeros.Command // getall is print here

	asked  string // the command as the client named it
	number int    // in the order of arrival
	tag    string
	body   string // all but the command, for the history
	bad    string // a word that no command has

	cancelled chan struct{} // closed by /cancel, or when the connection ends
}

// parseSentence reads a command from the words of a sentence, at least one.
func parseSentence(words []string, number int) *apiCommand {
	c := &apiCommand{number: number, cancelled: make(chan struct{}), body: strings.Join(words[1:], "\n")}
	c.Args = make(map[string]string)
	if path, name, ok := cutLast(words[0]); ok {
		c.Path, c.Name, c.asked = path, name, name
	} else {
		c.bad = words[0]
	}
	for _, w := range words[1:] {
		switch w[0] {
		case '=':
			key, value, _ := strings.Cut(w[1:], "=")
			switch unset, isUnset := strings.CutPrefix(key, "!"); {
			case key == ".proplist":
				c.Proplist = append(c.Proplist, strings.Split(value, ",")...)
			case isUnset:
				c.Args[unset] = ""
			default:
				c.Args[key] = value
			}
		case '?':
			c.Query = append(c.Query, w[1:])
		case '.':
			if tag, ok := strings.CutPrefix(w, ".tag="); ok {
				c.tag = tag
			}
		default:
			c.bad = w
		}
	}
	if c.Name == "getall" {
		c.Name = "print"
	}
	return c
}

// cutLast splits "/queue/tree/print" into the menu and the command.
func cutLast(word string) (path, name string, ok bool) {
	i := strings.LastIndexByte(word, '/')
	if i < 0 || word[0] != '/' || i == len(word)-1 {
		return "", "", false
	}
	return cmp.Or(word[:i], "/"), word[i+1:], true
}

// full returns the command as one word.
func (c *apiCommand) full() string {
	if c.Path == "/" {
		return "/" + c.asked
	}
	return c.Path + "/" + c.asked
}

// reply returns a sentence to the client, with the tag of the command.
func (c *apiCommand) reply(word string, attributes ...string) []string {
	words := []string{word}
	if c.tag != "" {
		words = append(words, ".tag="+c.tag)
	}
	return append(words, attributes...)
}

func (c *apiCommand) done() []string { return c.reply("!done") }

// rows returns one sentence per row, without the final one.
func (c *apiCommand) rows(rows []map[string]string) [][]string {
	sentences := make([][]string, 0, len(rows)+2)
	for _, row := range rows {
		words := c.reply("!re")
		for _, key := range slices.Sorted(maps.Keys(row)) {
			words = append(words, "="+key+"="+row[key])
		}
		sentences = append(sentences, words)
	}
	return sentences
}

// trap returns the answer of a command that failed.
func (c *apiCommand) trap(r *Router, e *routeros.Error) [][]string {
	return [][]string{c.trapOnly(r, e), c.done()}
}

func (c *apiCommand) trapOnly(r *Router, e *routeros.Error) []string {
	var attributes []string
	if !r.cfg.Quirks.NoCategories {
		attributes = append(attributes, "=category="+strconv.Itoa(int(e.Category)))
	}
	if e.Text != "" {
		attributes = append(attributes, "=message="+e.Text)
	}
	return c.reply("!trap", attributes...)
}

// interrupted returns the answer of a /cancel and of the commands it ended.
func interrupted(r *Router, cancel *apiCommand, ended []*apiCommand) [][]string {
	slices.SortFunc(ended, func(a, b *apiCommand) int { return a.number - b.number })
	var sentences [][]string
	for _, c := range ended {
		sentences = append(sentences, c.trapOnly(r, &routeros.Error{Category: routeros.Interrupted, Text: "interrupted"}))
	}
	sentences = append(sentences, cancel.done())
	for _, c := range ended {
		sentences = append(sentences, c.done())
	}
	return sentences
}

func encodeSentences(sentences [][]string) []byte {
	var b []byte
	for _, words := range sentences {
		b = sentence.Append(b, words...)
	}
	return b
}

// apiTransaction is a command of the binary API and its answer.
type apiTransaction struct {
	session *apiSession
	call    *apiCommand

	answer [][]string
	raw    []byte // instead of the answer
	cut    bool   // the connection ends in the middle of the answer
	end    bool   // the connection ends after it
}

func (x *apiTransaction) bytes() []byte {
	b := x.raw
	if b == nil {
		b = encodeSentences(x.answer)
	}
	if x.cut {
		b = b[:len(b)/2]
	}
	return b
}

func (x *apiTransaction) run() {
	s := x.session
	s.mu.Lock()
	u := s.user
	s.mu.Unlock()
	switch {
	case x.call.full() == "/login":
		x.login()
	case u == nil:
		x.answer = x.call.trap(s.router, &routeros.Error{Category: routeros.Failure, Text: "not logged in"})
		x.end = true
	case x.call.bad != "":
		x.answer = x.call.trap(s.router, &routeros.Error{Category: routeros.BadArgument, Text: "unknown parameter " + x.call.bad})
	case x.call.Name == "find": // the API prints instead
		x.answer = x.call.trap(s.router, &routeros.Error{Category: routeros.MissingItem, Text: "no such command"})
	default:
		x.command(u)
	}
}

func (x *apiTransaction) command(u *routeros.User) {
	r := x.session.router
	res, err := r.state.Run(u, x.call.Command)
	if err != nil {
		x.fail(err)
		return
	}
	if x.call.Name == "print" && !res.HasRet {
		x.rows(res.Rows)
		return
	}
	done := x.call.done()
	if res.HasRet {
		done = append(done, "=ret="+res.Ret)
	}
	x.answer = [][]string{done}
}

func (x *apiTransaction) rows(rows []map[string]string) {
	x.answer = x.call.rows(rows)
	if len(rows) == 0 && x.session.router.state.Version().AtLeast(7, 18) {
		x.answer = append(x.answer, x.call.reply("!empty"))
	}
	x.answer = append(x.answer, x.call.done())
}

func (x *apiTransaction) fail(err error) {
	var e *routeros.Error
	if !errors.As(err, &e) {
		e = &routeros.Error{Category: routeros.Failure, Text: "failure: " + err.Error()}
	}
	x.answer = x.call.trap(x.session.router, e)
}

func (x *apiTransaction) sendFatal(word string) {
	x.answer, x.end = [][]string{{"!fatal", word}}, true
}

// login logs in, in one step or, on old routers, in two: the first returns a
// challenge.
func (x *apiTransaction) login() {
	s, args := x.session, x.call.Args
	r := s.router
	s.mu.Lock()
	challenge := s.challenge
	s.challenge = nil
	s.loginTries++
	loginTries := s.loginTries
	s.mu.Unlock()
	if loginTries > maxLoginTries {
		x.sendFatal("too many commands before login")
		return
	}

	response, answered := args["response"]
	if r.oldLogin() && !answered {
		if _, oneStep := args["password"]; oneStep {
			r.state.Log("system,error,critical", "login failure for user "+args["name"]+" from "+s.conn.from.String()+" via api")
		}
		challenge = make([]byte, 16)
		_, _ = rand.Read(challenge) // never fails
		s.mu.Lock()
		s.challenge = challenge
		s.mu.Unlock()
		x.answer = [][]string{append(x.call.done(), "=ret="+hex.EncodeToString(challenge))}
		return
	}
	password := func(want string) bool { return want == args["password"] }
	if r.oldLogin() {
		password = func(want string) bool {
			sum := md5.Sum(slices.Concat([]byte{0}, []byte(want), challenge))
			return challenge != nil && response == "00"+hex.EncodeToString(sum[:])
		}
	}
	u, err := s.conn.authenticate(args["name"], password)
	if err != nil {
		text := r.cfg.Quirks.LoginMessage
		setDefault(&text, "invalid user name or password (6)")
		x.answer = x.call.trap(r, &routeros.Error{Category: routeros.Failure, Text: text})
		return
	}
	s.conn.login(u)
	s.mu.Lock()
	s.user, s.loginTries = u, 0
	s.mu.Unlock()
	x.answer = [][]string{x.call.done()}
}

func (r *Router) oldLogin() bool {
	return r.cfg.Quirks.OldLogin || !r.state.Version().AtLeast(6, 43)
}

func (x *apiTransaction) expire() {
	x.fail(&routeros.Error{Category: routeros.Interrupted,
		Text: "action timed out - try again, if error continues contact MikroTik support and send a supout file (13)"})
}

func (x *apiTransaction) replace(f Fault) bool {
	r, call := x.session.router, x.call
	switch f.Kind {
	case Status:
		x.fail(&routeros.Error{Category: routeros.Failure, Text: f.Text})
	case Deny:
		x.fail(&routeros.Error{Category: routeros.Failure, Text: "not enough permissions (9)"})
	case Ignore:
		x.answer = [][]string{call.done()}
	case Empty:
		x.rows(nil)
	case WrongData:
		x.rows([]map[string]string{r.resourceRow()})
	case Fatal:
		x.sendFatal("session terminated by the router")
	case MultiTrap:
		x.answer = append([][]string{call.trapOnly(r, &routeros.Error{Category: routeros.Failure, Text: "failure: the first of two"})},
			call.trap(r, &routeros.Error{Category: routeros.Failure, Text: "failure: the second of two"})...)
	case HugeWord:
		b := encodeSentences([][]string{call.reply("!re")})
		x.raw = append(sentence.AppendLength(b[:len(b)-1], 1<<30), "=comment="...)
	case ControlByte:
		x.raw = append([]byte{0xF8}, encodeSentences([][]string{call.done()})...)
	default:
		return false
	}
	return true
}

func (x *apiTransaction) corrupt(f Fault) {
	switch f.Kind {
	case "", Slow:
	case Cut:
		x.cut = true
	case EmptyRe:
		x.answer = slices.Insert(x.answer, 0, x.call.reply("!re"))
	case Unsolicited:
		x.answer = slices.Insert(x.answer, 0, []string{"!re", ".tag=unused", "=.id=*FFFF"}, []string{"!done", ".tag=unused"})
	case Truncate:
		for i, words := range slices.Backward(x.answer) {
			if words[0] == "!re" {
				x.answer[i] = words[:1+len(words)/2]
				break
			}
		}
	default:
		if len(x.answer) > 0 {
			x.answer[0][0] = "?" + x.answer[0][0][1:]
		}
	}
}
