package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"unicode/utf8"
)

// object is a JSON object whose values stay as they were written, so that the
// fields of other programs survive a save. NaN and Infinity are placeholders in
// it, see swapTokens.
type object map[string]json.RawMessage

// parseObject reads one JSON object and nothing else. Errors are ErrDamaged.
func parseObject(data []byte) (object, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, damagef("the file is empty")
	}
	if !utf8.Valid(data) {
		return nil, damagef("no JSON object (it is not UTF-8)")
	}
	o := object{}
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(swapTokens(data, nonFinite), &o); {
	case errors.As(err, &syntax):
		return nil, damagef("no JSON object (%v at byte %d)", err, syntax.Offset)
	case err != nil || o == nil: // o is nil after "null"
		return nil, damagef("no JSON object")
	}
	return o, nil
}

// text is the object as written to a file: compact, sorted by key.
func (o object) text() ([]byte, error) {
	data, err := encode(o)
	return swapTokens(data, placeholder), err
}

// encode is json.Marshal that writes <, > and & as they are.
func encode(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// Ways to write a number that is not finite.
const (
	nonFinite   = iota // as Python's encoder does: no JSON
	placeholder        // as a JSON string of the same length
)

// swapTokens replaces the non-finite numbers of the earlier system by JSON
// strings that encoding/json reads and keeps, or back. from says what text
// contains. Offsets into the text stay valid.
func swapTokens(text []byte, from int) []byte {
	spellings := [][2]string{{"NaN", "\"\x7f\""}, {"Infinity", "\"\x7fInfin\""}, {"-Infinity", "\"\x7f-Infin\""}}
	out := bytes.Clone(text)
	for i := 0; i < len(out); i++ {
		end := i
		for _, s := range spellings {
			if bytes.HasPrefix(out[i:], []byte(s[from])) {
				end = i + copy(out[i:], s[1-from]) - 1
			}
		}
		if end == i && out[i] == '"' {
			end = closingQuote(out, i)
		}
		i = end
	}
	return out
}

// closingQuote is the index of the quote that ends the string starting at i.
func closingQuote(text []byte, i int) int {
	for i++; i < len(text) && text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

// object returns the object at key; an empty one when there is none.
func (o object) object(key string) object {
	var child object
	if json.Unmarshal(o[key], &child) != nil || child == nil {
		return object{}
	}
	return child
}

// lookup returns the value at a dotted key, nil where there is none or null.
// Where a part of key holds something other than an object, that part is invalid.
func (o object) lookup(key string) (value json.RawMessage, invalid string) {
	for at := 0; ; {
		dot := strings.IndexByte(key[at:], '.')
		if dot < 0 {
			return unlessNull(o[key[at:]]), ""
		}
		raw := unlessNull(o[key[at:at+dot]])
		at += dot + 1
		o = nil
		if raw != nil && json.Unmarshal(raw, &o) != nil {
			return nil, key[:at-1]
		}
	}
}

func unlessNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// set makes v the value at a dotted key and removes the value when v is nil. It
// creates the objects around it.
func (o object) set(key string, v any) error {
	if name, rest, nested := strings.Cut(key, "."); nested {
		child := o.object(name)
		if err := child.set(rest, v); err != nil {
			return err
		}
		return o.set(name, child)
	}
	if v == nil {
		delete(o, key)
		return nil
	}
	raw, err := encode(v)
	o[key] = raw
	return err
}

// leaves counts the values in o that are no objects.
func (o object) leaves() int {
	n := 0
	for key := range o {
		n += max(o.object(key).leaves(), 1)
	}
	return n
}

func (o object) clone() object {
	if o == nil {
		return object{}
	}
	return maps.Clone(o)
}
