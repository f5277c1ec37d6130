// Package tracecmd is `wanctl trace`: it runs the law over a recording again,
// compares configurations on it and draws it. It reaches no router and no network.
package tracecmd

import (
	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
)

const long = `Work on a recording of 'wanctl shape --record', 'wanctl sim link --record' or
'wanctl probe -o jsonl': run the law over it again, compare configurations on it,
or draw it. FILE is JSON lines or CSV; - is standard input.`

func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "trace",
		Short:   "Replay, compare and draw recordings",
		Long:    long,
		GroupID: app.GroupTools,
		RunE:    app.NeedSubcommand,
	}
	cmd.AddCommand(newReplayCmd(a), newCompareCmd(a), newPlotCmd(a))
	return cmd
}
