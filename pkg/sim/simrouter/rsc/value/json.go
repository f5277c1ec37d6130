package value

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// JSONTypes says how :serialize types values; which of them routers do is not
// settled.
type JSONTypes uint8

// The ways.
const (
	JSONTyped   JSONTypes = iota // numbers and booleans are such, everything else text
	JSONStrings                  // everything is text
	JSONConvert                  // text that looks like a number is one, too
)

// JSON writes v as :serialize does; it is cut somewhere past MaxText.
func (v Value) JSON(types JSONTypes, pretty bool) string {
	j := jsonWriter{types: types, pretty: pretty}
	j.value(v, 0)
	return j.b.String()
}

type jsonWriter struct {
	b      strings.Builder
	types  JSONTypes
	pretty bool
}

func (j *jsonWriter) value(v Value, indent int) {
	if j.b.Len() > MaxText {
		return
	}
	switch v.Kind {
	case Array:
		j.array(v.items, indent)
		return
	case Num, Bool:
		if j.types != JSONStrings {
			j.b.WriteString(v.Text())
			return
		}
	case Nothing, Nil:
		if j.types != JSONStrings {
			j.b.WriteString("null")
			return
		}
	case Str, Time, IP, Prefix, ID, Code:
	}
	text := v.Text()
	if n, ok := Number(text); ok && v.Kind == Str && j.types == JSONConvert {
		j.b.WriteString(strconv.FormatInt(n, 10))
		return
	}
	j.text(text)
}

func (j *jsonWriter) array(items []Item, indent int) {
	// One key makes it an object; elements without are keyed by their place.
	object := slices.ContainsFunc(items, func(it Item) bool { return it.Keyed })
	open, shut := "[", "]"
	if object {
		open, shut = "{", "}"
	}
	j.b.WriteString(open)
	for i, it := range items {
		if i > 0 {
			j.b.WriteByte(',')
		}
		j.line(indent + 1)
		if object {
			key := it.Key
			if !it.Keyed {
				key = strconv.Itoa(i)
			}
			j.text(key)
			j.b.WriteByte(':')
			if j.pretty {
				j.b.WriteByte(' ')
			}
		}
		j.value(it.Value, indent+1)
	}
	if len(items) > 0 {
		j.line(indent)
	}
	j.b.WriteString(shut)
}

func (j *jsonWriter) line(indent int) {
	if j.pretty {
		j.b.WriteString("\r\n" + strings.Repeat("    ", indent))
	}
}

// text writes a string. Bytes that are not UTF-8 go out as they are stored.
func (j *jsonWriter) text(s string) {
	j.b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			j.b.WriteByte('\\')
			j.b.WriteByte(c)
		case c == '\n':
			j.b.WriteString(`\n`)
		case c == '\r':
			j.b.WriteString(`\r`)
		case c == '\t':
			j.b.WriteString(`\t`)
		case c < ' ':
			fmt.Fprintf(&j.b, `\u%04x`, c)
		default:
			j.b.WriteByte(c)
		}
	}
	j.b.WriteByte('"')
}
