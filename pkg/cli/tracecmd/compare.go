package tracecmd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/trace"
	"github.com/wanctl/wanctl/pkg/trace/compare"
	"github.com/wanctl/wanctl/pkg/units"
)

// differencesKept is how many differences are printed of each pair.
const differencesKept = 5

// openLoop is the caveat of every replay.
const openLoop = "Replay is open-loop: the recorded delay is the response to the limits of that time, not to those decided here."

const compareLong = `Run the law over one recording with several configurations and print side by
side what it does with each.

A single configuration is compared with the recorded one, which a recording of
'wanctl probe' does not contain.

` + openLoop

func newCompareCmd(a *app.App) *cobra.Command {
	return app.Prints[comparison](a, app.Prints[comparedLaw](a, app.Prints[comparedDifference](a, &cobra.Command{
		Use:   "compare FILE CONFIG...",
		Short: "Compare configurations on the same recording",
		Long:  compareLong,
		Example: `  wanctl trace compare trace.jsonl new.yaml
  wanctl trace compare trace.jsonl old.yaml new.yaml -o json`,
		Args: app.UsageArgs(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("config") || cmd.Flags().Changed("wan") {
				return app.Usagef("name the configurations after the recording, without --config and --wan: %s FILE CONFIG...", cmd.CommandPath())
			}
			if slices.Contains(args[1:], "") {
				return app.Usagef("the name of a configuration is empty")
			}
			in, err := openRecording(a, args[0])
			if err != nil {
				return err
			}
			defer in.close()
			laws, err := comparedLaws(a, in, args[1:])
			if err != nil {
				return err
			}
			return app.Stopped(compareReplays(cmd.Context(), a, in, laws))
		},
	})))
}

// comparedLaws returns the laws of the configurations in files. A single one is
// compared with the recorded one.
func comparedLaws(a *app.App, in *recording, files []string) ([]replayLaw, error) {
	var laws []replayLaw
	if len(files) == 1 {
		if in.setup == nil {
			return nil, app.Usagef("%s does not contain the settings of the law: name two configurations or more", in.name)
		}
		laws = append(laws, in.recordedLaw())
	}
	wans, err := a.ReadWANs(files)
	if err != nil {
		return nil, err
	}
	for _, wan := range wans {
		laws = append(laws, in.lawOf(wan))
	}
	for i := range laws {
		laws[i].cfg.Tick = laws[0].cfg.Tick // stepped together
	}
	return laws, nil
}

// candidate is one law of a comparison.
type candidate struct {
	law     replayLaw
	tally   *compare.Tally
	differ  compare.Differ // from the first law
	decided []autorate.Decision
	run     *trace.Replay
}

// compareReplays runs several laws over the same trace and prints what they made of it.
func compareReplays(ctx context.Context, a *app.App, in *recording, laws []replayLaw) error {
	candidates, runs := make([]*candidate, len(laws)), make([]*trace.Replay, len(laws))
	for i, l := range laws {
		c := &candidate{law: l, tally: compare.New(l.cfg), differ: compare.Differ{Keep: differencesKept}}
		c.run = l.replay(func(seen autorate.Input, dec autorate.Decision) error {
			c.tally.Step(seen, dec)
			c.decided = append(c.decided, dec)
			if i == len(laws)-1 {
				matchDecisions(candidates)
			}
			return nil
		})
		c.run.New = func(_ *trace.Setup, start [2]bitrate.Rate) trace.Law {
			return adoptObserver{autorate.New(l.cfg, start), c.tally}
		}
		candidates[i], runs[i] = c, c.run
	}
	err := in.run(ctx, runs...)
	switch {
	case ctx.Err() != nil && in.steps > 0:
		a.Warnf("interrupted: the numbers are of the recording up to %v", in.at.Round(time.Millisecond))
	case err != nil:
		return err
	default:
		warnReplay(a, in, runs[0], laws[0])
	}
	return printComparison(a, in, candidates)
}

// matchDecisions compares the decisions of the laws for the same record. The last
// law is the last one to decide.
func matchDecisions(candidates []*candidate) {
	first, last := candidates[0], candidates[len(candidates)-1]
	if n := len(last.decided); n < len(first.decided) {
		return // it has more to decide
	}
	for _, c := range candidates[1:] {
		for i, dec := range c.decided {
			c.differ.Step(first.decided[i], dec)
		}
		c.decided = c.decided[:0]
	}
	first.decided = first.decided[:0]
}

// comparedLaw is the record of one law for programs.
type comparedLaw struct {
	Event      string            `json:"event"` // "law"
	Name       string            `json:"configuration"`
	Seconds    float64           `json:"seconds"`
	Steps      int               `json:"steps"`
	OpenLoop   bool              `json:"open_loop"`
	Download   comparedDirection `json:"download"`
	Upload     comparedDirection `json:"upload"`
	Differing  int               `json:"differing_steps"` // from the first law
	Partings   int               `json:"differences"`
	FirstApart *float64          `json:"first_difference_ms,omitempty"`
}

// comparedDirection is the record of one direction for programs. Shares are of the
// steps in which it was loaded.
type comparedDirection struct {
	Green        float64 `json:"green_seconds"`
	Yellow       float64 `json:"yellow_seconds"`
	SoftRed      float64 `json:"soft_red_seconds"`
	Red          float64 `json:"red_seconds"`
	Cuts         int     `json:"cuts"`
	Raises       int     `json:"raises"`
	Writes       int     `json:"writes"`
	Lowest       int64   `json:"lowest_limit_bps"`
	Mean         int64   `json:"mean_limit_bps"`
	Loaded       int     `json:"loaded_steps"`
	AboveTarget  float64 `json:"above_target_share"`
	AboveWarn    float64 `json:"above_warn_share"`
	AboveHardRed float64 `json:"above_hard_red_share"`
}

// comparedDifference is one step at which two laws begin to differ.
type comparedDifference struct {
	Event     string          `json:"event"` // "difference"
	TimeMS    float64         `json:"t_ms"`
	Direction string          `json:"direction"`
	Laws      [2]comparedSide `json:"decisions"`
}

type comparedSide struct {
	Name   string `json:"configuration"`
	Limit  int64  `json:"limit_bps"`
	State  string `json:"state"`
	Reason string `json:"reason"`
}

func (c *candidate) record() comparedLaw {
	direction := func(d compare.Direction) comparedDirection {
		share := func(n int) float64 { return units.Round(float64(n)/float64(max(d.Loaded, 1)), 4) }
		return comparedDirection{
			Green: d.In[0].Seconds(), Yellow: d.In[1].Seconds(), SoftRed: d.In[2].Seconds(), Red: d.In[3].Seconds(),
			Cuts: d.Cuts, Raises: d.Raises, Writes: d.Writes, Lowest: int64(d.Lowest), Mean: int64(d.Mean),
			Loaded: d.Loaded, AboveTarget: share(d.Above[0]), AboveWarn: share(d.Above[1]), AboveHardRed: share(d.Above[2]),
		}
	}
	t := c.tally
	r := comparedLaw{
		Event: "law", Name: c.law.label, Seconds: units.Round(t.Span.Seconds(), 3), Steps: t.Steps, OpenLoop: true,
		Download: direction(t.Directions[autorate.Download]), Upload: direction(t.Directions[autorate.Upload]),
		Differing: c.differ.Steps, Partings: c.differ.Count,
	}
	if len(c.differ.First) > 0 {
		at := units.Millis(c.differ.First[0].At)
		r.FirstApart = &at
	}
	return r
}

func (c *candidate) differences(from string) []comparedDifference {
	var list []comparedDifference
	for _, d := range c.differ.First {
		x := comparedDifference{Event: "difference", TimeMS: units.Millis(d.At), Direction: d.Direction.String()}
		for i, name := range []string{from, c.law.label} {
			dec := d.Decisions[i]
			x.Laws[i] = comparedSide{Name: name, Limit: int64(dec.Limit), State: dec.State.String(), Reason: dec.Reason.String()}
		}
		list = append(list, x)
	}
	return list
}

// seconds is a time for people.
func seconds(ms float64) string { return fmt.Sprintf("%.2fs", ms/1e3) }
