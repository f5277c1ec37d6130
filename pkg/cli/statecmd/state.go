// Package statecmd holds the commands of 'wanctl state': they print, check,
// repair and reset the state files that package state reads and writes. It never
// connects to a router or to a running daemon.
package statecmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

const long = `Show, check, repair and reset what the daemons keep over restarts: one JSON file a
WAN, and one of steering, usually /var/lib/wanctl/NAME_state.json.

Without arguments these commands work on the files of all configurations in the
configuration directory; --wan NAME and --config FILE choose some. FILE is a state
file, which is checked less strictly without its configuration. No password of the
router is needed.

Beside FILE there are FILE.backup, the state before, and, after damage,
FILE.corrupt, the damaged file, with up to four older ones as FILE.corrupt.1 and so
on. Every command but reset keeps the fields of other programs.`

// New returns the command 'wanctl state'.
func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "state",
		Short:   "Show, check and repair what the daemons keep over restarts",
		Long:    long,
		GroupID: app.GroupTools,
		RunE:    app.NeedSubcommand,
	}
	cmd.AddCommand(newShowCmd(a), newCheckCmd(a), newRepairCmd(a), newResetCmd(a), newPathCmd(a))
	return cmd
}

// completeFiles offers files as arguments that name state files.
func completeFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// printEach prints items as text for people, one line or more each, or as a list for
// programs.
func printEach[T any](a *app.App, items []T, text func(T) string) error {
	if a.Global.Output != output.Table {
		return output.List(a.Out, a.Global.Output, items, nil)
	}
	var errs []error
	for _, item := range items {
		_, err := fmt.Fprint(a.Out, text(item))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
