package output

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Format is the value of --output.
type Format string

// Output formats. Table is for people; the others are stable for programs.
const (
	Table Format = "table"
	JSON  Format = "json"
	JSONL Format = "jsonl"
	CSV   Format = "csv"
)

// Formats lists every Format, for validation, help and completion.
func Formats() []string { return []string{string(Table), string(JSON), string(JSONL), string(CSV)} }

// String, Set and Type make Format a pflag.Value.
func (f *Format) String() string { return string(*f) }

// Set accepts one of Formats.
func (f *Format) Set(s string) error {
	if !slices.Contains(Formats(), s) {
		return fmt.Errorf("must be one of %s", strings.Join(Formats(), ", "))
	}
	*f = Format(s)
	return nil
}

// Type names the value in help texts.
func (f *Format) Type() string { return "format" }

// Column is one column of a table of T.
type Column[T any] struct {
	Head  string
	Text  func(T) string
	Right bool // align right: numbers
}

// List prints items in format f. The columns are the table for people; for
// programs, the json tags of T are the names of fields and of CSV columns.
func List[T any](w io.Writer, f Format, items []T, cols []Column[T]) error {
	switch f {
	case JSON:
		if items == nil {
			items = []T{}
		}
		return EncodeJSON(w, items)
	case JSONL:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, item := range items {
			if err := enc.Encode(item); err != nil {
				return err
			}
		}
		return nil
	case CSV:
		return writeCSV(w, items)
	case Table:
	}
	return writeTable(w, items, cols)
}

// One prints a single item in format f: an object in JSON, a line in JSONL, a row
// in CSV, and text for people.
func One[T any](w io.Writer, f Format, item T, text string) error {
	switch f {
	case JSON:
		return EncodeJSON(w, item)
	case JSONL, CSV:
		return List(w, f, []T{item}, nil)
	case Table:
	}
	_, err := io.WriteString(w, text)
	return err
}

// EncodeJSON writes v as indented JSON.
func EncodeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func writeCSV[T any](w io.Writer, items []T) error {
	s := csvStream[T](w)
	for _, item := range items {
		if err := s.Put(item); err != nil {
			return err
		}
	}
	return s.Close()
}
