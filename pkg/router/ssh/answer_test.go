package ssh

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

const token = "wanctl0123456789abcdef"

// screen shows text as consoles may: "\n" within it as "\r\n", lines broken
// after so many columns, lines filled up to so many.
type screen struct {
	newline   bool
	wrap, pad int
}

// put is :put on that screen; ok is false where nobody could tell how a line
// ended.
func (s screen) put(text string) (shown string, ok bool) {
	if s.newline {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	var b strings.Builder
	for line := range strings.Lines(text + "\r\n") {
		line, crlf := strings.CutSuffix(line, "\r\n")
		line, lf := strings.CutSuffix(line, "\n")
		if s.wrap > 0 {
			if len(line) > 0 && len(line)%s.wrap == 0 {
				return "", false
			}
			for len(line) > s.wrap {
				b.WriteString(line[:s.wrap] + "\r\n")
				line = line[s.wrap:]
			}
		}
		b.WriteString(line)
		switch {
		case lf:
			b.WriteString("\n")
		case crlf:
			b.WriteString(strings.Repeat(" ", max(0, s.pad-len(line))) + "\r\n")
		}
	}
	return b.String(), true
}

// field is one property as a script prints it.
func field(kind, key, value string) string {
	return fmt.Sprintf("f %s %d %d %s %s.", kind, len(key), len(value), key, value)
}

func beginning() string { return token + "+\r\n" + token + "+\n" + token + "+" + widthProbe }

// show puts every line on a screen.
func (s screen) show(lines ...string) (string, bool) {
	var all strings.Builder
	for _, l := range lines {
		shown, ok := s.put(l)
		if !ok {
			return "", false
		}
		all.WriteString(shown)
	}
	return all.String(), true
}

var screens = map[string]screen{
	"as it is":         {},
	"newlines":         {newline: true},
	"80 columns":       {wrap: 80},
	"37 columns":       {wrap: 37, newline: true},
	"padding":          {pad: 100},
	"a little padding": {pad: 40},
}

func TestParseAnswer(t *testing.T) {
	comment := "Tür \xe4 \"q\" $x;;;\x00\x1f\r\n  two \n" + token + "." + strings.Repeat("long ", 40)
	lines := []string{
		beginning(), token + "=",
		"r 8 *1000001.", field("str", "name", "WAN-Download-1"), field("num", "max-limit", "500000000"), field("str", "comment", comment),
		field("array", "policy", "read;write"), field("time", "uptime", "2d20:12:20"), field("nil", "parent", ""), field("str", "queue", ""),
		token + "-", "r 0 .", field("id", ".id", "*7"), field("bool", "disabled", "false"), token + ".",
	}
	want := []row{
		{rosdata.Row{".id": "*1000001", "name": "WAN-Download-1", "max-limit": "500000000", "comment": comment, "policy": "read,write", "uptime": "2d20h12m20s", "queue": ""}, 1},
		{rosdata.Row{"disabled": "false"}, 1},
	}
	for name, s := range screens {
		t.Run(name, func(t *testing.T) {
			text, ok := s.show(lines...)
			if !ok {
				t.Fatal("this screen cannot show the test")
			}
			a := parseAnswer(token, []byte(text), false, rosconn.NewBudget(rosconn.MaxAnswer))
			if diff := cmp.Diff(want, a.rows, cmp.AllowUnexported(row{})); diff != "" || !a.done || a.made != 1 || a.shown != 1 {
				t.Errorf("done %v, made %d, rest %.200q; -want +got\n%s", a.done, a.made, a.rest, diff)
			}
			// Nothing but the whole is success, and no part of it a refusal.
			for n := range len(text) - 2 {
				a := parseAnswer(token, []byte(text[:n]), false, rosconn.NewBudget(rosconn.MaxAnswer))
				if a.done || refused(a, "") != "" {
					t.Fatalf("the first %d bytes pass: %.300q, %q", n, text[:n], refused(a, ""))
				}
			}
		})
	}
}

// FuzzUnderstand: whatever is in names and values comes out as it went in, on
// every screen, and cannot end the answer.
func FuzzUnderstand(f *testing.F) {
	f.Add("name", "comment", "value", "\r\nno such item\r\n"+token+".\r\n", uint8(0), uint8(0), true)
	f.Add("", "x y", "\x00\xff \r", "f str 1 1 a b.\r\n", uint8(80), uint8(0), false)
	f.Add("a", "b", "   \n\n", strings.Repeat("x", 300), uint8(0), uint8(90), false)
	f.Fuzz(func(t *testing.T, k1, k2, v1, v2 string, wrap, pad uint8, newline bool) {
		if k1 == k2 || k1 == ".id" || k2 == ".id" {
			return
		}
		s := screen{newline: newline, wrap: int(wrap)}
		if wrap > 0 && wrap < 30 {
			s.wrap = 0
		}
		if s.wrap == 0 && !newline && !strings.ContainsAny(k1+k2+v1+v2, "\r\n") {
			s.pad = int(pad)
		}
		text, ok := s.show(beginning(), "r 2 *1.", field("str", k1, v1), field("str", k2, v2))
		if !ok {
			return
		}
		end, _ := s.show(token + ".")
		want := []row{{rosdata.Row{".id": "*1", k1: v1, k2: v2}, 0}}
		a := parseAnswer(token, []byte(text+end), false, rosconn.NewBudget(rosconn.MaxAnswer))
		if diff := cmp.Diff(want, a.rows, cmp.AllowUnexported(row{})); diff != "" || !a.done {
			t.Errorf("%+v: rest %q; -want +got\n%s", s, a.rest, diff)
		}
		if a := parseAnswer(token, []byte(text), false, rosconn.NewBudget(rosconn.MaxAnswer)); a.done || refused(a, "") != "" {
			t.Errorf("%+v: passes without its end, or as %q", s, refused(a, ""))
		}
	})
}

// FuzzUnderstandAnything: no output makes it fail or say more than is there.
func FuzzUnderstandAnything(f *testing.F) {
	f.Add("r 8 *1000001.\r\nf str 4 1 name x.\r\n" + token + ".\r\n")
	f.Add("r 99999999999 x\r\nf str -1 2 a b.\r\n")
	f.Fuzz(func(t *testing.T, in string) {
		a := parseAnswer(token, []byte(in), true, rosconn.NewBudget(rosconn.MaxAnswer))
		if a.begun && !strings.Contains(in, token+"+") || a.done && !strings.Contains(in, token+".") {
			t.Errorf("%q: %+v", in, a)
		}
		size := len(a.rest)
		for _, r := range a.rows {
			for k, v := range r.Row {
				size += len(k) + len(v)
			}
		}
		if size > 2*len(in)+100 {
			t.Errorf("%d bytes out of %d", size, len(in))
		}
	})
}

func TestRefusals(t *testing.T) {
	begun, _ := screen{}.show(beginning())
	rowed, _ := screen{}.show(beginning(), "r 2 *1.", field("str", "comment", "x\r\nfailure: not this\r\n"))
	for _, tt := range []struct {
		name, output, command string
		class                 error
		want                  string
	}{
		{"permission", begun + "not enough permissions (9)\r\n", "", router.ErrDenied, "policy=read,write,ssh"},
		{"policy of the service", begun + "std failure: not allowed (9)\r\n", "", router.ErrDenied, "policy=read,write,ssh"},
		{"no such item", rowed + "no such item\r\n", "", router.ErrNotFound, "no such item"},
		{"value", begun + "\r\ninput does not match any value of queue (/queue/tree/set (queue); line 1)   \r\n", "", router.ErrInvalid, "line 1"},
		{"syntax, before anything ran", "expected end of command (line 1 column 186)\r\n", "", router.ErrUnsupported, "column 186"},
		{"broken line", "bad command name poe (line 1\r\n column 21)\r\n", "", router.ErrUnsupported, "(line 1 column 21)"},
		{"exists", begun + "failure: already have such entry\r\n", "", router.ErrExists, "already have"},
		{"script's own words", begun + "Hello\r\nfailure: not the last\r\nout of milk\r\n", "run", router.ErrInvalid, "out of milk"},
		{"slow", begun + "action timed out - try again, if error continues contact MikroTik support and send a supout file (13)\r\n", "", router.ErrOutcomeUnknown, "timed out"},
		{"nothing at all", "", "", router.ErrOutcomeUnknown, "nothing"},
		{"cut off", begun, "", router.ErrOutcomeUnknown, "ends early"},
		{"cut off in a value that looks like a refusal", rowed[:len(rowed)-3], "", router.ErrOutcomeUnknown, "something else"},
		{"another token", strings.ReplaceAll(begun, token, "wanctl0000000000000000"), "", router.ErrOutcomeUnknown, "something else"},
		{"a web page", "<html>failure: no\r\n", "", router.ErrOutcomeUnknown, "something else"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := &transport{target: &rosconn.Target{Host: "192.0.2.1", Port: 22}}
			err := tr.refusal(parseAnswer(token, []byte(tt.output), false, rosconn.NewBudget(rosconn.MaxAnswer)), tt.command)
			if !errors.Is(err, tt.class) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %q of class %v", err, tt.want, tt.class)
			}
		})
	}
}

func TestNoisyScript(t *testing.T) {
	text, _ := screen{}.show(beginning(), "anything", "r 9 nonsense", "no newline at the end"+token+"=", token+"-", token+".")
	if a := parseAnswer(token, []byte(text), true, rosconn.NewBudget(rosconn.MaxAnswer)); !a.done || a.made != 1 || a.shown != 1 {
		t.Errorf("got %+v", a)
	}
	if a := parseAnswer(token, []byte(text), false, rosconn.NewBudget(rosconn.MaxAnswer)); a.done {
		t.Error("noise was taken for an answer")
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]string{
		"00:00:00": "0s", "2d20:12:20": "2d20h12m20s", "6w5d11:55:45": "6w5d11h55m45s", "00:00:00.100": "100ms", "00:00:00.05": "50ms",
		"00:00:01.000250": "1s250us", "1w00:00:00": "1w", "01:00:00": "1h", "50ms": "50ms", "never": "never", "": "",
	} {
		if got := duration(in); got != want {
			t.Errorf("duration(%q) = %q, want %q", in, got, want)
		}
	}
}

// A line full of blanks, which may all be padding, takes time in proportion to its
// length: a router can send 8 MiB of them.
func TestPaddedLinesAreReadOnce(t *testing.T) {
	const width = 200_000
	blanks := strings.Repeat(" ", width)
	pad := func(line string) string { return line + strings.Repeat(" ", 2*width+len(token)+1-len(line)) }
	output := pad(token+"+") + "\r\n" + pad(token+"+") + "\n" + pad(token+"+"+widthProbe) + "\r\n" +
		pad("r 2 *1.") + "\r\n" + pad("f str 1 600000 a "+blanks+"x") + "\r\n" + strings.Repeat("y", width)
	start := time.Now()
	if a := parseAnswer(token, []byte(output), false, rosconn.NewBudget(rosconn.MaxAnswer)); !a.begun || a.done {
		t.Errorf("begun %t, done %t", a.begun, a.done)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// Output within its size is given up when its rows take too much memory.
func TestRowsAreBounded(t *testing.T) {
	const size, most = 2 << 20, 24 << 20
	start := token + "+\r\n" + token + "+\n" + token + "+" + widthProbe + "\r\n"
	for _, tt := range []struct {
		name, again string
		tooLarge    bool
	}{
		{"empty rows", "r 0 .\r\n", true},
		{"rows of one value", "r 2 *1.\r\nf num 1 1 a 1.\r\n", true},
		{"values of one row", "f num 1 1 a 1.\r\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output := []byte(start + "r 2 *1.\r\n" + strings.Repeat(tt.again, size/len(tt.again)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			a := parseAnswer(token, output, false, rosconn.NewBudget(size))
			runtime.ReadMemStats(&after)
			if !a.begun || a.tooLarge != tt.tooLarge || a.done {
				t.Errorf("begun %v, too large %v, done %v", a.begun, a.tooLarge, a.done)
			}
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%d MiB were allocated", took>>20)
			}
		})
	}
}
