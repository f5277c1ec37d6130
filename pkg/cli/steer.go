package cli

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/liveview"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/steer"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

type steerOptions struct {
	once   bool
	dryRun bool
	reset  bool
}

const steerLong = `Steer latency-sensitive connections to another WAN while the primary one is
congested, by enabling one mangle rule on the router.

Twice a second steer evaluates the delay of the primary WAN above its baseline, and
the drops and the depth of its queues. A few consecutive RED samples enable the rule,
more GREEN ones disable it. After a change the rule stays as it is for a while; after
too many changes steering is suspended.

Connections are not steered to a WAN that is down, congested, or not measurably better:
its delay above its own baseline must be lower by a quarter of the primary's, and by
green_rtt_ms at least. With two WANs that are equally congested, connections stay.

Round-trip times come from the running 'wanctl shape' of each WAN, otherwise from
probes that steer sends, above the baseline in the state file or above the lowest of
them. It probes the alternate WAN only if topology.alternate_wan_config names a
ping_source, ping_interface or ping_mark of its own. An alternate WAN that nothing
measures is used regardless. Without the router's counters the delay alone decides.

RouterOS does not count the drops of a queue with CAKE or fq_codel. A drop counter
that stands still while the queue sends during congestion is not used: the depth of
that queue and the delay decide. 'steer status' names such queues.

The rule is found by its exact comment. A rule that is absent, exists twice or is
dynamic is not changed, and steer keeps looking for it. Manual changes are respected: a
rule enabled by hand stays enabled until it is disabled by hand or by --reset, a rule
disabled by hand stays disabled until the congestion is over, also across a restart.
When the router cannot be reached, or steer ends, routing stays as it is.

The configuration is --config FILE, WANCTL_STEERING_CONFIG, --wan NAME for NAME.yaml
in the configuration directory, or steering.yaml there.

On a terminal it shows a live view, with the log above. Elsewhere it prints a line when
the congestion, the rule or the reason changes, except with -q and under systemd or in a
container (WANCTL_MODE).

It runs until SIGINT or SIGTERM. SIGHUP reads the configuration again (an invalid one
changes nothing) and reopens log files.`

const steerExample = `  wanctl steer                      # with /etc/wanctl/steering.yaml
  wanctl steer --dry-run            # decide, but leave the rule alone
  wanctl steer --once -o json       # one assessment, for cron
  wanctl steer --reset              # forget everything, disable the rule
  wanctl steer status               # what the running one does
  wanctl router export --steering steering.yaml    # what the router needs for it`

func newSteerCmd(a *app.App) *cobra.Command {
	var o steerOptions
	cmd := &cobra.Command{
		Use:     "steer",
		Short:   "Steer new connections away from a congested WAN",
		Long:    steerLong,
		Example: steerExample,
		GroupID: app.GroupLoops,
		Args: app.UsageArgs(func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return app.UnknownCommand(cmd, args[0])
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := runSteer(a, cmd, o)
			if o.once || o.reset {
				return err
			}
			return app.Stopped(err)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.once, "once", false, "assess once, switch the rule if that is due, print what was found and end")
	f.BoolVar(&o.dryRun, "dry-run", false, "decide, but leave the rule alone and keep no state")
	f.BoolVar(&o.reset, "reset", false, "disable the rule, forget the state and end")
	cmd.AddCommand(newSteerStatusCmd(a))
	return app.Prints[steeringReset](a, app.Prints[steer.Assessment](a, app.Prints[telemetry.SteeringHealth](a, cmd)))
}

func runSteer(a *app.App, cmd *cobra.Command, o steerOptions) error {
	for _, group := range [][]string{{"reset", "once"}, {"reset", "dry-run"}} {
		if err := app.Exclusive(cmd, group...); err != nil {
			return err
		}
	}
	cfg, err := loadSteering(a, cmd, a.ConfigOptions())
	if err != nil {
		return err
	}
	if !o.dryRun {
		if err := a.CheckAlone(filepath.Dir(cfg.Path)); err != nil {
			return err
		}
	}
	if o.reset {
		return resetSteering(cmd.Context(), a, cfg)
	}
	opts := steer.Options{Options: a.DaemonOptions(), Steering: cfg, Config: a.ConfigOptions(), Mode: steer.Mode{DryRun: o.dryRun}}
	if o.once {
		return steerOnce(cmd.Context(), a, opts)
	}
	switch {
	case a.Global.Output != output.Table:
		opts.Assessments = output.NewStream(a.Out, a.Global.Output, printAssessment)
	case liveview.Possible(a):
		view := newSteerView(a, cfg)
		opts.Assessments = view
		if a.ErrTTY {
			opts.Err = view.screen
		}
	case wantsLines(a):
		opts.Assessments = &steerLines{w: a.Out}
	}
	return steer.Run(cmd.Context(), opts)
}

// steeringPath is the file that the flags and the environment name.
func steeringPath(a *app.App, cmd *cobra.Command) (string, error) {
	g := &a.Global
	switch {
	case len(g.WANs) > 1:
		return "", app.Usagef("%s works on one configuration, and --wan was given %d times", cmd.CommandPath(), len(g.WANs))
	case cmd.Flags().Changed("config") || len(g.WANs) > 0:
		paths, err := a.ConfigPaths()
		if err != nil {
			return "", err
		}
		return paths[0], nil
	}
	if path, ok := a.LookupEnv("WANCTL_STEERING_CONFIG"); ok && path != "" {
		return path, nil
	}
	return config.Path(g.ConfigDir, "steering")
}

// loadSteering reads the configuration of steering and, as far as it concerns
// it, that of the primary WAN.
func loadSteering(a *app.App, cmd *cobra.Command, opts config.Options) (*steer.Config, error) {
	path, err := steeringPath(a, cmd)
	if err != nil {
		return nil, err
	}
	cfg, warnings, err := steer.Load(path, opts)
	a.WarnProblems(warnings)
	return cfg, err
}
