package cli

import (
	"github.com/spf13/cobra"
	"github.com/wanctl/wanctl/pkg/cli/app"
)

const stateLong = `Show, check, repair and reset what the daemons keep over restarts: one JSON file a
WAN, and one of steering, usually /var/lib/wanctl/NAME_state.json.

Without arguments these commands work on the files of all configurations in the
configuration directory; --wan NAME and --config FILE choose some; FILE names a
state file itself, of which less is known without its configuration. No password
of the router is needed.

Beside FILE there are FILE.backup, the state before; and, after damage,
FILE.corrupt, what could not be read, with up to four older ones as FILE.corrupt.1
and so on. Fields of other programs are kept by every command but reset.

`

func newStateCmd(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "state",
		Short:   "What the daemons keep over restarts",
		Long:    stateLong + app.ExitStatuses,
		GroupID: app.GroupTools,
		RunE:    app.NeedSubcommand,

		SuggestionsMinimumDistance: 2, // cobra's default is to suggest nothing
	}
	cmd.AddCommand(newStateShowCmd(a), newStateCheckCmd(a), newStateRepairCmd(a), newStateResetCmd(a), newStatePathCmd(a))
	return cmd
}

// completeStateFiles offers files where a state file is to be named.
func completeStateFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}
