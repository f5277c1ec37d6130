package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/trace"
	"github.com/wanctl/wanctl/pkg/trace/plot"
)

// plotReplay runs law over the trace and draws both.
func plotReplay(ctx context.Context, a *app.App, in *tracedRun, law replayLaw, path string) error {
	with := law.label
	if law.recorded {
		with = "the recorded settings"
	}
	note := "Replayed with " + with + ". " + openLoop
	if in.setup != nil && in.setup.Began != nil {
		note = "Recorded from " + in.setup.Began.Format(time.RFC3339) + ". " + note
	}
	title := filepath.Base(in.name)
	if law.wan != "" {
		title = law.wan + " · " + title
	}
	picture := plot.New(title, note, law.cfg)
	run := law.replay(func(seen autorate.Input, dec autorate.Decision) error {
		picture.Step(seen, dec)
		return nil
	})
	run.New = func(_ *trace.Setup, start [2]bitrate.Rate) trace.Law {
		return overheard{autorate.New(law.cfg, start), picture}
	}
	err := in.run(ctx, run)
	switch {
	case ctx.Err() != nil:
		a.Warnf("interrupted: nothing is drawn")
		return nil
	case err != nil:
		return err
	}
	warnReplay(a, in, run, law)
	if path == "-" {
		return picture.Write(a.Out)
	}
	if err := replaceFile(path, picture.Write); err != nil {
		return fmt.Errorf("--plot %s: %w", path, withoutPath(err))
	}
	return nil
}

// overheard is a law of which somebody else hears what limits it adopts.
type overheard struct {
	trace.Law
	by interface {
		Adopt(autorate.Direction, bitrate.Rate)
	}
}

func (x overheard) Adopt(d autorate.Direction, rate bitrate.Rate) {
	x.by.Adopt(d, rate)
	x.Law.Adopt(d, rate)
}

// replaceFile writes path in one piece: whoever looks sees the old content or
// the new one.
func replaceFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
