package output

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Stream prints items one at a time as they come: a line each, so that the
// reader of a pipe sees them at once.
type Stream[T any] struct {
	put func(T) error
	end func() error
}

// NewStream returns a Stream to w. JSON gives one array, closed by Close; the
// table format is left to line, which writes one item for people.
func NewStream[T any](w io.Writer, f Format, cols []Column[T], line func(io.Writer, T) error) *Stream[T] {
	none := func() error { return nil }
	switch f {
	case JSONL:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return &Stream[T]{put: func(v T) error { return enc.Encode(v) }, end: none}
	case JSON:
		return jsonStream[T](w)
	case CSV:
		return newCSVStream(w, cols)
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

// newCSVStream prints CSV of the columns that have names, else of the JSON fields.
func newCSVStream[T any](w io.Writer, cols []Column[T]) *Stream[T] {
	if slices.ContainsFunc(cols, func(c Column[T]) bool { return c.Name != "" }) {
		return columnStream(w, cols)
	}
	return csvStream[T](w)
}

func columnStream[T any](w io.Writer, cols []Column[T]) *Stream[T] {
	cw := csv.NewWriter(w)
	guard := cellGuard{cw}
	row := make([]string, len(cols))
	headed := false
	head := func() {
		if !headed {
			headed = true
			for i, c := range cols {
				row[i] = c.Name
			}
			_ = guard.Write(row) // kept by the writer, and returned by Error
		}
	}
	put := func(v T) error {
		head()
		for i, c := range cols {
			row[i] = c.field(v)
		}
		_ = guard.Write(row)
		cw.Flush()
		return cw.Error()
	}
	end := func() error {
		head()
		cw.Flush()
		return cw.Error()
	}
	return &Stream[T]{put: put, end: end}
}

// field is the CSV form of the column for v.
func (c Column[T]) field(v T) string {
	if c.Value != nil {
		return fmt.Sprint(c.Value(v))
	}
	return c.Text(v)
}
