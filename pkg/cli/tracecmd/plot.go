package tracecmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/trace"
	"github.com/wanctl/wanctl/pkg/trace/plot"
)

const plotLong = `Draw a recording and the decisions of the law as one SVG file: delay, limits,
throughput, estimated capacity, states and reasons, of a minute or of a day.

The law is the recorded one or, with --config or --wan, the one configured there.

` + openLoop

func newPlotCmd(a *app.App) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "plot FILE",
		Short: "Draw a recording and what the law decides as SVG",
		Long:  plotLong,
		Example: `  wanctl trace plot trace.jsonl --out trace.svg
  wanctl trace plot trace.jsonl --config other.yaml > other.svg`,
		Args: app.UsageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case out == "":
				return app.Usagef("--out: name a file, or - for standard output")
			case a.Global.Output != output.Table:
				return app.Usagef("trace plot draws and has no -o %s; --out names the file to write", a.Global.Output)
			}
			in, err := openRecording(a, args[0])
			if err != nil {
				return err
			}
			defer in.close()
			law, err := replayedLaw(a, cmd, in)
			if err != nil {
				return err
			}
			return plotReplay(cmd.Context(), a, in, law, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "-", "write the SVG to `FILE` (- for standard output)")
	_ = cmd.MarkFlagFilename("out", "svg")
	return cmd
}

// plotReplay runs law over the recording and draws both to the file path.
func plotReplay(ctx context.Context, a *app.App, in *recording, law replayLaw, path string) error {
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
		return adoptObserver{autorate.New(law.cfg, start), picture}
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
		return fmt.Errorf("--out %s: %w", path, supervisor.WithoutPath(err))
	}
	return nil
}

// adoptObserver is a law that reports the limits it adopts.
type adoptObserver struct {
	trace.Law
	to interface {
		SetExternally(autorate.Direction, bitrate.Rate)
	}
}

func (x adoptObserver) SetExternally(d autorate.Direction, rate bitrate.Rate) {
	x.to.SetExternally(d, rate)
	x.Law.SetExternally(d, rate)
}

// replaceFile writes path atomically: a reader sees the old content or the new one.
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
