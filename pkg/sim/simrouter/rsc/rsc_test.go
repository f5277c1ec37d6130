package rsc

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// text writes a script back, one command a line, with every part marked.
func text(commands []*Command) string {
	var b strings.Builder
	for _, c := range commands {
		for i, w := range c.Words {
			if i > 0 {
				b.WriteByte('|')
			}
			if w.Key != "" {
				b.WriteString(w.Key + "=")
			}
			b.WriteString(node(w.Value))
		}
		if c.Where != nil {
			b.WriteString("|where:" + node(c.Where))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func node(n Node) string {
	switch n := n.(type) {
	case *Literal:
		return n.Text
	case *Text:
		return n.Text
	case *String:
		s := ""
		for _, p := range n.Parts {
			s += node(p)
		}
		return "'" + s + "'"
	case *Variable:
		return "$" + n.Name
	case *Property:
		return "@" + n.Name
	case *Sub:
		return "[" + strings.ReplaceAll(strings.TrimSpace(text(n.Block.Commands)), "\n", ";") + "]"
	case *Block:
		return "{:" + strings.ReplaceAll(strings.TrimSpace(text(n.Commands)), "\n", ";") + "}"
	case *Array:
		s := "{"
		for _, it := range n.Items {
			if it.Key != nil {
				s += node(it.Key) + "="
			}
			s += node(it.Value) + ";"
		}
		return s + "}"
	case *Unary:
		return "(!" + node(n.X) + ")"
	case *Binary:
		return "(" + node(n.X) + n.Op + node(n.Y) + ")"
	}
	return "?"
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		lines          []int
	}{
		{"nothing", "\n# only a comment\n\n", "", nil},
		{"words", "/queue tree add name=x\tmax-limit=500M", "/queue|tree|add|name=x|max-limit=500M\n", []int{1}},
		{"carriage returns", "/queue tree\r\nadd name=x\r\n", "/queue|tree\nadd|name=x\n", []int{1, 2}},
		{"several on a line", "a; b;;c", "a\nb\nc\n", []int{1, 1, 1}},
		{"continued", "add name=x \\\n    parent=y\nset", "add|name=x|parent=y\nset\n", []int{1, 3}},
		{"continued after =", "add name=\\\n  x", "add|name=x\n", []int{1}},
		{"quotes", `add comment="a b; # \"c\" \\ \$d \3F\_\n" x`, "add|comment='a b; # \"c\" \\ $d ? \n'|x\n", []int{1}},
		{"continued in quotes", "add comment=\"a \\\n    b\"\nx", "add|comment='a b'\nx\n", []int{1, 3}},
		{"bytes of other encodings", "add comment=\"T\xfcr\" name=\xe4", "add|comment='T\xfcr'|name=\xe4\n", []int{1}},
		{"equals in a value", "add name=a=b", "add|name=a=b\n", []int{1}},
		{"comment after indent", "  # c\nx", "x\n", []int{2}},

		{"find", `set [ find name=lan comment="a b" ] x=1`, "set|[find|where:((@name=lan)&&(@comment='a b'))]|x=1\n", []int{1}},
		{"find as a value", `set numbers=[find] x=`, "set|numbers=[find]|x=\n", []int{1}},
		{"find where", "set [find where name=a]", "set|[find|where:(@name=a)]\n", []int{1}},
		{"find in a path", "/queue/tree/find name!=\"x\"", "/queue/tree/find|where:(@name!='x')\n", []int{1}},
		{"conditions", "find !disabled and (list=\"a\" || list=b) max-limit=5M", "find|where:(((!@disabled)&&((@list='a')||(@list=b)))&&(@max-limit=5M))\n", []int{1}},
		{"addresses in conditions", "find address=10.0.0.0/24 or .id=*1A", "find|where:((@address=10.0.0.0/24)||(@.id=*1A))\n", []int{1}},
		{"not", "find !dynamic comment=x", "find|where:((!@dynamic)&&(@comment=x))\n", []int{1}},
		{"not of parentheses", "find !(a=1) b=2", "find|where:((!(@a=1))&&(@b=2))\n", []int{1}},
		{"variables in conditions", `find name=$x comment=("a" . $y)`, "find|where:((@name=$x)&&(@comment=('a'.$y)))\n", []int{1}},

		{"blocks", ":if ($a = 1) do={\n  x; y\n} else={ z }", ":if|($a=1)|do={:x;y}|else={:z}\n", []int{1}},
		{"code as text", "add source={ :if (1) do={x \"}\" }\n} name=y\nz", "add|source=' :if (1) do={x \"}\" }\n'|name=y\nz\n", []int{1, 3}},
		{"arrays", `:local a {1;"b"=$x; c={1;2}}`, ":local|a|{1;'b'=$x;c={1;2;};}\n", []int{1}},
		{"precedence", ":put (1 . \"x\" = \"1x\" && !$b or $c)", ":put|((((1.'x')='1x')&&(!$b))||$c)\n", []int{1}},
		{"addresses in expressions", ":put (10.0.0.1/24 . $net.\"x\")", ":put|((10.0.0.1/24.$net).'x')\n", []int{1}},
		{"elements", `:put ($a->"b"->0)`, ":put|(($a->'b')->0)\n", []int{1}},
		{"interpolation", `:put "a $b $[c d] $(1 . 2)\$"`, ":put|'a $b [c|d] (1.2)$'\n", []int{1}},
		{"brackets over lines", "x [a\n  b=c]", "x|[a|b=c]\n", []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := Parse(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, text(b.Commands)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			var lines []int
			for _, c := range b.Commands {
				lines = append(lines, c.Line)
			}
			if diff := cmp.Diff(tt.lines, lines, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("lines: -want +got\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		in           string
		line, column int
		want         string
	}{
		{"x\nadd name=\"y", 2, 12, "missing closing quote"},
		{"x\nadd name=\"y\nz\"", 2, 12, "missing closing quote"},
		{"add name=\"\\q\"", 1, 12, "unknown escape"},
		{"add name=\"\\3f\"", 1, 12, "in capitals"},
		{"add name=\"\\", 1, 12, "missing closing quote"},
		{"add name=\"a$ b\"", 1, 13, "write \\$ for a dollar sign"},
		{"set [find", 1, 10, "missing closing bracket"},
		{"set ]", 1, 5, "unexpected"},
		{"set =x", 1, 5, "unexpected"},
		{":if (1) do={\nx", 2, 2, "missing closing brace"},
		{"add source={x\n{}", 2, 3, "missing closing brace, opened in line 1"},
		{"add source={x\\", 1, 15, "missing closing brace, opened in line 1"},
		{":put (1", 1, 8, "missing closing parenthesis"},
		{":put (1 2)", 1, 9, "unexpected"},
		{":put (1 .)", 1, 10, "unexpected"},
		{":put (1 + 2)", 1, 9, "unexpected"},
		{":put {1;(2}", 1, 11, "unexpected"},
		{"}", 1, 1, "unexpected"},
		{":put " + strings.Repeat("(", maxNesting+1), 1, 70, "nested too deeply"},
		{":put (1" + strings.Repeat("=1", maxChain+2) + ")", 1, 1010, "too long"},
	} {
		_, err := Parse(tt.in)
		var at *SyntaxError
		if !errors.As(err, &at) || at.Line != tt.line || at.Column != tt.column || !strings.Contains(at.Detail, tt.want) || at.Text != "syntax error" {
			t.Errorf("Parse(%.40q): %#v; want line %d, column %d, %q", tt.in, err, tt.line, tt.column, tt.want)
		}
	}
}

// FuzzParse: never panics; every command has words, and lines only rise.
func FuzzParse(f *testing.F) {
	f.Add("/queue tree\nadd name=x \\\n  parent=\"a \\\"b\\\"\"; set [find name=x] y=\n# c")
	f.Add(`:foreach k,v in={1;"a"=$b} do={:put ("x" . $k->0) } on-error={}; find where !(a=1) and b="c"`)
	f.Fuzz(func(t *testing.T, in string) {
		b, err := Parse(in)
		if err != nil {
			return
		}
		line, last := 1, 1+strings.Count(in, "\n")
		for _, c := range b.Commands {
			if len(c.Words) == 0 || c.Line < line || c.Line > last || c.Column < 1 {
				t.Fatalf("%q: command %+v after line %d of %d", in, c, line, last)
			}
			line = c.Line
		}
	})
}

// FuzzQuote: reading what was quoted gives it back.
func FuzzQuote(f *testing.F) {
	f.Add("a \"b\" $c \\ ? \r\n\t\x00\xff é")
	f.Fuzz(func(t *testing.T, in string) {
		b, err := Parse(":put " + rosdata.QuoteRSC(in))
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		got := ""
		for _, p := range b.Commands[0].Words[1].Value.(*String).Parts {
			got += p.(*Text).Text
		}
		if len(b.Commands) != 1 || got != in {
			t.Errorf("%q became %q", in, got)
		}
	})
}
