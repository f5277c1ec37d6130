package cli

import (
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
)

type shapeOptions struct {
	once     bool
	dryRun   bool
	forget   bool
	duration time.Duration
	record   string
	replay   string
	compare  []string
	plot     string
	demo     bool
}

const shapeLong = `Control the download and upload limits of one WAN, or of several.

Twenty times a second shape looks at the round-trip times of several reflectors
and at the counters of the two queues, decides the limit of each direction, and
writes it to the router when it changed enough. Only the direction that causes
a queue is cut; a limit is raised only while it is what binds. Where pings or
the router vanish, limits are held as they are.

It runs until SIGINT or SIGTERM; SIGHUP reads the configuration again (the old
one stays when the new one is bad) and reopens log files.

--replay runs the law over a recording instead, in no time and with no network. A
recording of --record or of 'wanctl sim link --record' tells how the law was set
up, so it needs no configuration and gives the recorded decisions again. With
--config, the law has those settings instead. --compare takes two configurations
or more (one is compared with the recorded one) and prints side by side what the
law makes of the same recording with each; --plot draws it as one SVG file.
Replay is open-loop: the recorded delay answers to the limits that were in force
then, not to those decided now.

`

const shapeExample = `  wanctl shape --demo                                see it work; needs nothing
  wanctl shape --wan spectrum --dry-run              decide, but write nothing
  wanctl shape --wan spectrum                        the real thing
  wanctl shape --wan spectrum --wan lte              two WANs in one process
  wanctl shape --wan spectrum --record trace.jsonl   keep what the law saw
  wanctl shape --replay trace.jsonl                  run the law over it again
  wanctl shape --replay trace.jsonl --plot trace.svg
  wanctl shape --replay trace.jsonl --compare old.yaml new.yaml
  wanctl probe -o jsonl --duration 30s | wanctl shape --wan spectrum --replay -`

func newShapeCmd(a *app.App) *cobra.Command {
	var o shapeOptions
	cmd := &cobra.Command{
		Use:     "shape",
		Short:   "Keep bufferbloat away: the autorate loop",
		Long:    shapeLong + app.ExitStatuses,
		Example: shapeExample,
		GroupID: app.GroupLoops,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("compare") {
				return nil // more files to compare
			}
			return app.UsageArgs(cobra.NoArgs)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			err := runShape(a, cmd, o, args)
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
	f.StringVar(&o.replay, "replay", "", "run the law over the trace in `FILE` (- for standard input) in virtual time")
	f.StringSliceVar(&o.compare, "compare", nil, "with --replay: print side by side what the law does with several configurations, `FILE...`")
	f.StringVar(&o.plot, "plot", "", "with --replay: draw the recording and the decisions as SVG to `FILE` (- for standard output)")
	f.BoolVar(&o.forget, "forget", false, "start without what earlier runs learned of the link: idle RTT, noise, capacities")
	f.BoolVar(&o.demo, "demo", false, "half a minute against an embedded router and a simulated link")
	_ = cmd.MarkFlagFilename("record")
	_ = cmd.MarkFlagFilename("replay")
	_ = cmd.MarkFlagFilename("compare", "yaml", "yml")
	_ = cmd.MarkFlagFilename("plot", "svg")
	return cmd
}

// checkShapeFlags refuses what one run cannot be at the same time, rather than
// to ignore half of it.
func checkShapeFlags(a *app.App, cmd *cobra.Command, o shapeOptions) error {
	for _, group := range [][]string{
		{"demo", "replay", "once", "duration"},
		{"demo", "record"}, {"demo", "dry-run"}, {"demo", "config"}, {"demo", "wan"},
		{"replay", "record"}, {"compare", "plot"}, {"compare", "config"}, {"compare", "wan"},
	} {
		if err := app.Exclusive(cmd, group...); err != nil {
			return err
		}
	}
	switch {
	case o.duration < 0:
		return app.Usagef("--duration %v: must not be negative", o.duration)
	case o.demo && a.Global.Output != output.Table:
		return app.Usagef("--demo is for people and has no -o %s; 'wanctl shape -o %[1]s' is for programs", a.Global.Output)
	case cmd.Flags().Changed("replay") && o.replay == "":
		return app.Usagef("--replay: name a file, or - for standard input")
	case o.replay == "" && (cmd.Flags().Changed("compare") || cmd.Flags().Changed("plot")):
		return app.Usagef("--compare and --plot work on a recording: name it with --replay FILE")
	case cmd.Flags().Changed("compare") && (len(o.compare) == 0 || slices.Contains(o.compare, "")):
		return app.Usagef("--compare: name configuration files")
	case cmd.Flags().Changed("plot") && o.plot == "":
		return app.Usagef("--plot: name a file, or - for standard output")
	case o.plot != "" && a.Global.Output != output.Table:
		return app.Usagef("--plot draws and has no -o %s", a.Global.Output)
	case cmd.Flags().Changed("record") && o.record == "":
		return app.Usagef("--record: name a file")
	case o.record == "-":
		return app.Usagef("--record writes to a file; decisions come to standard output with -o jsonl")
	}
	return nil
}

func runShape(a *app.App, cmd *cobra.Command, o shapeOptions, files []string) error {
	if err := checkShapeFlags(a, cmd, o); err != nil {
		return err
	}
	ctx := cmd.Context()
	if o.demo {
		return runDemo(ctx, a)
	}
	if o.replay != "" {
		return runReplay(a, cmd, o, files)
	}
	wans, err := a.LoadWANs(cmd)
	if err != nil {
		return err
	}
	if o.record != "" && len(wans) > 1 {
		return app.Usagef("--record and --replay work on one WAN; give --wan once")
	}
	return runLoops(ctx, a, wans, o)
}
