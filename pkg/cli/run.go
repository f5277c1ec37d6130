package cli

import (
	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/run"
)

const runLong = `Run every WAN and every steering of the configuration directory in one process: what
'wanctl shape' does for each file of a WAN, and 'wanctl steer' for each of steering.

Each file has a loop of its own, which starts, stops and reloads independently of the
others. Files that are added, changed or removed are noticed within four seconds, and
at once on SIGHUP, which also reads secrets again and reopens log files. Settings that
can change while a loop runs take effect at once; others restart the loop.

An invalid file starts no loop; a loop that runs keeps its old configuration. The same
holds for a file that names a queue, a rule or a lock of another loop: the loop that
runs keeps it. A loop that fails, or whose router cannot be reached, is restarted after
increasing pauses; SIGHUP ends a pause. Log, health and 'systemctl status' name such
files and loops.

Health, metrics and the status page show all loops together, at the addresses that the
files name, by default 127.0.0.1:9101. At the address of steering, health is that of
steering alone. The health document is that of 'wanctl serve'.

With a node.yaml in the directory this host is one of several nodes, and the loops of a router
run only while it owns that: see 'wanctl ha'. SIGTERM hands over what it owns first.

It runs until SIGINT or SIGTERM. The directory may be empty at first.`

const runExample = `  wanctl run                        # everything in /etc/wanctl
  wanctl run --config-dir . --dry-run
  systemctl enable --now wanctl     # instead of wanctl@NAME and wanctl-steer
  wanctl status                     # how all of them are`

func newRunCmd(a *app.App) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Run every WAN and steering of the configuration directory",
		Long:    runLong,
		Example: runExample,
		GroupID: app.GroupLoops,
		Args:    app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			g := &a.Global
			switch {
			case cmd.Flags().Changed("config") || len(g.WANs) > 0:
				return app.Usagef("run runs all of %s; for single WANs: wanctl shape --wan NAME", g.ConfigDir)
			case g.Output != output.Table:
				return app.Usagef("run prints nothing and has no -o %s; ask it: wanctl status -o %[1]s", g.Output)
			}
			return app.Stopped(run.Run(cmd.Context(), run.Options{
				Options: a.DaemonOptions(), Config: a.ConfigOptions(), Dir: g.ConfigDir, DryRun: dryRun,
			}))
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "decide, but write nothing to routers and keep no state")
	return cmd
}
