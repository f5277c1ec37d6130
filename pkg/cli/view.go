package cli

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/liveview"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/daemon/steer"
)

// wantsLines reports whether a loop prints its decisions as lines: to a pipe or a file,
// and not to the log of a service, which would be full of them.
func wantsLines(a *app.App) bool {
	for _, name := range []string{"JOURNAL_STREAM", "NOTIFY_SOCKET", "WANCTL_MODE"} {
		if v, _ := a.LookupEnv(name); v != "" {
			return false
		}
	}
	return !a.Global.Quiet
}

// printShapeLine writes one decision as a line.
func printShapeLine(w io.Writer, d shape.Decision) error {
	line := fmt.Sprintf("%s  %s  rtt %.1f ms, %.1f above idle", d.Time.Format(time.TimeOnly), d.WAN, d.RTTMS, max(d.ExcessMS, 0))
	for _, l := range lanes(d) {
		if l.limit != nil {
			line += fmt.Sprintf("  %s %s %.1fM %s", l.name, *l.state, float64(*l.limit)/1e6, *l.why)
		}
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// lane is one direction of a decision.
type lane struct {
	name            string
	limit, carrying *int64
	state, why      *string
}

func lanes(d shape.Decision) [2]lane {
	return [2]lane{
		{"download", d.DownBPS, d.DownRate, d.DownState, d.DownWhy},
		{"upload", d.UpBPS, d.UpRate, d.UpState, d.UpWhy},
	}
}

// spanned is the excess that fills a sparkline, in ms.
const spanned = 60

// shapeView is the live view of one or more WANs.
type shapeView struct {
	app    *app.App
	screen *liveview.Screen
	wans   []*shapedWAN
	many   int
	next   time.Time // of the next drawing
}

type shapedWAN struct {
	last   shape.Decision
	excess []float64
}

func newShapeView(a *app.App, wans int) *shapeView {
	return &shapeView{app: a, screen: liveview.NewScreen(a), many: wans}
}

// Put implements daemon.Stream.
func (v *shapeView) Put(d shape.Decision) error {
	var w *shapedWAN
	for _, known := range v.wans {
		if known.last.WAN == d.WAN {
			w = known
		}
	}
	if w == nil {
		w = &shapedWAN{}
		v.wans = append(v.wans, w)
	}
	excess := max(d.ExcessMS, 0)
	if d.Alive == 0 {
		excess = math.NaN()
	}
	w.last, w.excess = d, liveview.Keep(w.excess, excess)
	if len(v.wans) < v.many && v.next.IsZero() || d.Time.Before(v.next) {
		return nil
	}
	v.next = d.Time.Add(150 * time.Millisecond)
	return v.screen.Draw(v.block())
}

func (v *shapeView) block() []string {
	colour := !v.app.Global.NoColor
	var block []string
	for _, w := range v.wans {
		block = append(block, "",
			fmt.Sprintf("%s  rtt %.1f ms  above idle %s", output.Paint(colour, output.Bold, w.last.WAN), w.last.RTTMS, liveview.Delay(colour, w.excess, spanned)))
		for _, l := range lanes(w.last) {
			if l.limit == nil {
				block = append(block, fmt.Sprintf("  %-9s not controlled", l.name))
				continue
			}
			block = append(block, fmt.Sprintf("  %-9s %s  limit %7.1fM  carrying %7.1fM  %s", l.name,
				output.Paint(colour, liveview.StateColour(*l.state), fmt.Sprintf("%-8s", *l.state)),
				float64(*l.limit)/1e6, float64(*l.carrying)/1e6, *l.why))
		}
	}
	return append(block, output.Paint(colour, output.Dim, "Ctrl-C ends it; the limits stay as they are then"))
}

// Close implements daemon.Stream.
func (v *shapeView) Close() error { return v.screen.Close() }

// steerView is the live view of steering.
type steerView struct {
	app    *app.App
	screen *liveview.Screen
	cfg    *steer.Config
	excess []float64
}

func newSteerView(a *app.App, cfg *steer.Config) *steerView {
	return &steerView{app: a, screen: liveview.NewScreen(a), cfg: cfg}
}

// Put implements daemon.Stream.
func (v *steerView) Put(r steer.Assessment) error {
	colour := !v.app.Global.NoColor
	v.excess = liveview.Keep(v.excess, max(r.Excess, 0))
	to := v.cfg.Primary
	if r.Steered {
		to = v.cfg.Alternate
	}
	return v.screen.Draw([]string{
		"",
		fmt.Sprintf("new connections go to %s  %s", output.Paint(colour, output.Bold, to), r.Reason),
		fmt.Sprintf("  %s %s  above idle %s", v.cfg.Primary, output.Paint(colour, liveview.StateColour(r.Congestion), r.Congestion), liveview.Delay(colour, v.excess, spanned)),
		fmt.Sprintf("  drops %d  queue %d packets  red %d  good %d  score %.0f of %.0f", r.Drops, r.Depth, r.Red, r.Good, r.Score, r.Threshold),
		output.Paint(colour, output.Dim, "Ctrl-C ends it; routing stays as it is then"),
	})
}

// Close implements daemon.Stream.
func (v *steerView) Close() error { return v.screen.Close() }

// steerLines prints an assessment that differs from the one before as a line.
type steerLines struct {
	w    io.Writer
	last string
}

// Put implements daemon.Stream.
func (s *steerLines) Put(r steer.Assessment) error {
	text := fmt.Sprintf("%s  steered %s  %s", cmp.Or(r.Congestion, "UNKNOWN"), output.YesNo(r.Steered), r.Reason)
	if text == s.last {
		return nil
	}
	s.last = text
	_, err := fmt.Fprintf(s.w, "%s  %s  %s  %.1f ms above idle\n", r.Time.Format(time.TimeOnly), r.WAN, text, max(r.Excess, 0))
	return err
}

// Close implements daemon.Stream.
func (s *steerLines) Close() error { return nil }
