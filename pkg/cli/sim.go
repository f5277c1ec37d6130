package cli

import (
	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
)

func newSimCmd(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sim",
		Short:   "A simulated router and simulated links, to try things on",
		Long:    "Simulated surroundings as servers of their own, for trying wanctl and for scripts.\n\n" + app.ExitStatuses,
		GroupID: app.GroupTools,
		RunE:    app.NeedSubcommand,

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(newSimRouterCmd(a), newSimControlCmd(a), newSimLinkCmd(a))
	return cmd
}
