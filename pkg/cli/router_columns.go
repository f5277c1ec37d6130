package cli

import (
	"fmt"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

// field is a column of CSV: the same name and value as in JSON.
func field[T any](name string, value func(T) any) output.Column[T] {
	return output.Column[T]{Name: name, Text: func(v T) string { return fmt.Sprint(value(v)) }}
}

// text is a column for people with text of the router in it.
func text[T any](head string, value func(T) string) output.Column[T] {
	return output.Column[T]{Head: head, Text: func(v T) string { return printable(value(v)) }}
}

// number is a column for people that is aligned right.
func number[T any](head string, value func(T) string) output.Column[T] {
	return output.Column[T]{Head: head, Right: true, Text: value}
}

// list prints items of the router: as columns for people, as fields in CSV.
func list[T any](a *app.App, items []T, columns, fields []output.Column[T]) error {
	if a.Global.Output == output.CSV {
		columns = fields
	}
	return output.List(a.Out, a.Global.Output, items, columns)
}
