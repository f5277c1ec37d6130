package simrouter

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// RouterOS writes its JSON by hand, and so does this: all values are strings,
// keys are sorted, bytes above 0x7f go out as they are stored, whatever
// encoding they are in, and so do control bytes without a short escape.

func encodeRows(rows []map[string]string, escapeControls bool) []byte {
	b := []byte{'['}
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, encodeRow(r, escapeControls)...)
	}
	return append(b, ']')
}

func encodeRow(row map[string]string, escapeControls bool) []byte {
	b := []byte{'{'}
	for i, key := range slices.Sorted(maps.Keys(row)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, key, escapeControls)
		b = append(b, ':')
		b = appendString(b, row[key], escapeControls)
	}
	return append(b, '}')
}

func appendString(b []byte, s string, escapeControls bool) []byte {
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

// restError is an error body: {"detail":...,"error":400,"message":...}, where
// the detail may be missing.
func restError(status int, detail string) response {
	b := []byte{'{'}
	if detail != "" {
		b = appendString(append(b, `"detail":`...), detail, true)
		b = append(b, ',')
	}
	b = append(b, `"error":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"message":`...)
	b = appendString(b, http.StatusText(status), true)
	return response{status: status, body: append(b, '}')}
}
