package output

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// screen plays the terminal: it understands what Live writes and nothing else.
type screen struct {
	t      *testing.T
	rows   []string
	row    int
	cursor bool
}

func (s *screen) write(text string) {
	for text != "" {
		cut := func(prefix string) bool {
			rest, ok := strings.CutPrefix(text, prefix)
			if ok {
				text = rest
			}
			return ok
		}
		s.grow()
		switch {
		case cut(hideCursor):
			s.cursor = false
		case cut(showCursor):
			s.cursor = true
		case cut(clearLine):
		case cut(clearBelow):
			s.rows = s.rows[:s.row]
		case cut("\n"):
			s.row++
		case cut("\r"):
			s.rows[s.row] = s.rows[s.row][:0]
		case strings.HasPrefix(text, "\x1b["):
			end := strings.IndexByte(text, 'A')
			if end != 3 {
				s.t.Fatalf("unknown sequence in %q", text)
			}
			s.row -= int(text[2] - '0')
			text = text[end+1:]
		default:
			end := strings.IndexAny(text, "\x1b\n\r")
			if end < 0 {
				s.t.Fatalf("unfinished line %q", text)
			}
			s.rows[s.row] = text[:end]
			text = text[end:]
		}
	}
}

func (s *screen) grow() {
	for len(s.rows) <= s.row {
		s.rows = append(s.rows, "")
	}
}

func TestLive(t *testing.T) {
	var b bytes.Buffer
	size := [2]int{10, 5}
	l := &Live{w: &b, size: func() (int, int) { return size[0], size[1] }}
	s := &screen{t: t, cursor: true}
	for _, step := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"first", func() error { return l.Draw([]string{"one", "two"}) }, []string{"one", "two"}},
		{"shorter line", func() error { return l.Draw([]string{"1", "two"}) }, []string{"1", "two"}},
		{"fewer lines", func() error { return l.Draw([]string{"1"}) }, []string{"1"}},
		{"more lines", func() error { return l.Draw([]string{"1", "2", "3"}) }, []string{"1", "2", "3"}},
		{"too wide", func() error { return l.Draw([]string{"0123456789ab"}) }, []string{"0123456789"}},
		{"above", func() error { return l.Print("note", []string{"x", "y"}) }, []string{"note", "x", "y"}},
		{"note stays", func() error { return l.Draw([]string{"z"}) }, []string{"note", "z"}},
		{"too high", func() error { return l.Draw([]string{"a", "b", "c", "d", "e", "f"}) }, []string{"note", "a", "b", "c", "d"}},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		s.write(b.String())
		b.Reset()
		if diff := cmp.Diff(step.want, s.rows[:min(s.row, len(s.rows))]); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step.name, diff)
		}
		if s.cursor {
			t.Fatalf("%s: the cursor is visible", step.name)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s.write(b.String())
	if !s.cursor {
		t.Error("the cursor is not given back")
	}
}

func TestLiveCloseWithoutDrawWritesNothing(t *testing.T) {
	var b bytes.Buffer
	l := NewLive(Streams{Out: &b})
	if err := l.Close(); err != nil || b.Len() > 0 {
		t.Errorf("wrote %q, %v", b.String(), err)
	}
}

var errBroken = errors.New("gone")

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestLiveReportsErrors(t *testing.T) {
	gone := errBroken
	if err := NewLive(Streams{Out: brokenWriter{gone}}).Draw([]string{"x"}); !errors.Is(err, gone) {
		t.Errorf("error %v, want %v", err, gone)
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		columns    int
		want       string
	}{
		{"shorter", "abc", 5, "abc"},
		{"exact", "abcde", 5, "abcde"},
		{"longer", "abcdef", 5, "abcde"},
		{"none", "abc", 0, ""},
		{"runes, not bytes", "▁▂▃▄", 3, "▁▂▃"},
		{"colour takes no room", Paint(true, Red, "abc") + "de", 5, Paint(true, Red, "abc") + "de"},
		{"colour is switched off", Paint(true, Red, "abcdef"), 3, Paint(true, Red, "abc")},
		{"unknown sequence is text", "\x1b]0;title", 3, "\x1b]0"},
		{"broken runes", "\xff\xfe\xfd", 2, "\xff\xfe"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Fit(tt.line, tt.columns); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzFit(f *testing.F) {
	f.Add("\x1b[31mred\x1b[0m and ▁▂▃", 5)
	f.Fuzz(func(t *testing.T, line string, columns int) {
		if strings.ContainsRune(line, '\x1b') || columns < 0 || columns > 1000 {
			t.Skip()
		}
		got := Fit(line, columns)
		if !strings.HasPrefix(line, got) || utf8.RuneCountInString(got) != min(columns, utf8.RuneCountInString(line)) {
			t.Errorf("Fit(%q, %d) = %q", line, columns, got)
		}
	})
}

func TestPaint(t *testing.T) {
	if got := Paint(false, Red, "x"); got != "x" {
		t.Errorf("colour although it is off: %q", got)
	}
	if got := Paint(true, Red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
}
