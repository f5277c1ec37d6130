package ssh

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// answer is the parsed output of a script.
type answer struct {
	begun bool  // the script was started
	done  bool  // the script ran to its end
	made  int   // changes that were made
	shown int   // changes of those whose rows were printed completely
	rows  []row // in the order they were printed

	// rest is the output in place of the line expected next; all output of a
	// script that was not started.
	rest string

	tooLarge bool // the rows take too much memory
}

// row is a row and the number of changes before it.
type row struct {
	rosdata.Row
	made int
}

// of returns the row printed after that many changes.
func (a answer) of(made int) rosdata.Row {
	for _, r := range a.rows {
		if r.made == made {
			return r.Row
		}
	}
	return nil
}

// parseAnswer parses the output of the script with a token. A noisy script runs a
// script of the router, which may print anything. Rows that take more memory than left
// end the answer.
func parseAnswer(token string, output []byte, noisy bool, left rosconn.Budget) answer {
	r := &reader{data: output}
	if !r.measure(token) {
		return answer{rest: string(output)}
	}
	a := answer{begun: true}
	for {
		start := *r
		if len(a.rows) > 0 && left.Value(0) != nil {
			a.tooLarge = true
			return a
		}
		switch {
		case r.literal(token+".") && r.endOfLine():
			a.done = true
			return a
		case r.from(start).literal(token+"=") && r.endOfLine():
			a.made++
		case r.from(start).literal(token+"-") && r.endOfLine():
			a.shown++
		case r.from(start).literal("r "):
			id, err := r.counted(1)
			if err != nil || !r.literal(".") || !r.endOfLine() {
				a.rest = start.remainder()
				return a
			}
			if left.Row() != nil {
				a.tooLarge = true
				return a
			}
			a.rows = append(a.rows, row{rosdata.Row{}, a.made})
			if id[0] != "" {
				a.rows[len(a.rows)-1].Row[".id"] = id[0]
			}
		case r.from(start).literal("f ") && len(a.rows) > 0 && r.property(a.rows[len(a.rows)-1].Row):
		case noisy && r.from(start).seek(token+"="):
		default:
			a.rest = start.remainder()
			return a
		}
	}
}

// seek moves forward to s.
func (r *reader) seek(s string) bool {
	at := bytes.Index(r.data[r.pos:], []byte(s))
	if at <= 0 {
		return false
	}
	r.pos, r.col = r.pos+at, 0
	return true
}

// maxKept is the largest number of blanks before an end of line that may belong to
// a value, where lines are padded with blanks.
const maxKept = 8

// property parses "num 9 9 max-limit 500000000.".
func (r *reader) property(into rosdata.Row) bool {
	start := *r
	for keep := range maxKept {
		r.from(start).keep = keep
		if r.propertyWith(into) {
			r.keep = 0
			return true
		}
		if r.pad == 0 {
			break
		}
	}
	return false
}

func (r *reader) propertyWith(into rosdata.Row) bool {
	kind, ok := r.upTo(' ', 16)
	if !ok {
		return false
	}
	words, err := r.counted(2)
	if err != nil || !r.literal(".") || !r.endOfLine() {
		return false
	}
	key, value := words[0], words[1]
	switch kind {
	case "nothing", "nil":
		return true
	case "array":
		value = strings.ReplaceAll(value, ";", ",")
	case "time":
		value = duration(value)
	}
	if key != ".id" {
		into[key] = value
	}
	return true
}

// reader reads the text of a console. How a console formats text differs; it is
// measured on a known line.
type reader struct {
	data []byte
	pos  int
	col  int

	wrap    int  // lines are broken at this column; 0: they are not
	pad     int  // lines are filled up with blanks to this column; 0: they are not
	newline bool // "\n" within a value is shown as "\r\n"

	// lineEnd is the end of a padded line, and blankFrom the start of the blanks
	// before it.
	lineEnd, blankFrom int

	keep, kept int // blanks that are not padding, and how many of them were read
}

// from returns to an earlier position.
func (r *reader) from(start reader) *reader {
	*r = start
	return r
}

// measure finds the beginning of the output, after a banner, and measures how the
// console formats lines.
func (r *reader) measure(token string) bool {
	mark := []byte(token + "+")
	at := bytes.Index(r.data, mark)
	if at < 0 {
		return false
	}
	r.pos = at + len(mark)
	r.spaces()
	if blanks := r.pos - at - len(mark); blanks > 0 {
		r.pad = len(mark) + blanks
	}
	// The first of these is where "\n" becomes "\r\n".
	if !r.skip("\r\r\n") && !r.skip("\r\n") || !r.skip(token+"+") {
		return false
	}
	r.spaces()
	switch {
	case r.skip("\r\n"):
		r.newline = true
	case !r.skip("\n"):
		return false
	}
	r.col = 0
	for _, c := range []byte(token + "+" + widthProbe) {
		if r.wrap == 0 && r.col > 0 && (r.ahead("\r\n") || r.ahead("\n")) {
			r.wrap = r.col
		}
		if got, ok := r.next(); !ok || got != c {
			return false
		}
	}
	return r.endOfLine()
}

// next returns the next byte of the printed text.
func (r *reader) next() (byte, bool) {
	if r.wrap > 0 && r.col == r.wrap && (r.skip("\r\n") || r.skip("\n")) {
		r.col = 0
	}
	if r.col < r.pad {
		r.padding()
	}
	if r.newline && r.skip("\r\n") {
		r.col = 0
		return '\n', true
	}
	if r.pos >= len(r.data) {
		return 0, false
	}
	c := r.data[r.pos]
	r.pos++
	switch {
	case c == '\n':
		r.col = 0
	case c == '\r' && r.ahead("\n"): // an end of line takes no column
	default:
		r.col++
	}
	return c, true
}

// padding skips the padding at the end of a line within a value.
func (r *reader) padding() {
	end := r.pos + r.pad - r.col
	if end >= len(r.data) || !bytes.HasPrefix(r.data[end:], []byte("\r\n")) {
		r.kept = 0
		return
	}
	if r.lineEnd != end {
		r.lineEnd, r.blankFrom = end, r.pos+len(bytes.TrimRight(r.data[r.pos:end], " "))
	}
	switch {
	case r.pos < r.blankFrom:
		r.kept = 0
	case r.kept < r.keep:
		r.kept++
	default:
		r.pos, r.col, r.kept = end, r.pad, 0
	}
}

func (r *reader) ahead(s string) bool { return bytes.HasPrefix(r.data[r.pos:], []byte(s)) }

func (r *reader) skip(s string) bool {
	if !r.ahead(s) {
		return false
	}
	r.pos += len(s)
	return true
}

func (r *reader) spaces() {
	for r.skip(" ") {
	}
}

// literal reads exactly s.
func (r *reader) literal(s string) bool {
	for i := range len(s) {
		if c, ok := r.next(); !ok || c != s[i] {
			return false
		}
	}
	return true
}

// upTo reads up to a byte, which it consumes, and at most that many others.
func (r *reader) upTo(end byte, most int) (string, bool) {
	var b []byte
	for len(b) <= most {
		c, ok := r.next()
		if !ok || c == end {
			return string(b), ok
		}
		b = append(b, c)
	}
	return "", false
}

// counted reads n lengths and then n words of these lengths, all separated by
// blanks.
func (r *reader) counted(n int) ([]string, error) {
	lengths := make([]int, n)
	for i := range lengths {
		text, ok := r.upTo(' ', 10)
		length, err := strconv.ParseUint(text, 10, 31)
		if !ok || err != nil || int(length) > len(r.data) {
			return nil, fmt.Errorf("%s is not a length", rosdata.Quote(text))
		}
		lengths[i] = int(length)
	}
	words := make([]string, n)
	for i, length := range lengths {
		if i > 0 && !r.literal(" ") {
			return nil, fmt.Errorf("word is longer than announced")
		}
		b := make([]byte, 0, length)
		for range length {
			c, ok := r.next()
			if !ok {
				return nil, fmt.Errorf("word is shorter than announced")
			}
			b = append(b, c)
		}
		words[i] = string(b)
	}
	return words, nil
}

// endOfLine reads padding and the end of a line. The end of the output is none,
// since the output may have been cut off there.
func (r *reader) endOfLine() bool {
	r.spaces()
	if !r.skip("\r\n") && !r.skip("\n") {
		return false
	}
	r.col = 0
	return true
}

// remainder returns the rest of the output, with wrapped lines joined.
func (r reader) remainder() string {
	var b strings.Builder
	for {
		c, ok := r.next()
		if !ok {
			return b.String()
		}
		b.WriteByte(c)
	}
}
