package ssh

import (
	"slices"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
)

// words collects the commands of a script and every text in it.
func words(t *testing.T, b *rsc.Block) (commands, texts []string) {
	t.Helper()
	var node func(n rsc.Node)
	var block func(b *rsc.Block)
	node = func(n rsc.Node) {
		switch n := n.(type) {
		case *rsc.String:
			var s strings.Builder
			for _, p := range n.Parts {
				text, ok := p.(*rsc.Text)
				if !ok {
					t.Fatalf("a string holds %T", p)
				}
				s.WriteString(text.Text)
			}
			texts = append(texts, s.String())
		case *rsc.Block:
			block(n)
		case *rsc.Sub:
			block(n.Block)
		case *rsc.Unary:
			node(n.X)
		case *rsc.Binary:
			node(n.X)
			node(n.Y)
		case *rsc.Array:
			for _, it := range n.Items {
				node(it.Value)
			}
		}
	}
	block = func(b *rsc.Block) {
		for _, c := range b.Commands {
			name := ""
			for _, w := range c.Words {
				if bare, ok := w.Bare(); ok {
					name += " " + bare
				}
				node(w.Value)
			}
			commands = append(commands, strings.TrimSpace(name))
			if c.Where != nil {
				node(c.Where)
			}
		}
	}
	block(b)
	return commands, texts
}

func parse(t *testing.T, s *script) (commands, texts []string) {
	t.Helper()
	text, err := s.text()
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(text, "\r\n") {
		t.Fatalf("script of several lines: %q", text)
	}
	b, err := rsc.Parse(text)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return words(t, b)
}

// checkInjection: a script has the same commands whatever a value holds, and the
// value arrives as it is.
func checkInjection(t *testing.T, value string) {
	t.Helper()
	build := func(v string) *script {
		s := newScript(token)
		s.print(rosclient.Query{Menu: "/queue/tree", Props: []string{".id", "name"}, Where: []rosclient.Match{{Prop: "name", Values: []string{v, "other"}}, {Prop: "comment", Values: []string{v}}}}, nil)
		s.change(rosclient.Change{Menu: "/queue/tree", Command: "set", ID: "*1", Set: map[string]string{"queue": v}}, nil)
		s.change(rosclient.Change{Menu: "/ip/firewall/address-list", Command: "add", Set: map[string]string{"list": v, "comment": v}}, nil)
		return s
	}
	want, _ := parse(t, build("harmless"))
	got, texts := parse(t, build(value))
	if !slices.Equal(got, want) {
		t.Errorf("value %q makes it\n%s\nwant\n%s", value, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	n := 0
	for _, text := range texts {
		if text == value {
			n++
		}
	}
	if n < 5 {
		t.Errorf("value %q is there %d times, want 5", value, n)
	}
}

var hostile = []string{
	`x" ; /system reboot; :put "`, `$[/system reboot]`, `[find]`, `;/queue tree remove [find]`, "a\r\n/system reboot\r\n", "nul\x00byte",
	`back\slash`, `\`, `\"`, `}`, `{`, `x?`, "\xff\xfe", "tab\there", `$name`, `("x")`, "#comment", token + ".", "*1",
}

func TestInjection(t *testing.T) {
	for _, v := range hostile {
		checkInjection(t, v)
	}
}

func FuzzInjection(f *testing.F) {
	for _, v := range hostile {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) { checkInjection(t, v) })
}

// TestWordsThatCannotBeQuoted: what is not a value is refused unless it is made
// of harmless characters.
func TestWordsThatCannotBeQuoted(t *testing.T) {
	for _, w := range hostile[:16] {
		for name, build := range map[string]func(s *script){
			"menu":     func(s *script) { s.print(rosclient.Query{Menu: "/queue" + w}, nil) },
			"property": func(s *script) { s.print(rosclient.Query{Menu: "/queue/tree", Props: []string{w}}, nil) },
			"condition": func(s *script) {
				s.print(rosclient.Query{Menu: "/queue/tree", Where: []rosclient.Match{{Prop: w, Values: []string{""}}}}, nil)
			},
			"id":      func(s *script) { s.change(rosclient.Change{Menu: "/queue/tree", Command: "set", ID: w}, nil) },
			"command": func(s *script) { s.change(rosclient.Change{Menu: "/queue/tree", Command: w, ID: "*1"}, nil) },
			"argument": func(s *script) {
				s.change(rosclient.Change{Menu: "/queue/tree", Command: "set", ID: "*1", Set: map[string]string{w: ""}}, nil)
			},
		} {
			s := newScript(token)
			build(s)
			if text, err := s.text(); err == nil {
				t.Errorf("%s %q is in %s", name, w, text)
			}
		}
	}
}

func TestConditions(t *testing.T) {
	for _, tt := range []struct {
		name  string
		where []rosclient.Match
		want  string
	}{
		{"none", nil, ""},
		{"several values", []rosclient.Match{{Prop: "name", Values: []string{"a", "b$"}}}, ` where name="a" or name="b\$"`},
		{"an address may be no text to the router", []rosclient.Match{{Prop: "list", Values: []string{"L"}}, {Prop: "address", Values: []string{"10.0.0.0/8"}}},
			` where list="L" and (address="10.0.0.0/8" or address=10.0.0.0/8)`},
		{"IPv6", []rosclient.Match{{Prop: "address", Values: []string{"2001:db8::5/128"}}}, ` where address="2001:db8::5/128" or address=2001:db8::5/128`},
		{"a range is text", []rosclient.Match{{Prop: "address", Values: []string{"10.0.0.1-10.0.0.9"}}}, ` where address="10.0.0.1-10.0.0.9"`},
		{"a zone could hold anything", []rosclient.Match{{Prop: "address", Values: []string{"fe80::1%a];/x"}}}, ` where address="fe80::1%a];/x"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (&script{}).where(tt.where); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}
