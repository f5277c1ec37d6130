package output

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/tw"
)

// The library keeps the widths of 8192 texts, which takes a third of the memory of a
// daemon that prints no table.
func init() { twwidth.SetCacheCapacity(0) }

// writeTable prints items as aligned columns without lines.
func writeTable[T any](w io.Writer, items []T, cols []Column[T]) error {
	align := make(tw.Alignment, len(cols))
	head := make([]string, len(cols))
	for i, c := range cols {
		head[i], align[i] = c.Head, tw.AlignLeft
		if c.Right {
			align[i] = tw.AlignRight
		}
	}
	var buf bytes.Buffer
	table := tablewriter.NewTable(&buf,
		tablewriter.WithRendition(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		}),
		tablewriter.WithPadding(tw.Padding{Right: "  ", Overwrite: true}),
		tablewriter.WithAlignment(align),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
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
	// The library pads the last column too, which would end up in every paste.
	for line := range strings.Lines(buf.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}
