package rosdata

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxQuote bounds what of a router's text gets into an error.
const maxQuote = 200

// Quote makes text of a router fit for an error or a log: on one line, in
// quotes, unprintable bytes escaped, and no longer than 200 bytes.
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

// QuoteRSC writes s as a string of RouterOS's console and script language, in
// double quotes. The result is printable ASCII on one line and means exactly
// the bytes of s: nothing in it ends the string, names a variable, runs a
// command or asks for help, whatever s holds.
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
