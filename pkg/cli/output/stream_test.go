package output

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

func TestStream(t *testing.T) {
	line := func(w io.Writer, h host) error { _, err := fmt.Fprintf(w, "%s %d\n", h.Name, h.Port); return err }
	for _, tt := range []struct {
		format Format
		items  []host
		want   string
	}{
		{Table, []host{{"a", 1}, {"b", 2}}, "a 1\nb 2\n"},
		{JSONL, []host{{"a", 1}, {"b", 2}}, "{\"name\":\"a\",\"port\":1}\n{\"name\":\"b\",\"port\":2}\n"},
		{JSON, []host{{"a", 1}, {"b", 2}}, "[\n  {\"name\":\"a\",\"port\":1},\n  {\"name\":\"b\",\"port\":2}\n]\n"},
		{CSV, []host{{"a", 1}, {"b", 2}}, "name,port\na,1\nb,2\n"},
		{JSON, nil, "[]\n"},
		{CSV, nil, "name,port\n"},
		{JSONL, nil, ""},
	} {
		var b bytes.Buffer
		s := NewStream(&b, tt.format, line)
		for _, h := range tt.items {
			if err := s.Put(h); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if b.String() != tt.want {
			t.Errorf("%s: got %q, want %q", tt.format, b.String(), tt.want)
		}
	}
}
