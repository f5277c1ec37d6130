package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
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

// Column is one column of a list of T. Text is what people see; Value, where
// it differs, is the bare number or string that CSV carries under Name.
type Column[T any] struct {
	Head  string
	Name  string
	Text  func(T) string
	Value func(T) any
	Right bool // align right: numbers
}

// List prints items in format f. JSON and JSONL encode the items themselves,
// so T carries the json tags that are the contract with programs.
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
		return writeCSV(w, items, cols)
	case Table:
	}
	return writeTable(w, items, cols)
}

// EncodeJSON writes v as indented JSON.
func EncodeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func writeCSV[T any](w io.Writer, items []T, cols []Column[T]) error {
	s := csvStream(w, cols)
	for _, item := range items {
		if err := s.Put(item); err != nil {
			return err
		}
	}
	return s.Close()
}

func writeTable[T any](w io.Writer, items []T, cols []Column[T]) error {
	align := make([]tw.Align, len(cols))
	head := make([]string, len(cols))
	for i, c := range cols {
		head[i], align[i] = c.Head, tw.AlignLeft
		if c.Right {
			align[i] = tw.AlignRight
		}
	}
	var buf bytes.Buffer
	table := tablewriter.NewTable(&buf,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Settings: tw.Settings{
				Separators: tw.SeparatorsNone,
				Lines:      tw.LinesNone,
			},
		})),
		tablewriter.WithConfig(tablewriter.Config{
			Header: tw.CellConfig{
				Formatting: tw.CellFormatting{AutoFormat: tw.Off},
				Alignment:  tw.CellAlignment{PerColumn: align},
				Padding:    tw.CellPadding{Global: tw.Padding{Left: "", Right: "  ", Overwrite: true}},
			},
			Row: tw.CellConfig{
				Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone},
				Alignment:  tw.CellAlignment{PerColumn: align},
				Padding:    tw.CellPadding{Global: tw.Padding{Left: "", Right: "  ", Overwrite: true}},
			},
			Behavior: tw.Behavior{TrimSpace: tw.On},
		}),
	)
	table.Header(head)
	for _, item := range items {
		row := make([]string, len(cols))
		for i, c := range cols {
			row[i] = c.Text(item)
		}
		if err := table.Append(row); err != nil {
			return err
		}
	}
	if err := table.Render(); err != nil {
		return err
	}
	// The library pads the last column too; nobody wants that in a paste.
	for line := range strings.Lines(buf.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}
