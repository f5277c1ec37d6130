package democmd

import (
	"fmt"
	"math"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/cli/app"
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

const sparkSamples = 60 // samples of a sparkline: twelve seconds

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
	v.shaped = keep(v.shaped, units.Millis(now.Shaped))
	v.alone = keep(v.alone, units.Millis(now.Alone))
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
		name, v.paint(stateColour(d.State), fmt.Sprintf("%-8s", d.State)),
		d.Limit.Mbps(), d.Throughput.Mbps(), capacity, d.Reason)
}

func (v *tui) spark(name string, values []float64, top float64) string {
	newest := values[len(values)-1]
	c := output.Green
	switch {
	case newest > 30:
		c = output.Red
	case newest > 10:
		c = output.Yellow
	}
	drawn := make([]float64, 0, len(values))
	for _, x := range values {
		if x > top {
			x = math.Inf(1)
		}
		drawn = append(drawn, x)
	}
	return fmt.Sprintf("%-14s %s %s", name, v.paint(c, fmt.Sprintf("%6.1f ms", newest)), output.Sparkline(output.Blocks, drawn, 0, top))
}

func stateColour(s autorate.State) output.Colour {
	switch s {
	case autorate.Green:
		return output.Green
	case autorate.Yellow:
		return output.Yellow
	case autorate.SoftRed, autorate.Red:
		return output.Red
	}
	return output.Green
}

func (v *tui) close() { _ = v.live.Close() }

func keep(values []float64, x float64) []float64 {
	values = append(values, x)
	if len(values) > sparkSamples {
		values = values[1:]
	}
	return values
}
