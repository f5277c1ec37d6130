package output

import (
	"encoding/json"
	"fmt"
	"io"
)

// Stream prints items one at a time as they come: a line each, so that the
// reader of a pipe sees them at once.
type Stream[T any] struct {
	put func(T) error
	end func() error
}

// NewStream returns a Stream to w. JSON gives one array, closed by Close. In the
// table format, line writes each item for people.
func NewStream[T any](w io.Writer, f Format, line func(io.Writer, T) error) *Stream[T] {
	none := func() error { return nil }
	switch f {
	case JSONL:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return &Stream[T]{put: func(v T) error { return enc.Encode(v) }, end: none}
	case JSON:
		return jsonStream[T](w)
	case CSV:
		return csvStream[T](w)
	case Table:
	}
	return &Stream[T]{put: func(v T) error { return line(w, v) }, end: none}
}

// Put prints v.
func (s *Stream[T]) Put(v T) error { return s.put(v) }

// Close ends the output. The Stream is not used afterwards.
func (s *Stream[T]) Close() error { return s.end() }

func jsonStream[T any](w io.Writer) *Stream[T] {
	sep := "[\n  "
	put := func(v T) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s%s", sep, b)
		sep = ",\n  "
		return err
	}
	end := func() error {
		text := "\n]\n"
		if sep[0] == '[' {
			text = "[]\n"
		}
		_, err := io.WriteString(w, text)
		return err
	}
	return &Stream[T]{put: put, end: end}
}
