package routercmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/router"
)

// listRows makes cmd, which takes no arguments, print what read gets from the
// router, a row for each item.
func listRows[T, R any](a *app.App, o *connFlags, cmd *cobra.Command,
	read func(router.Client, context.Context) ([]T, error), row func(T) R, columns []output.Column[R],
) *cobra.Command {
	cmd.Args = app.UsageArgs(cobra.NoArgs)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return o.with(a, cmd, func(ctx context.Context, client router.Client) error {
			items, err := read(client, ctx)
			if err != nil {
				return err
			}
			return printRows(a, items, row, columns)
		})
	}
	return cmd
}

// printRows prints a row for each item.
func printRows[T, R any](a *app.App, items []T, row func(T) R, columns []output.Column[R]) error {
	rows := make([]R, len(items))
	for i, item := range items {
		rows[i] = row(item)
	}
	return output.List(a.Out, a.Global.Output, rows, columns)
}
