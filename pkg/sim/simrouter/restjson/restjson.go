// Package restjson is JSON as RouterOS writes and reads it over REST, which is not
// standard JSON: all values are strings, keys are sorted, and bytes above 0x7f and
// control bytes without a short escape are sent as they are stored. With
// escapeControls, control bytes are escaped as the standard requires.
package restjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Rows returns an array of rows.
func Rows(rows []map[string]string, escapeControls bool) []byte {
	b := []byte{'['}
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, Row(r, escapeControls)...)
	}
	return append(b, ']')
}

// Row returns an object.
func Row(row map[string]string, escapeControls bool) []byte {
	b := []byte{'{'}
	for i, key := range slices.Sorted(maps.Keys(row)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, key, escapeControls)
		b = append(b, ':')
		b = AppendString(b, row[key], escapeControls)
	}
	return append(b, '}')
}

// AppendString appends a string to b.
func AppendString(b []byte, s string, escapeControls bool) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < ' ' && escapeControls:
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// Object is the body of a request.
type Object struct {
	Args  map[string]string   // numbers and booleans as strings
	Lists map[string][]string // .proplist and .query
}

// Parse reads the body of a request; an empty one is an empty Object. Errors are in
// RouterOS's words.
func Parse(body []byte) (Object, error) {
	o := Object{Args: map[string]string{}, Lists: map[string][]string{}}
	if len(bytes.TrimSpace(body)) == 0 {
		return o, nil
	}
	dec := json.NewDecoder(bytes.NewReader(encodeHighBytes(body)))
	dec.UseNumber()
	var props map[string]any
	if err := dec.Decode(&props); err != nil {
		return o, errors.New("Failed to parse json") //nolint:staticcheck // in the words of RouterOS
	}
	for key, v := range props {
		key = decodeHighBytes(key)
		wrong := fmt.Errorf("invalid value for argument %s", key)
		if key == ".proplist" || key == ".query" {
			words, ok := stringList(v)
			if !ok {
				return o, wrong
			}
			o.Lists[key] = words
			continue
		}
		switch v := v.(type) {
		case string:
			o.Args[key] = decodeHighBytes(v)
		case json.Number, bool:
			o.Args[key] = fmt.Sprint(v)
		default:
			return o, wrong
		}
	}
	return o, nil
}

// stringList returns a list that may be one string with commas.
func stringList(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return strings.Split(decodeHighBytes(v), ","), true
	case []any:
		words := make([]string, len(v))
		for i, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, false
			}
			words[i] = decodeHighBytes(s)
		}
		return words, true
	}
	return nil, false
}

// highByteBase is the first of the private-use runes that stand for bytes above
// 0x7f while encoding/json decodes a body. It would replace bytes that are not
// UTF-8; a router keeps them.
const highByteBase = 0xF700

func encodeHighBytes(body []byte) []byte {
	b := make([]byte, 0, len(body))
	for _, c := range body {
		if c < utf8.RuneSelf {
			b = append(b, c)
		} else {
			b = utf8.AppendRune(b, highByteBase+rune(c))
		}
	}
	return b
}

func decodeHighBytes(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > highByteBase+utf8.RuneSelf-1 && r <= highByteBase+0xFF {
			b = append(b, byte(r-highByteBase))
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}
