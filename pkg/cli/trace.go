package cli

import (
	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
)

const traceLong = `Work on a recording of 'wanctl shape --record', 'wanctl sim link --record' or
'wanctl probe -o jsonl': run the law over it again, compare configurations on it,
or draw it. FILE is JSON lines or CSV; - is standard input.

`

func newTraceCmd(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "trace",
		Short:   "Replay, compare and draw recordings",
		Long:    traceLong + app.ExitStatuses,
		GroupID: app.GroupTools,
		RunE:    app.NeedSubcommand,
	}
	cmd.AddCommand(newTraceReplayCmd(a), newTraceCompareCmd(a), newTracePlotCmd(a))
	return cmd
}
