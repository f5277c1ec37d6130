package tracecmd

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/trace"
)

const replayLong = `Run the law over a recording and print the decisions that change something, in virtual
time and without network. A recording of 'wanctl shape --record' or of
'wanctl sim link --record' contains the settings of the law, so it needs no
configuration and gives the recorded decisions again. With --config or --wan the
law has the settings of that configuration instead; a recording of 'wanctl probe
-o jsonl' needs one.

` + openLoop

func newReplayCmd(a *app.App) *cobra.Command {
	return app.Prints[shape.Decision](a, &cobra.Command{
		Use:   "replay FILE",
		Short: "Run the law over a recording again",
		Long:  replayLong,
		Example: `  wanctl trace replay trace.jsonl
  wanctl trace replay trace.jsonl -o csv > decisions.csv
  wanctl trace replay trace.jsonl --config other.yaml
  wanctl probe -o jsonl --duration 30s | wanctl trace replay - --wan spectrum`,
		Args: app.UsageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := openRecording(a, args[0])
			if err != nil {
				return err
			}
			defer in.close()
			law, err := replayedLaw(a, cmd, in)
			if err != nil {
				return err
			}
			return app.Stopped(printReplay(cmd.Context(), a, in, law))
		},
	})
}

// replayedLaw returns the law that the global flags name or, where they name none,
// the recorded one.
func replayedLaw(a *app.App, cmd *cobra.Command, in *recording) (replayLaw, error) {
	if a.Global.Config == "" && len(a.Global.WANs) == 0 && in.setup != nil {
		return in.recordedLaw(), nil
	}
	wan, err := a.LoadWAN(cmd)
	if err != nil {
		return replayLaw{}, err
	}
	law := in.lawOf(wan)
	if differ := in.differs(law); len(differ) > 0 {
		a.Warnf("%s was recorded with other settings (%s): its delays answer to those, not to the limits decided now",
			in.name, strings.Join(differ, ", "))
	}
	return law, nil
}

// printReplay prints the decisions of law that change something.
func printReplay(ctx context.Context, a *app.App, in *recording, law replayLaw) error {
	stream := NewDecisionStream(a)
	var bypass shape.BypassCheck
	var echoes shape.EchoCheck
	run := law.replay(func(seen autorate.Input, dec autorate.Decision) error {
		bypass.Step(&seen, &dec)
		echoes.Step(&seen, dec.At)
		if !dec.Directions[0].Changed && !dec.Directions[1].Changed {
			return nil
		}
		return stream.Put(shape.NewDecision(law.wan, nil, dec))
	})
	err := in.run(ctx, run)
	if closeErr := stream.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	warnReplay(a, in, run, law)
	if at, found := bypass.Found(); found {
		a.Warnf("%s: up to %v neither queue carried a byte while there was delay: the limits had no effect; likely causes: %s", in.name, at.Truncate(time.Second), shape.BypassCauses)
	}
	if text := echoes.Warning(); text != "" {
		a.Warnf("%s: %s", in.name, text)
	}
	return nil
}

// warnReplay warns of what a replay could not know or left out.
func warnReplay(a *app.App, in *recording, run *trace.Replay, law replayLaw) {
	if run.NoCounters() {
		a.Warnf("%s has no queue counters: both directions are taken as fully loaded", in.name)
	}
	if n := run.Reloads(); n > 0 && !law.recorded {
		a.Warnf("%s: the configuration was reloaded while it was recorded; this is the one given here throughout", in.name)
	}
}

// replayLaw is one law to run over a recording.
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
