package rosdata

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestQuoteRSC(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"plain", "WAN-Download-1", `"WAN-Download-1"`},
		{"empty", "", `""`},
		{"spaces", "ADAPTIVE: Steer", `"ADAPTIVE: Steer"`},
		{"end of the string", `x" ; /system reboot`, `"x\" ; /system reboot"`},
		{"command substitution", `$[/system reboot]`, `"\$[/system reboot]"`},
		{"backslash before a quote", `\"`, `"\\\""`},
		{"help of the console", "a?", `"a\?"`},
		{"lines", "a\r\nb\tc", `"a\r\nb\tc"`},
		{"control bytes", "\x00\x07\x1b[2J\x7f", `"\00\07\1B[2J\7F"`},
		{"beyond ASCII", "Küche\xff", `"K\C3\BCche\FF"`},
		{"line continuation", "a\\\nb", `"a\\\nb"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := QuoteRSC(tt.in); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// FuzzQuoteRSC checks that the quoted form is harmless text, and that reading it by
// RouterOS's rules gives what went in.
func FuzzQuoteRSC(f *testing.F) {
	for _, s := range []string{"", "plain", `"\$?`, "\r\n\t\x00\xff", `\`, `$[/x]`, "\\\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q := QuoteRSC(s)
		for i := range len(q) {
			if q[i] < ' ' || q[i] > '~' {
				t.Fatalf("byte %#x in %s", q[i], q)
			}
		}
		if got := unquoteRSC(t, q); got != s {
			t.Fatalf("%q became %q over %s", s, got, q)
		}
	})
}

// unquoteRSC reads a string as RouterOS does; where one would end early, name a
// variable or ask for help, the test fails.
func unquoteRSC(t *testing.T, q string) string {
	inner, ok := strings.CutPrefix(q, `"`)
	if !ok || !strings.HasSuffix(inner, `"`) {
		t.Fatalf("%s is not in quotes", q)
	}
	inner = inner[:len(inner)-1]
	var b strings.Builder
	for inner != "" {
		c := inner[0]
		inner = inner[1:]
		switch {
		case strings.IndexByte(`"$?`, c) >= 0:
			t.Fatalf("bare %c in %s", c, q)
		case c != '\\':
			b.WriteByte(c)
			continue
		case inner == "":
			t.Fatalf("%s escapes its own end", q)
		}
		if i := strings.IndexByte(`"\$?nrt`, inner[0]); i >= 0 {
			b.WriteByte("\"\\$?\n\r\t"[i])
			inner = inner[1:]
			continue
		}
		if len(inner) < 2 || strings.ToUpper(inner[:2]) != inner[:2] {
			t.Fatalf("escape \\%s in %s", inner, q)
		}
		raw, err := hex.DecodeString(inner[:2])
		if err != nil {
			t.Fatalf("escape \\%s in %s: %v", inner[:2], q, err)
		}
		b.Write(raw)
		inner = inner[2:]
	}
	return b.String()
}

func TestIsPlainName(t *testing.T) {
	for name, want := range map[string]bool{
		"WAN-Download-1": true, "a": true, "wan.up_2": true,
		"": false, "*1": false, "1": false, "0x1": false, "a b": false, "a,b": false, "ü": false, "a/b": false, "a%20": false, "-a": false, "a\x00": false,
	} {
		if got := IsPlainName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
