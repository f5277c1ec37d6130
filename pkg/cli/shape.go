package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/out"
)

type shapeOptions struct {
	once     bool
	dryRun   bool
	duration time.Duration
	record   string
	replay   string
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

`

const shapeExample = `  wanctl shape --demo                                see it work; needs nothing
  wanctl shape --wan spectrum --dry-run              decide, but write nothing
  wanctl shape --wan spectrum                        the real thing
  wanctl shape --wan spectrum --wan lte              two WANs in one process
  wanctl shape --wan spectrum --record trace.jsonl   keep what the law saw
  wanctl shape --wan spectrum --replay trace.jsonl   run the law over it again
  wanctl probe -o jsonl --duration 30s | wanctl shape --wan spectrum --replay -`

func newShapeCmd(a *App) *cobra.Command {
	var o shapeOptions
	cmd := &cobra.Command{
		Use:     "shape",
		Short:   "Keep bufferbloat away: the autorate loop",
		Long:    shapeLong + exitStatuses,
		Example: shapeExample,
		GroupID: groupLoops,
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.runShape(cmd, o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.once, "once", false, "measure for two seconds, decide and write once, print it and end")
	f.BoolVar(&o.dryRun, "dry-run", false, "decide, but write nothing to the router and keep no state")
	f.DurationVar(&o.duration, "duration", 0, "end after this long; 0 runs until stopped")
	f.StringVar(&o.record, "record", "", "write what the law sees to `FILE`: JSON lines, or CSV if it ends in .csv")
	f.StringVar(&o.replay, "replay", "", "run the law over the trace in `FILE` (- for standard input) in virtual time")
	f.BoolVar(&o.demo, "demo", false, "half a minute against an embedded router and a simulated link")
	_ = cmd.MarkFlagFilename("record")
	_ = cmd.MarkFlagFilename("replay")
	return cmd
}

// checkShapeFlags refuses what one run cannot be at the same time, rather than
// to ignore half of it.
func (a *App) checkShapeFlags(cmd *cobra.Command, o shapeOptions) error {
	for _, group := range [][]string{
		{"demo", "replay", "once", "duration"},
		{"demo", "record"}, {"demo", "dry-run"}, {"demo", "config"}, {"demo", "wan"},
		{"replay", "record"},
	} {
		if err := exclusive(cmd, group...); err != nil {
			return err
		}
	}
	switch {
	case o.duration < 0:
		return usagef("--duration %v: must not be negative", o.duration)
	case o.demo && a.global.output != out.Table:
		return usagef("--demo is for people and has no -o %s; 'wanctl shape -o %[1]s' is for programs", a.global.output)
	case cmd.Flags().Changed("replay") && o.replay == "":
		return usagef("--replay: name a file, or - for standard input")
	case cmd.Flags().Changed("record") && o.record == "":
		return usagef("--record: name a file")
	case o.record == "-":
		return usagef("--record writes to a file; decisions come to standard output with -o jsonl")
	}
	return nil
}

func (a *App) runShape(cmd *cobra.Command, o shapeOptions) error {
	if err := a.checkShapeFlags(cmd, o); err != nil {
		return err
	}
	ctx := cmd.Context()
	if o.demo {
		return a.demo(ctx)
	}
	wans, err := a.loadWANs(cmd)
	if err != nil {
		return err
	}
	if o.replay != "" || o.record != "" {
		if len(wans) > 1 {
			return usagef("--record and --replay work on one WAN; give --wan once")
		}
	}
	if o.replay != "" {
		return a.replay(ctx, wans[0], o.replay)
	}
	return a.shape(ctx, wans, o)
}
