package rsc

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// text writes statements back, one a line, with every word in its parts.
func text(statements []Statement) string {
	var b strings.Builder
	for _, s := range statements {
		for i, w := range s.Words {
			if i > 0 {
				b.WriteByte('|')
			}
			word(&b, w)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func word(b *strings.Builder, w Word) {
	switch {
	case w.Group:
		b.WriteByte('[')
		for i, s := range w.Sub {
			if i > 0 {
				b.WriteByte('|')
			}
			word(b, s)
		}
		b.WriteByte(']')
	case w.Quoted:
		b.WriteString("'" + w.Text + "'")
	default:
		b.WriteString(w.Text)
	}
	if w.Value != nil {
		b.WriteByte('=')
		word(b, *w.Value)
	}
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
		{"find", `set [ find name=lan comment="a b" ] x=1`, "set|[find|name=lan|comment='a b']|x=1\n", []int{1}},
		{"find as a value", `set numbers=[find] x=`, "set|numbers=[find]|x=\n", []int{1}},
		{"equals in a value", "add name=a=b", "add|name=a=b\n", []int{1}},
		{"comment after indent", "  # c\nx", "x\n", []int{2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, text(got)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			var lines []int
			for _, s := range got {
				lines = append(lines, s.Line)
			}
			if diff := cmp.Diff(tt.lines, lines, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("lines: -want +got\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		in   string
		line int
		want string
	}{
		{"x\nadd name=\"y", 2, "missing closing quote"},
		{"x\nadd name=\"y\nz\"", 2, "missing closing quote"},
		{"add name=\"\\q\"", 1, "unknown escape"},
		{"add name=\"\\", 1, "missing closing quote"},
		{"add name=\"$x\"", 1, "variables are not simulated"},
		{"set [find", 1, "missing closing bracket"},
		{"set ]", 1, "unexpected"},
		{"set =x", 1, "unexpected"},
		{"\n:if (1) do={}", 2, "not simulated"},
		{":local x $y", 1, "not simulated"},
		{"do={", 1, "not simulated"},
	} {
		_, err := Parse(tt.in)
		var at *SyntaxError
		if !errors.As(err, &at) || at.Line != tt.line || !strings.Contains(at.Text, tt.want) {
			t.Errorf("Parse(%q): %v; want line %d, %q", tt.in, err, tt.line, tt.want)
		}
	}
}

// FuzzParse: never panics; every statement has words, and lines only rise.
func FuzzParse(f *testing.F) {
	f.Add("/queue tree\nadd name=x \\\n  parent=\"a \\\"b\\\"\"; set [find name=x] y=\n# c")
	f.Fuzz(func(t *testing.T, in string) {
		statements, err := Parse(in)
		if err != nil {
			return
		}
		line, last := 1, 1+strings.Count(in, "\n")
		for _, s := range statements {
			if len(s.Words) == 0 || s.Line < line || s.Line > last {
				t.Fatalf("%q: statement %+v after line %d of %d", in, s, line, last)
			}
			line = s.Line
		}
	})
}
