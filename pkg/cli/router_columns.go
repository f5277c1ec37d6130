package cli

import (
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

// field is described at output.Field.
func field[T any](name string, value func(T) any) output.Column[T] { return output.Field(name, value) }

// text is described at output.Text.
func text[T any](head string, value func(T) string) output.Column[T] { return output.Text(head, value) }

// number is described at output.Number.
func number[T any](head string, value func(T) string) output.Column[T] {
	return output.Number(head, value)
}

// list prints items of the router: as columns for people, as fields in CSV.
func list[T any](a *app.App, items []T, columns, fields []output.Column[T]) error {
	if a.Global.Output == output.CSV {
		columns = fields
	}
	return output.List(a.Out, a.Global.Output, items, columns)
}
