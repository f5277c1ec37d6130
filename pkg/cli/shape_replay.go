package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/trace"
)

// lawConfig is what the law takes from a WAN's configuration.
func lawConfig(w *config.WAN) autorate.Config {
	direction := func(d config.Direction) autorate.DirectionConfig {
		return autorate.DirectionConfig{
			Ceiling: d.Ceiling,
			Floor:   [4]bitrate.Rate{d.FloorGreen, d.FloorYellow, d.FloorSoftRed, d.FloorRed},
		}
	}
	return autorate.Config{
		Directions:       [2]autorate.DirectionConfig{direction(w.Download), direction(w.Upload)},
		Target:           w.Thresholds.TargetBloat,
		Warn:             w.Thresholds.WarnBloat,
		HardRed:          w.Thresholds.HardRedBloat,
		BaselineInitial:  w.BaselineInitial,
		BaselineMin:      w.Thresholds.BaselineMin,
		BaselineMax:      w.Thresholds.BaselineMax,
		LoadTimeConstant: w.Thresholds.LoadTimeConstant,
		Tick:             w.Interval,
	}
}

// runReplay runs the law over a recorded trace and prints its decisions, or draws
// or compares them.
func runReplay(a *app.App, cmd *cobra.Command, o shapeOptions, files []string) error {
	in, err := openTrace(a, o.replay)
	if err != nil {
		return err
	}
	defer in.close()
	if len(o.compare)+len(files) > 0 {
		laws, err := comparedLaws(a, in, append(o.compare, files...))
		if err != nil {
			return err
		}
		return compareReplays(cmd.Context(), a, in, laws)
	}
	law, err := replayedLaw(a, cmd, in)
	if err != nil {
		return err
	}
	if o.plot != "" {
		return plotReplay(cmd.Context(), a, in, law, o.plot)
	}
	return printReplay(cmd.Context(), a, in, law)
}

// replayedLaw is the law that the global flags name or, where they name none,
// the recorded one.
func replayedLaw(a *app.App, cmd *cobra.Command, in *tracedRun) (replayLaw, error) {
	if a.Global.Config == "" && len(a.Global.WANs) == 0 && in.setup != nil {
		return in.recordedLaw(), nil
	}
	wans, err := a.LoadWANs(cmd)
	if err != nil {
		return replayLaw{}, err
	}
	if len(wans) > 1 {
		return replayLaw{}, app.Usagef("--record and --replay work on one WAN; give --wan once")
	}
	law := in.lawOf(wans[0])
	if differ := in.differs(law); len(differ) > 0 {
		a.Warnf("%s was recorded with other settings (%s): its delays answer to those, not to the limits decided now",
			in.name, strings.Join(differ, ", "))
	}
	return law, nil
}

// printReplay prints the decisions of law that change something.
func printReplay(ctx context.Context, a *app.App, in *tracedRun, law replayLaw) error {
	stream := output.NewStream(a.Out, a.Global.Output, decisionColumns, printDecision)
	run := law.replay(func(_ autorate.Input, dec autorate.Decision) error {
		if !dec.Directions[0].Changed && !dec.Directions[1].Changed {
			return nil
		}
		return stream.Put(newDecisionRecord(law.wan, nil, dec))
	})
	err := in.run(ctx, run)
	if closeErr := stream.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	warnReplay(a, in, run, law)
	return nil
}

// warnReplay tells what a replay could not know, or passed over.
func warnReplay(a *app.App, in *tracedRun, run *trace.Replay, law replayLaw) {
	if run.NoCounters() {
		a.Warnf("%s has no queue counters: both directions are taken as fully loaded", in.name)
	}
	if n := run.Reloads(); n > 0 && !law.recorded {
		a.Warnf("%s: the configuration was reloaded while it was recorded; this is the one given here throughout", in.name)
	}
}

// replayLaw is a law that is to be replayed.
type replayLaw struct {
	label    string // how the user named it
	wan      string
	cfg      autorate.Config
	recorded bool // as the recording says
}

func (l replayLaw) replay(each func(autorate.Input, autorate.Decision) error) *trace.Replay {
	return &trace.Replay{
		Tick: l.cfg.Tick, Reload: l.recorded, Each: each,
		Limits: [2]bitrate.Rate{l.cfg.Directions[0].Ceiling, l.cfg.Directions[1].Ceiling},
		New:    func(_ *trace.Setup, start [2]bitrate.Rate) trace.Law { return autorate.New(l.cfg, start) },
	}
}

// tracedRun is an open trace of which the first record has been read: it may
// say how the law was set up.
type tracedRun struct {
	name   string
	file   io.Closer
	reader *trace.Reader
	first  *trace.Record // nil in an empty trace
	setup  *trace.Setup  // nil where the trace says nothing of it
	steps  int           // taken by run
	at     time.Duration // of the last one
}

func openTrace(a *app.App, path string) (*tracedRun, error) {
	in := &tracedRun{name: "standard input", reader: trace.NewReader(a.In)}
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("--replay %s: %w", path, withoutPath(err))
		}
		in.name, in.file, in.reader = path, f, trace.NewReader(f)
	}
	rec, err := in.reader.Read()
	switch {
	case errors.Is(err, io.EOF):
	case err != nil:
		in.close()
		return nil, in.failed(err)
	default:
		in.first = &rec
		if rec.Event == trace.Start {
			in.setup = rec.Setup
		}
	}
	return in, nil
}

func (in *tracedRun) close() {
	if in.file != nil {
		_ = in.file.Close() // only read
	}
}

func (in *tracedRun) failed(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the trace ends in the middle of a record", in.name)
	}
	return fmt.Errorf("%s: %w", in.name, withoutPath(err))
}

// run replays the trace through all replays, in step. An end of ctx is an
// error that means no failure.
func (in *tracedRun) run(ctx context.Context, replays ...*trace.Replay) error {
	if in.first == nil {
		return in.noSamples()
	}
	for i, r := range replays {
		each := r.Each
		r.Each = func(seen autorate.Input, dec autorate.Decision) error {
			if i == 0 {
				in.steps++
				in.at = dec.At
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			return each(seen, dec)
		}
	}
	err := trace.Take(in.reader.Line(), *in.first, replays...)
	if err == nil {
		err = trace.Run(in.reader, replays...)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return in.failed(err)
	case in.steps == 0:
		return in.noSamples()
	}
	return nil
}

func (in *tracedRun) noSamples() error {
	return app.Checkf("%s: no samples: record one with 'wanctl shape --record FILE' or 'wanctl probe -o jsonl'", in.name)
}

// lawOf is the law with the configuration w and what the recorded one knew
// when it began. It is stepped as the recorded one was, whatever its interval.
func (in *tracedRun) lawOf(w *config.WAN) replayLaw {
	cfg := in.setup.Recall(lawConfig(w))
	if in.setup != nil {
		cfg.Tick = in.setup.Law.Config().Tick
	}
	return replayLaw{label: w.Path, wan: w.Name, cfg: cfg}
}

func (in *tracedRun) recordedLaw() replayLaw {
	return replayLaw{label: "as recorded", wan: in.setup.WAN, cfg: in.setup.Recall(in.setup.Law.Config()), recorded: true}
}

// differs lists the settings that law has otherwise than the recorded one.
func (in *tracedRun) differs(law replayLaw) []string {
	if in.setup == nil {
		return nil
	}
	was, is := in.recordedLaw().cfg, law.cfg
	var list []string
	add := func(what string, a, b any) {
		if a != b {
			list = append(list, fmt.Sprintf("%s %v, now %v", what, a, b))
		}
	}
	for _, d := range autorate.Directions {
		add(d.String()+" ceiling", was.Directions[d].Ceiling, is.Directions[d].Ceiling)
		if was.Directions[d].Floor != is.Directions[d].Floor {
			list = append(list, d.String()+" floors")
		}
	}
	add("target_bloat_ms", was.Target, is.Target)
	add("warn_bloat_ms", was.Warn, is.Warn)
	add("hard_red_bloat_ms", was.HardRed, is.HardRed)
	add("baseline_rtt_initial", was.BaselineInitial, is.BaselineInitial)
	add("baseline_rtt_bounds.min", was.BaselineMin, is.BaselineMin)
	add("baseline_rtt_bounds.max", was.BaselineMax, is.BaselineMax)
	add("load_time_constant_sec", was.LoadTimeConstant, is.LoadTimeConstant)
	return list
}
