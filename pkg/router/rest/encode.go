package rest

import (
	"fmt"
	"maps"
	"slices"
)

// encoding/json would replace what is not UTF-8, and write & and < as escapes
// that nobody has seen a router read. These bodies hold the bytes of a value as
// they are, as answers do.

// object writes properties in the order of their names.
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

// query writes the body of a print with conditions; no props are all of them.
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
