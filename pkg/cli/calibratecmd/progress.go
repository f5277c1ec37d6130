package calibratecmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/units"
)

// progress shows where a measurement is, on standard error: one line that is redrawn on
// a terminal, a line for each phase otherwise.
type progress struct {
	app   *app.App
	drawn bool
}

func newProgress(a *app.App) *progress { return &progress{app: a} }

// announce says what is about to happen, and what it costs.
func (p *progress) announce(cfg *config.WAN, plan calibrate.Plan, start [2]bitrate.Rate) {
	if p.app.Global.Quiet {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Measuring %s for about %v; Ctrl-C ends it and restores the limits.\n", cfg.Name, plan.Length().Round(time.Second))
	lifted := plan.Lifted(start)
	for _, d := range autorate.Directions {
		if plan.Controlled[d] {
			fmt.Fprintf(&b, "  %-8v  limit %s, up to %s meanwhile\n", d, limitText(start[d]), limitText(lifted[d]))
		}
	}
	if plan.Watch {
		fmt.Fprintf(&b, "  data      that of the users, whose delay is not controlled for %v\n", plan.LoadLength)
	} else {
		fmt.Fprintf(&b, "  data      about %s at the ceilings configured; it ends at about %s, by the router's counters\n", calibrate.Size(plan.Bytes()), calibrate.Size(plan.MaxBytes))
	}
	_, _ = fmt.Fprint(p.app.Err, b.String())
}

func limitText(r bitrate.Rate) string {
	if r == 0 {
		return "none"
	}
	return r.Human()
}

// tell shows the progress. It must not fail: a closed pipe is no reason to stop.
func (p *progress) tell(now calibrate.Progress) {
	switch {
	case p.app.Global.Quiet:
	case !p.app.ErrTTY && now.First:
		_, _ = fmt.Fprintf(p.app.Err, "%s: %v, %v left\n", now.Phase, now.Phase.Length, now.Remaining)
	case p.app.ErrTTY:
		line := fmt.Sprintf("%v left  %s", now.Remaining, now.Phase)
		if now.Phase.Kind != calibrate.Idle {
			line += fmt.Sprintf("  down %s  up %s  delay +%.0f ms  %s so far",
				now.Rate[0].Human(), now.Rate[1].Human(), units.Millis(now.Excess), calibrate.Size(now.Bytes))
		}
		_, _ = fmt.Fprintf(p.app.Err, "\r%s\x1b[K", output.Fit(line, p.app.Width()-1))
		p.drawn = true
	}
}

// end leaves the line of a terminal.
func (p *progress) end() {
	if p.drawn {
		_, _ = fmt.Fprint(p.app.Err, "\r\x1b[K")
	}
}
