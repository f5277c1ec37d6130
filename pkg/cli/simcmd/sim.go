// Package simcmd is `wanctl sim`: a simulated router as a server, its control
// commands, and control laws on simulated links. It reaches no real router.
package simcmd

import (
	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
)

func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "sim",
		Short:   "Simulate a router or links, to try things on",
		Long:    "A simulated router as a server, simulated links, and the hosts of a simulated fleet, for trying wanctl and for tests.",
		GroupID: app.GroupTools,
		RunE:    app.NeedSubcommand,
	}
	cmd.AddCommand(newRouterCmd(a), newControlCmd(a), newLinkCmd(a), newFleetCmd(a))
	return cmd
}
