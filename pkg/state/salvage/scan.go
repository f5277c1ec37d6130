// Package salvage reads JSON as state files need it: in the dialect of the
// earlier system, whose encoder writes NaN, Infinity and -Infinity, and, where
// a file is damaged, as much of it as is still readable.
//
// Values stay the text they were: nothing is decoded but the names of members.
package salvage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// maxDepth bounds how deep values may be nested, as encoding/json does.
const maxDepth = 10_000

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // bytes from the start of the text
	Text   string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.Text, e.Offset) }

// Object splits text, one JSON object and nothing else, into its members. Of a
// member that stands there twice the last one counts, as for every reader;
// twice names it. The error is a *SyntaxError.
func Object(text []byte) (members map[string]json.RawMessage, twice []string, err error) {
	s := scanner{text: text}
	at := s.space(0)
	if s.at(at) != '{' {
		return nil, nil, s.unexpected(at)
	}
	members = map[string]json.RawMessage{}
	end, err := s.object(at, 1, func(name, value []byte) {
		key := unquote(name)
		if _, there := members[key]; there {
			twice = append(twice, key)
		}
		members[key] = json.RawMessage(bytes.Clone(value))
	})
	if err == nil {
		err = s.nothingAfter(end)
	}
	if err != nil {
		return nil, nil, err
	}
	return members, twice, nil
}

// List splits text, one JSON list and nothing else, into its items.
func List(text []byte) ([]json.RawMessage, error) {
	s := scanner{text: text}
	at := s.space(0)
	if s.at(at) != '[' {
		return nil, s.unexpected(at)
	}
	var items []json.RawMessage
	end, err := s.list(at, 1, func(item []byte) { items = append(items, json.RawMessage(bytes.Clone(item))) })
	if err == nil {
		err = s.nothingAfter(end)
	}
	return items, err
}

// AppendCompact appends the valid text to dst, without white space between its
// tokens.
func AppendCompact(dst, text []byte) []byte {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\' && i+1 < len(text):
			dst = append(dst, c, text[i+1])
			i++
			continue
		case c == '"':
			quoted = !quoted
		case !quoted && isSpace(c):
			continue
		}
		dst = append(dst, text[i])
	}
	return dst
}

// unquote decodes a string that the scanner accepted.
func unquote(quoted []byte) string {
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return string(quoted) // the scanner accepts nothing that json refuses
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// scanner finds where values end. Its methods take the offset of the first byte
// and return that of the byte after the last.
type scanner struct{ text []byte }

// at is the byte at offset i, 0 (which stands nowhere in JSON) outside the text.
func (s scanner) at(i int) byte {
	if i >= 0 && i < len(s.text) {
		return s.text[i]
	}
	return 0
}

func (s scanner) space(i int) int {
	for i < len(s.text) && isSpace(s.text[i]) {
		i++
	}
	return i
}

func (s scanner) unexpected(i int) error {
	if i >= len(s.text) {
		return &SyntaxError{len(s.text), "unexpected end"}
	}
	r, _ := utf8.DecodeRune(s.text[i:])
	return &SyntaxError{i, fmt.Sprintf("unexpected %q", r)}
}

func (s scanner) nothingAfter(i int) error {
	if i = s.space(i); i < len(s.text) {
		return s.unexpected(i)
	}
	return nil
}

func (s scanner) value(i, depth int) (int, error) {
	if depth > maxDepth {
		return i, &SyntaxError{i, "nested too deep"}
	}
	switch c := s.at(i); {
	case c == '{':
		return s.object(i, depth+1, func(_, _ []byte) {})
	case c == '[':
		return s.list(i, depth+1, func([]byte) {})
	case c == '"':
		return s.quoted(i)
	case c == '-' || '0' <= c && c <= '9':
		return s.number(i)
	}
	return s.word(i)
}

func (s scanner) object(i, depth int, member func(name, value []byte)) (int, error) {
	i = s.space(i + 1)
	if s.at(i) == '}' {
		return i + 1, nil
	}
	for {
		if s.at(i) != '"' {
			return i, s.unexpected(i)
		}
		end, err := s.quoted(i)
		if err != nil {
			return i, err
		}
		name := s.text[i:end]
		if i = s.space(end); s.at(i) != ':' {
			return i, s.unexpected(i)
		}
		i = s.space(i + 1)
		if end, err = s.value(i, depth); err != nil {
			return i, err
		}
		member(name, s.text[i:end])
		switch i = s.space(end); s.at(i) {
		case ',':
			i = s.space(i + 1)
		case '}':
			return i + 1, nil
		default:
			return i, s.unexpected(i)
		}
	}
}

func (s scanner) list(i, depth int, item func([]byte)) (int, error) {
	i = s.space(i + 1)
	if s.at(i) == ']' {
		return i + 1, nil
	}
	for {
		end, err := s.value(i, depth)
		if err != nil {
			return i, err
		}
		item(s.text[i:end])
		switch i = s.space(end); s.at(i) {
		case ',':
			i = s.space(i + 1)
		case ']':
			return i + 1, nil
		default:
			return i, s.unexpected(i)
		}
	}
}

// quoted scans a string. What is not UTF-8 no other reader of the file takes.
func (s scanner) quoted(i int) (int, error) {
	for i++; i < len(s.text); {
		switch c := s.text[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			n := escape(s.text[i+1:])
			if n == 0 {
				return i, s.unexpected(i + 1)
			}
			i += 1 + n
		case c < ' ':
			return i, s.unexpected(i)
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(s.text[i:])
			if r == utf8.RuneError && n == 1 {
				return i, &SyntaxError{i, "text that is not UTF-8"}
			}
			i += n
		}
	}
	return i, s.unexpected(i)
}

// escape is the length of what may follow a backslash, 0 if nothing may.
func escape(text []byte) int {
	switch {
	case len(text) == 0:
		return 0
	case bytes.IndexByte([]byte(`"\/bfnrt`), text[0]) >= 0:
		return 1
	case text[0] != 'u' || len(text) < 5:
		return 0
	}
	for _, c := range text[1:5] {
		if bytes.IndexByte([]byte("0123456789abcdefABCDEF"), c) < 0 {
			return 0
		}
	}
	return 5
}

func (s scanner) number(i int) (int, error) {
	if s.at(i) == '-' {
		if i++; s.at(i) == 'I' {
			return s.word(i)
		}
	}
	digits := func() bool {
		from := i
		for '0' <= s.at(i) && s.at(i) <= '9' {
			i++
		}
		return i > from
	}
	if s.at(i) == '0' {
		i++
	} else if !digits() {
		return i, s.unexpected(i)
	}
	if s.at(i) == '.' {
		if i++; !digits() {
			return i, s.unexpected(i)
		}
	}
	if c := s.at(i); c == 'e' || c == 'E' {
		if i++; s.at(i) == '+' || s.at(i) == '-' {
			i++
		}
		if !digits() {
			return i, s.unexpected(i)
		}
	}
	return i, nil
}

// word scans a value that is neither quoted nor a number. NaN and Infinity are
// no JSON.
func (s scanner) word(i int) (int, error) {
	for _, w := range []string{"true", "false", "null", "NaN", "Infinity"} {
		if i < len(s.text) && bytes.HasPrefix(s.text[i:], []byte(w)) {
			return i + len(w), nil
		}
	}
	return i, s.unexpected(i)
}
