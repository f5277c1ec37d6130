package plot

import (
	"fmt"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// delay draws RTT, baseline and thresholds.
func (p *Plot) delay(s *svg, cols []column) {
	var rtt, base span
	for i := range cols {
		rtt.merge(cols[i].rtt)
		base.merge(cols[i].base)
	}
	target, warn, hard := millis(p.cfg.Target), millis(p.cfg.Warn), millis(p.cfg.HardRed)
	// Beyond twice hard-red a peak would only flatten what matters.
	most := max(base.high+1.5*target, min(rtt.high, base.high+2*hard), 1)
	a := newAxis(most, delayTop, delayHeight)
	s.text("text head", left, delayTop-12, "start", "Delay, ms")
	s.legend(delayTop-12,
		key{"line", "rtt", "RTT, median of the reflectors"}, key{"line", "base", "idle baseline"},
		key{"line", "alarm", "sign of a queue"},
		key{"line", "target", fmt.Sprintf("target +%g", target)},
		key{"line", "warn", fmt.Sprintf("warn +%g", warn)},
		key{"line", "hard", fmt.Sprintf("hard-red +%g", hard)})
	s.frame(p, a)
	s.clip("delay", a)
	p.silence(s, cols, a)
	p.path(s, "rtt", cols, a, 0, func(c *column) *span { return &c.rtt })
	p.path(s, "alarm", cols, a, 0, func(c *column) *span { return &c.threshold })
	p.path(s, "target", cols, a, target, func(c *column) *span { return &c.base })
	p.path(s, "warn", cols, a, warn, func(c *column) *span { return &c.base })
	p.path(s, "hard", cols, a, hard, func(c *column) *span { return &c.base })
	p.path(s, "base", cols, a, 0, func(c *column) *span { return &c.base })
	s.put("</g>\n")
	if rtt.high > a.top {
		s.text("mute", right-4, a.y+13, "end", fmt.Sprintf("highest: %.0f ms at %s", rtt.high, moment(p.highestAt)))
	}
}

// silence shades the time in which nobody answered.
func (p *Plot) silence(s *svg, cols []column, a axis) {
	p.runs(cols, func(c *column) int {
		if c.silent > 0 && c.rtt.n == 0 {
			return 1
		}
		return 0
	}, func(x, w float64, from, to time.Duration, v int) {
		if v == 1 {
			s.put(`<rect class="mute-band" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>no reflector answered, %s to %s</title></rect>`+"\n",
				x, a.y, w, a.height, moment(from), moment(to))
		}
	})
}

// lane draws one direction below its heading at y.
func (p *Plot) lane(s *svg, cols []column, d autorate.Direction, y float64) {
	of := func(get func(*lane) *span) func(*column) *span {
		return func(c *column) *span { return get(&c.lanes[d]) }
	}
	limit := of(func(l *lane) *span { return &l.limit })
	force := of(func(l *lane) *span { return &l.inForce })
	thru := of(func(l *lane) *span { return &l.throughput })
	capacity := of(func(l *lane) *span { return &l.capacity })
	var most, bursts float64
	for i := range cols {
		c := &cols[i]
		most = max(most, limit(c).high, force(c).high, capacity(c).high)
		bursts = max(bursts, thru(c).high)
	}
	name := "Download"
	if d == autorate.Upload {
		name = "Upload"
	}
	a := newAxis(max(most, min(bursts, 1.25*most), 0.001), y, laneHeight)
	s.text("text head", left, y-24, "start", name+", Mbit/s")
	s.legend(y-24,
		key{"line", "limit", "limit decided"}, key{"line", "force", "in force when recorded"},
		key{"box", "thru", "throughput"}, key{"line", "cap", "estimated capacity"},
		key{"down", "cut", "cut"}, key{"dot", "other", "taken back, verified or foreign"})
	p.band(s, cols, d, y-bandHeight-4)
	s.frame(p, a)
	s.clip(d.String(), a)
	p.area(s, cols, a, thru)
	p.path(s, "thruline", cols, a, 0, thru)
	p.steppedPath(s, "cap", cols, a, capacity)
	p.steppedPath(s, "force", cols, a, force)
	p.steppedPath(s, "limit", cols, a, limit)
	s.put("</g>\n")
	p.marks(s, cols, d, a)
}

// band draws the states, each the worst of its pixel.
func (p *Plot) band(s *svg, cols []column, d autorate.Direction, y float64) {
	p.runs(cols, func(c *column) int { return int(c.lanes[d].state) },
		func(x, w float64, from, to time.Duration, v int) {
			if v == 0 {
				return
			}
			s.put(`<rect class="s%d" x="%.1f" y="%.1f" width="%.1f" height="%d"><title>%s, %s to %s</title></rect>`+"\n",
				v, x, y, w, bandHeight, autorate.State(v), moment(from), moment(to))
		})
}

// marks draws what was cut and what else happened, with the story in a tooltip.
func (p *Plot) marks(s *svg, cols []column, d autorate.Direction, a axis) {
	for i := range cols {
		l := &cols[i].lanes[d]
		x := float64(left + i)
		if n := l.others.n; n > 0 {
			m := l.others.first
			s.put(`<circle class="other" cx="%.1f" cy="%.1f" r="3.5"><title>%s</title></circle>`+"\n",
				x, a.at(min(m.to.Mbps(), a.top)), escape(story(m, n)))
		}
		if n := l.cuts.n; n > 0 {
			m := l.cuts.first
			y := a.at(min(m.from.Mbps(), a.top))
			s.put(`<path class="cut" d="M%.1f %.1fl4.5 -8h-9z"><title>%s</title></path>`+"\n", x, max(y, a.y+9), escape(story(m, n)))
		}
	}
}

// story tells what a mark stands for, for people.
func story(m mark, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s to %s Mbit/s", moment(m.at), m.reason, decimal(m.from.Mbps()), decimal(m.to.Mbps()))
	if m.dec.Limit > 0 {
		fmt.Fprintf(&b, "; excess %.1f ms, sign of a queue from %.1f ms", millis(m.excess), millis(m.threshold))
		if m.dec.Load >= 0 {
			fmt.Fprintf(&b, "; carried %s Mbit/s", decimal(m.dec.Throughput.Mbps()))
		}
		if m.dec.Capacity > 0 {
			fmt.Fprintf(&b, " of about %s", decimal(m.dec.Capacity.Mbps()))
		}
	}
	if n > 1 {
		fmt.Fprintf(&b, " (and %d more on this pixel)", n-1)
	}
	return b.String()
}

func decimal(v float64) string { return fmt.Sprintf("%.4g", v) }

// moment is a time for people, as the other outputs of a replay show it.
func moment(t time.Duration) string { return fmt.Sprintf("%.2fs", t.Seconds()) }

// key is an entry of a legend.
type key struct{ shape, class, text string }

// legend writes keys at the right end of a heading.
func (s *svg) legend(y float64, keys ...key) {
	const perLetter, sample, gap = 6.3, 18, 16 // a little more than any usual font takes
	total := 0.0
	for _, k := range keys {
		total += sample + perLetter*float64(len(k.text)) + gap
	}
	x := float64(right) - total + gap
	for _, k := range keys {
		switch k.shape {
		case "line":
			s.line(k.class, x, y-4, x+sample-5, y-4)
		case "box":
			s.put(`<rect class="%s" x="%.1f" y="%.1f" width="%d" height="9"/>`+"\n", k.class, x, y-9, sample-6)
		case "down":
			s.put(`<path class="%s" d="M%.1f %.1fl4.5 -8h-9z"/>`+"\n", k.class, x+7, y)
		case "dot":
			s.put(`<circle class="%s" cx="%.1f" cy="%.1f" r="3.5"/>`+"\n", k.class, x+7, y-4)
		}
		s.text("mute", x+sample, y, "start", k.text)
		x += sample + perLetter*float64(len(k.text)) + gap
	}
}

// frame draws the grid and the edges of a plot.
func (s *svg) frame(p *Plot, a axis) {
	for v := 0.0; v <= a.top+a.step/100; v += a.step {
		class := "grid"
		if v == 0 {
			class = "edge"
		}
		s.line(class, left, a.at(v), right, a.at(v))
		s.text("mute", left-8, a.at(v)+4, "end", a.label(v))
	}
	ticks, _ := timeTicks(p.first, p.at)
	for _, t := range ticks {
		s.line("grid", p.x(t), a.y, p.x(t), a.y+a.height)
	}
	s.line("edge", left, a.y, left, a.y+a.height)
}

// clip opens a group in which nothing leaves the plot.
func (s *svg) clip(id string, a axis) {
	s.put(`<clipPath id="%s"><rect x="%d" y="%.1f" width="%d" height="%.1f"/></clipPath><g clip-path="url(#%[1]s)">`+"\n",
		id, left, a.y-1, plotWidth, a.height+1)
}
