package tracecmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/trace"
)

// recording is an open trace whose first record has been read: it may say how
// the law was set up.
type recording struct {
	name   string
	file   io.Closer
	reader *trace.Reader
	first  *trace.Record // nil in an empty trace
	setup  *trace.Setup  // nil if the trace has none
	steps  int           // taken by run
	at     time.Duration // of the last one
}

func openRecording(a *app.App, path string) (*recording, error) {
	in := &recording{name: "standard input", reader: trace.NewReader(a.In)}
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, supervisor.WithoutPath(err))
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

func (in *recording) close() {
	if in.file != nil {
		_ = in.file.Close() // only read
	}
}

func (in *recording) failed(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the trace ends in the middle of a record", in.name)
	}
	return fmt.Errorf("%s: %w", in.name, supervisor.WithoutPath(err))
}

// run runs the trace through all replays in step. It returns ctx.Err() if ctx
// ends first.
func (in *recording) run(ctx context.Context, replays ...*trace.Replay) error {
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

func (in *recording) noSamples() error {
	return app.Checkf("%s: no samples: record one with 'wanctl shape --record FILE' or 'wanctl probe -o jsonl'", in.name)
}

// lawOf returns the law with the configuration w, starting with what the recorded
// law knew at its start and with the recorded interval.
func (in *recording) lawOf(w *config.WAN) replayLaw {
	cfg := in.setup.Recall(shape.LawConfig(w))
	if in.setup != nil {
		cfg.Tick = in.setup.Law.Config().Tick
	}
	return replayLaw{label: w.Path, wan: w.Name, cfg: cfg}
}

func (in *recording) recordedLaw() replayLaw {
	return replayLaw{label: "as recorded", wan: in.setup.WAN, cfg: in.setup.Recall(in.setup.Law.Config()), recorded: true}
}

// differs lists the settings in which law differs from the recorded one.
func (in *recording) differs(law replayLaw) []string {
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
