package cli

import (
	"github.com/spf13/cobra"
)

func newSimCmd(a *App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sim",
		Short:   "A simulated router and simulated links, to try things on",
		Long:    "Simulated surroundings as servers of their own, for trying wanctl and for scripts.\n\n" + exitStatuses,
		GroupID: groupTools,
		RunE:    needSubcommand,

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(newSimRouterCmd(a), newSimControlCmd(a), newSimLinkCmd(a))
	return cmd
}
