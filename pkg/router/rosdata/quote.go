package rosdata

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxQuote bounds how much of a router's text an error contains, in bytes.
const maxQuote = 200

// Quote returns text of a router in a form for errors and logs: on one line, in
// quotes, unprintable bytes escaped, and at most maxQuote bytes long.
func Quote(s string) string {
	cut := s
	for {
		q := fmt.Sprintf("%q", cut)
		if len(q) <= maxQuote {
			if len(cut) < len(s) {
				return q + "..."
			}
			return q
		}
		// Escapes are up to six times as long as what they escape.
		n := min(len(cut)-1, max(1, len(cut)*(maxQuote-2)/len(q)))
		for n > 0 && !utf8.RuneStart(cut[n]) {
			n--
		}
		cut = cut[:n]
	}
}

// QuoteRSC returns s as a string of RouterOS's script language, in double quotes.
// The result is printable ASCII on one line and stands for exactly the bytes of
// s: nothing in it ends the string, names a variable, runs a command or asks for
// help, whatever s contains.
func QuoteRSC(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\', '$', '?':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		default:
			if c < ' ' || c > '~' {
				b.WriteByte('\\')
				b.WriteByte(hex[c>>4])
				b.WriteByte(hex[c&15])
				continue
			}
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// IsPlainName reports whether name consists of ASCII letters, digits and . _ - and
// begins with a letter. Where RouterOS takes an id, a number or a name of a row, it
// can only be a name, and it needs no escapes in a path.
func IsPlainName(name string) bool {
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '.' && c != '_' && c != '-') {
			return false
		}
	}
	return name != ""
}
