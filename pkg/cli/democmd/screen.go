package democmd

import (
	"fmt"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/liveview"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/sim/demo"
	"github.com/wanctl/wanctl/pkg/units"
)

// tui is the view for a terminal: a block that is redrawn in place, and
// above it what the law decided and why.
type tui struct {
	app    *app.App
	live   *output.Live
	block  []string
	shaped []float64 // excess in ms, newest last, five a second
	alone  []float64
}

func newTUI(a *app.App) *tui {
	return &tui{app: a, live: output.NewLive(a.Streams)}
}

func (v *tui) paint(c output.Colour, text string) string {
	return output.Paint(!v.app.Global.NoColor, c, text)
}

func (v *tui) tell(l line) {
	// An error here shows again at the next redraw, which returns it.
	_ = v.live.Print(fmt.Sprintf("%6.2fs  %s", l.at.Seconds(), l.text), v.block)
}

func (v *tui) show(now demo.State, dec autorate.Decision) error {
	v.shaped = liveview.Keep(v.shaped, units.Millis(now.Shaped))
	v.alone = liveview.Keep(v.alone, units.Millis(now.Alone))
	v.block = []string{
		"",
		fmt.Sprintf("%5.1fs of %.0fs  %s", now.At.Seconds(), demo.Length.Seconds(), now.Phase),
		"",
		v.side("download", dec.Directions[autorate.Download], now.Capacity[autorate.Download].Mbps()),
		v.side("upload", dec.Directions[autorate.Upload], now.Capacity[autorate.Upload].Mbps()),
		"",
		"delay that queues add to a sparse packet",
		v.spark("  with wanctl", v.shaped, 100),
		v.spark("  without", v.alone, 100),
	}
	return v.live.Draw(v.block)
}

func (v *tui) side(name string, d autorate.DirectionDecision, capacity float64) string {
	if d.Limit == 0 {
		return name + " is not controlled"
	}
	return fmt.Sprintf("%-9s %s  limit %5.1fM  carrying %5.1fM  link %5.1fM  %s",
		name, v.paint(liveview.StateColour(d.State.String()), fmt.Sprintf("%-8s", d.State)),
		d.Limit.Mbps(), d.Throughput.Mbps(), capacity, d.Reason)
}

func (v *tui) spark(name string, values []float64, top float64) string {
	return fmt.Sprintf("%-14s ", name) + liveview.Delay(!v.app.Global.NoColor, values, top)
}

func (v *tui) close() { _ = v.live.Close() }
