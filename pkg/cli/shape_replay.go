package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/out"
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

// replay runs the law of w over a recorded trace and prints its decisions.
func (a *App) replay(ctx context.Context, w *config.WAN, path string) error {
	in, name := a.In, "standard input"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("--replay %s: %w", path, withoutPath(err))
		}
		defer f.Close()
		in, name = f, path
	}
	cfg := lawConfig(w)
	run := trace.Replay{
		Tick:   cfg.Tick,
		Limits: [2]bitrate.Rate{w.Download.Ceiling, w.Upload.Ceiling},
		New:    func(start [2]bitrate.Rate) trace.Stepper { return autorate.New(cfg, start) },
	}
	stream := out.NewStream(a.Out, a.global.output, decisionColumns, printDecision)
	steps := 0
	err := run.Run(trace.NewReader(in), func(dec autorate.Decision) error {
		steps++
		if err := ctx.Err(); err != nil {
			return err
		}
		if !dec.Directions[0].Changed && !dec.Directions[1].Changed {
			return nil
		}
		return stream.Put(newDecisionRecord(w.Name, nil, dec))
	})
	if closeErr := stream.Close(); err == nil {
		err = closeErr
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: the trace ends in the middle of a record", name)
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%s: %w", name, withoutPath(err))
	case err == nil && steps == 0:
		return checkf("%s: no samples: record one with 'wanctl shape --record FILE' or 'wanctl probe -o jsonl'", name)
	}
	if run.NoCounters() {
		a.warnf("%s has no queue counters: both directions are taken as fully loaded", name)
	}
	return nil
}
