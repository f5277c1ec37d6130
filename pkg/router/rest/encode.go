package rest

import (
	"fmt"
	"maps"
	"slices"
)

// encoding/json would replace bytes that are not UTF-8, and write & and < as escapes
// that no router has been seen to accept. These bodies contain the bytes of a value
// unchanged, as answers do.

// object returns properties as a JSON object, in the order of their names.
func object(props map[string]string) []byte {
	b := []byte{'{'}
	for i, key := range slices.Sorted(maps.Keys(props)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, key), ':')
		b = appendText(b, props[key])
	}
	return append(b, '}')
}

// query returns the body of a print with conditions. No props stand for all.
func query(words, props []string) []byte {
	b := []byte{'{'}
	if len(props) > 0 {
		b = append(appendTexts(append(b, `".proplist":`...), props), ',')
	}
	return append(appendTexts(append(b, `".query":`...), words), '}')
}

func appendTexts(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, s := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, s)
	}
	return append(b, ']')
}

func appendText(b []byte, s string) []byte {
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
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
