package rest

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// encoding/json cannot read what routers send: control bytes go out raw inside
// strings, and text is in whatever encoding somebody typed it, which
// encoding/json would replace by U+FFFD and so make unrecognisable. This
// decoder reads just the shapes REST has, and keeps the bytes.

// errHTML says that the answer is a web page.
var errHTML = errors.New("answer is a web page, not JSON")

// maxDepth bounds nested values, which are kept as text.
const maxDepth = 32

// decode reads an answer: an array of objects, one object, or nothing. Values
// that are not strings are kept as their text; null counts as absent. Rows that take
// more memory than left are an error.
func decode(data []byte, left rosconn.Budget) (rows []rosdata.Row, single bool, err error) {
	d := decoder{data: data, left: left}
	d.space()
	switch {
	case d.pos == len(d.data):
		return nil, false, nil
	case d.data[d.pos] == '<':
		return nil, false, errHTML
	case d.data[d.pos] == '{':
		row, err := d.object()
		if err != nil {
			return nil, false, err
		}
		rows, single = []rosdata.Row{row}, true
	default:
		if rows, err = d.array(); err != nil {
			return nil, false, err
		}
	}
	if d.space(); d.pos < len(d.data) {
		return nil, false, d.fail("the end")
	}
	return rows, single, nil
}

type decoder struct {
	data []byte
	pos  int
	left rosconn.Budget
}

func (d *decoder) fail(want string) error {
	if d.pos >= len(d.data) {
		return fmt.Errorf("answer ends after %d bytes where %s was expected", len(d.data), want)
	}
	end := min(len(d.data), d.pos+40)
	return fmt.Errorf("answer has %s at byte %d where %s was expected", rosdata.Quote(string(d.data[d.pos:end])), d.pos, want)
}

func (d *decoder) space() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\t', '\r', '\n':
			d.pos++
		default:
			return
		}
	}
}

// next consumes c after optional space.
func (d *decoder) next(c byte) bool {
	d.space()
	if d.pos < len(d.data) && d.data[d.pos] == c {
		d.pos++
		return true
	}
	return false
}

func (d *decoder) array() ([]rosdata.Row, error) {
	if !d.next('[') {
		return nil, d.fail("[ or {")
	}
	rows := []rosdata.Row{}
	if d.next(']') {
		return rows, nil
	}
	for {
		row, err := d.object()
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
		if d.next(']') {
			return rows, nil
		}
		if !d.next(',') {
			return nil, d.fail(", or ]")
		}
	}
}

func (d *decoder) object() (rosdata.Row, error) {
	if !d.next('{') {
		return nil, d.fail("{")
	}
	if err := d.left.Row(); err != nil {
		return nil, err
	}
	row := make(rosdata.Row, 8)
	if d.next('}') {
		return row, nil
	}
	for {
		d.space()
		key, err := d.str()
		if err != nil {
			return nil, err
		}
		if !d.next(':') {
			return nil, d.fail(":")
		}
		value, present, err := d.value()
		if err != nil {
			return nil, err
		}
		if err := d.left.Value(len(key) + len(value)); err != nil {
			return nil, err
		}
		if present {
			row[key] = value
		} else {
			delete(row, key)
		}
		if d.next('}') {
			return row, nil
		}
		if !d.next(',') {
			return nil, d.fail(", or }")
		}
	}
}

// value reads any value as text.
func (d *decoder) value() (text string, present bool, err error) {
	d.space()
	start := d.pos
	if start < len(d.data) && d.data[start] == '"' {
		text, err = d.str()
		return text, true, err
	}
	if err := d.skip(0); err != nil {
		return "", false, err
	}
	text = string(d.data[start:d.pos])
	return text, text != "null", nil
}

// skip passes over one value.
func (d *decoder) skip(depth int) error {
	d.space()
	if d.pos >= len(d.data) || depth > maxDepth {
		return d.fail("a value")
	}
	switch c := d.data[d.pos]; c {
	case '"':
		_, err := d.str()
		return err
	case '[', '{':
		d.pos++
		closing := c + 2 // ']' and '}'
		if d.next(closing) {
			return nil
		}
		for {
			if c == '{' {
				d.space()
				if _, err := d.str(); err != nil {
					return err
				}
				if !d.next(':') {
					return d.fail(":")
				}
			}
			if err := d.skip(depth + 1); err != nil {
				return err
			}
			if d.next(closing) {
				return nil
			}
			if !d.next(',') {
				return d.fail("a comma or " + string(closing))
			}
		}
	}
	return d.literal()
}

// literal passes over a number, true, false or null.
func (d *decoder) literal() error {
	start := d.pos
	for d.pos < len(d.data) {
		c := d.data[d.pos]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == 'E' {
			d.pos++
			continue
		}
		break
	}
	switch word := string(d.data[start:d.pos]); word {
	case "true", "false", "null":
		return nil
	default:
		_, err := strconv.ParseFloat(word, 64)
		number := err == nil || errors.Is(err, strconv.ErrRange)
		if number && (word[0] == '-' || word[0] >= '0' && word[0] <= '9') {
			return nil
		}
		d.pos = start
		return d.fail("a value")
	}
}

// str reads a string. Bytes outside escapes are kept as they are.
func (d *decoder) str() (string, error) {
	if d.pos >= len(d.data) || d.data[d.pos] != '"' {
		return "", d.fail("a string")
	}
	d.pos++
	start := d.pos
	for ; d.pos < len(d.data); d.pos++ {
		switch d.data[d.pos] {
		case '"':
			s := string(d.data[start:d.pos])
			d.pos++
			return s, nil
		case '\\':
			return d.escaped(start)
		}
	}
	return "", d.fail("a closing quote")
}

// escaped is str from the first backslash on.
func (d *decoder) escaped(start int) (string, error) {
	b := append([]byte(nil), d.data[start:d.pos]...)
	for d.pos < len(d.data) {
		c := d.data[d.pos]
		switch {
		case c == '"':
			d.pos++
			return string(b), nil
		case c != '\\':
			b = append(b, c)
			d.pos++
			continue
		}
		if d.pos+1 >= len(d.data) {
			break
		}
		d.pos += 2
		switch e := d.data[d.pos-1]; e {
		case '"', '\\', '/':
			b = append(b, e)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, ok := d.hex4()
			if !ok {
				return "", d.fail("four hex digits")
			}
			if utf16.IsSurrogate(r) {
				r = d.surrogate(r)
			}
			b = utf8.AppendRune(b, r)
		default:
			d.pos -= 2
			return "", d.fail("an escape")
		}
	}
	d.pos = len(d.data)
	return "", d.fail("a closing quote")
}

func (d *decoder) hex4() (rune, bool) {
	if d.pos+4 > len(d.data) {
		return 0, false
	}
	v, err := strconv.ParseUint(string(d.data[d.pos:d.pos+4]), 16, 16)
	if err != nil {
		return 0, false
	}
	d.pos += 4
	return rune(v), true
}

// surrogate completes a pair; half of one is U+FFFD.
func (d *decoder) surrogate(first rune) rune {
	back := d.pos
	if d.pos+2 <= len(d.data) && d.data[d.pos] == '\\' && d.data[d.pos+1] == 'u' {
		d.pos += 2
		if second, ok := d.hex4(); ok {
			if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
				return r
			}
		}
		d.pos = back
	}
	return utf8.RuneError
}
