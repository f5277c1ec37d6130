package simcmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/fleetlink"
	"github.com/wanctl/wanctl/pkg/daemon/host"
	"github.com/wanctl/wanctl/pkg/fleet/bus"
	"github.com/wanctl/wanctl/pkg/fleet/live"
	"github.com/wanctl/wanctl/pkg/sim/fleetsim"
)

type fleetOptions struct {
	nodes, wans int
	duration    time.Duration
}

func newFleetCmd(a *app.App) *cobra.Command {
	var o fleetOptions
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Publish what the hosts of a fleet would, to try the page and NATS on",
		Long: `Publish what the hosts of a fleet would, each over a connection of its own to the NATS
servers of node.yaml in the configuration directory, until interrupted or for --duration.
There are no loops and no routers behind it. 'wanctl serve --fleet' shows it; what servers,
page and browser cost is theirs to be measured by 'top'.

Names begin with site-, node- and wan-: do not run it where real hosts have such names.`,
		Example: `  wanctl sim fleet --nodes 500 --wans 10000
  wanctl sim fleet --duration 1m`,
		Args: app.UsageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return app.Stopped(runFleet(a, cmd.Context(), o)) },
	}
	f := cmd.Flags()
	f.IntVar(&o.nodes, "nodes", 50, "`NUMBER` of hosts, at 5 a site")
	f.IntVar(&o.wans, "wans", 1000, "`NUMBER` of WANs of all hosts together")
	f.DurationVar(&o.duration, "duration", 0, "end after this `TIME`; 0: not by itself")
	return cmd
}

func runFleet(a *app.App, ctx context.Context, o fleetOptions) error {
	switch {
	case a.Global.Output != output.Table:
		return app.Usagef("sim fleet prints nothing and has no -o %s", a.Global.Output)
	case o.nodes < 1 || o.nodes > 5000:
		return app.Usagef("--nodes %d: give 1 to 5000", o.nodes)
	case o.wans < o.nodes || o.wans > 100_000:
		return app.Usagef("--wans %d: give --nodes to 100000", o.wans)
	case o.duration < 0:
		return app.Usagef("--duration %v: give a time that is not negative", o.duration)
	}
	n, err := host.FleetNode(a.Global.ConfigDir, a.ConfigOptions())
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	f := &fleetsim.Fleet{Nodes: o.nodes, WANs: o.wans, Every: time.Second, Log: log, Bus: func(node string) (live.Bus, func(), error) {
		cfg := fleetlink.Config(n)
		cfg.Name = "wanctl sim " + node
		c, err := bus.Keep(cfg, log)
		if err != nil {
			return nil, nil, err
		}
		return c, c.Close, nil
	}}
	if err := f.Run(ctx); err != nil {
		return err
	}
	fmt.Fprintf(a.Err, "%d batches could not be published\n", f.Dropped.Load())
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil
	}
	return ctx.Err()
}
