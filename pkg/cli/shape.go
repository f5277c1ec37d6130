package cli

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/liveview"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/cli/tracecmd"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
)

type shapeOptions struct {
	once     bool
	dryRun   bool
	forget   bool
	duration time.Duration
	record   string
}

const shapeLong = `Control the download and upload limits of one WAN, or of several.

Twenty times a second shape evaluates the round-trip times of several reflectors and
the counters of the two queues, decides the limit of each direction, and writes it to
the router if it changed enough. It cuts only the direction that causes a queue, and
raises a limit only while that limit restricts traffic. If reflectors or the router
stop answering, limits stay as they are.

On a terminal it shows a live view, with the log above. Elsewhere it prints one line a
decision, except with -q and under systemd or in a container (WANCTL_MODE).

It runs until SIGINT or SIGTERM. SIGHUP reads the configuration again (an invalid one
changes nothing) and reopens log files.

--record keeps the input of the law; 'wanctl trace' runs the law over it again,
compares configurations on it and draws it.`

const shapeExample = `  wanctl shape --wan spectrum --dry-run              # decide, but write nothing
  wanctl shape --wan spectrum                        # control it
  wanctl shape --wan spectrum --wan lte              # two WANs in one process
  wanctl shape --wan spectrum --record trace.jsonl   # keep what the law saw
  wanctl trace replay trace.jsonl                    # run the law over it again`

func newShapeCmd(a *app.App) *cobra.Command {
	var o shapeOptions
	cmd := &cobra.Command{
		Use:     "shape",
		Short:   "Adjust the limits of a WAN's queues so that bufferbloat stays away",
		Long:    shapeLong,
		Example: shapeExample,
		GroupID: app.GroupLoops,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return app.Usagef("shape takes no argument %q; a WAN is named by a flag: wanctl shape --wan %[1]s", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := runShape(a, cmd, o)
			if o.once {
				return err
			}
			return app.Stopped(err)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.once, "once", false, "measure for two seconds, decide and write once, print it and end")
	f.BoolVar(&o.dryRun, "dry-run", false, "decide, but write nothing to the router and keep no state")
	f.DurationVar(&o.duration, "duration", 0, "end after this long; 0 runs until stopped")
	f.StringVar(&o.record, "record", "", "write what the law sees to `FILE`: JSON lines, or CSV if it ends in .csv")
	f.BoolVar(&o.forget, "forget", false, "start without what earlier runs learned of the link: idle RTT, noise, capacities")
	_ = cmd.MarkFlagFilename("record")
	return app.Prints[shape.Decision](a, cmd)
}

// checkShapeFlags refuses flags that contradict each other or have no meaning.
func checkShapeFlags(cmd *cobra.Command, o shapeOptions) error {
	if err := app.Exclusive(cmd, "once", "duration"); err != nil {
		return err
	}
	switch {
	case o.duration < 0:
		return app.Usagef("--duration %v: must not be negative", o.duration)
	case cmd.Flags().Changed("record") && o.record == "":
		return app.Usagef("--record: name a file")
	case o.record == "-":
		return app.Usagef("--record writes to a file; decisions come to standard output with -o jsonl")
	}
	return nil
}

func runShape(a *app.App, cmd *cobra.Command, o shapeOptions) error {
	if err := checkShapeFlags(cmd, o); err != nil {
		return err
	}
	wans, err := a.LoadWANs(cmd)
	if err != nil {
		return err
	}
	if o.record != "" && len(wans) > 1 {
		return app.Usagef("--record works on one WAN; give --wan once")
	}
	if !o.dryRun {
		if err := a.CheckAlone(filepath.Dir(wans[0].Path)); err != nil {
			return err
		}
	}
	return runLoops(cmd.Context(), a, wans, o)
}

// runLoops runs the loop of every WAN until ctx ends.
func runLoops(ctx context.Context, a *app.App, wans []*config.WAN, o shapeOptions) error {
	opts := shape.Options{
		Options: a.DaemonOptions(), WANs: wans, Config: a.ConfigOptions(),
		Mode: shape.Mode{DryRun: o.dryRun, Forget: o.forget, Record: o.record}, Duration: o.duration,
	}
	if o.once {
		return shapeOnce(ctx, a, opts)
	}
	switch {
	case a.Global.Output != output.Table:
		opts.Decisions = tracecmd.NewDecisionStream(a)
	case liveview.Possible(a):
		view := newShapeView(a, len(wans))
		opts.View = view
		if a.ErrTTY {
			opts.Err = view.screen
		}
	case wantsLines(a):
		opts.Decisions = output.NewStream(a.Out, output.Table, printShapeLine)
	}
	return shape.Run(ctx, opts)
}
