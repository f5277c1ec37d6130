package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

//go:embed report.html
var page string

var templates = template.Must(template.New("report").Funcs(template.FuncMap{
	"ms": func(x *float64) string { return number(x, "%.1f") }, "mbit": func(x *float64) string { return number(x, "%.4g") },
	"percent": func(x *float64) string {
		if x == nil {
			return none
		}
		return fmt.Sprintf("%.1f %%", *x*100)
	},
	"span": Span, "when": func(t time.Time) string { return t.Format("Mon 2 Jan 2006 15:04:05") },
	"shares": func(d *Direction) []Share { return d.Shares() }, "decisions": func(d *Direction) []Count { return d.Counts() },
	"latency": latencyChart, "lane": laneChart, "hours": hoursChart,
	"newest": func(list []history.Event) []history.Event { return list[max(0, len(list)-eventsShown):] },
}).Parse(page))

// eventsShown bounds a table of events of the page; the document has all of them.
const eventsShown = 200

const none = "–"

func number(x *float64, format string) string {
	if x == nil {
		return none
	}
	return fmt.Sprintf(format, *x)
}

// HTML writes the report as one file that refers to nothing else.
func (r *Report) HTML(w io.Writer) error { return templates.Execute(w, r) }

// Measures of a chart in pixels: the plot, and what is around it.
const (
	plotWidth = 900.0
	plotLeft  = 48.0
	plotTop   = 10.0
)

// chart is one SVG under construction. Text in it is ours: numbers and times.
type chart struct {
	strings.Builder
	height   float64 // of the plot
	most     float64 // value at its top
	from, to time.Time
}

func newChart(height, most float64, from, to time.Time) *chart {
	c := &chart{height: height, most: niceAbove(most), from: from, to: to}
	fmt.Fprintf(c, `<svg viewBox="0 0 %.0f %.0f" role="img">`, plotLeft+plotWidth+8, plotTop+height+24)
	for i := range 5 {
		v := c.most * float64(i) / 4
		fmt.Fprintf(c, `<line class="grid" x1="%.0f" x2="%.0f" y1="%.1f" y2="%.1f"/>`, plotLeft, plotLeft+plotWidth, c.y(v), c.y(v))
		fmt.Fprintf(c, `<text x="%.0f" y="%.1f" text-anchor="end">%.4g</text>`, plotLeft-6, c.y(v)+4, v)
	}
	return c
}

// niceAbove returns a round number that is not below v.
func niceAbove(v float64) float64 {
	for scale := 1.0; ; scale *= 10 {
		for _, f := range []float64{1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8} {
			if v <= f*scale {
				return f * scale
			}
		}
	}
}

func (c *chart) y(v float64) float64 {
	return plotTop + c.height*(1-min(max(v/c.most, 0), 1))
}

func (c *chart) x(t time.Time) float64 {
	return plotLeft + plotWidth*min(max(t.Sub(c.from).Seconds()/c.to.Sub(c.from).Seconds(), 0), 1)
}

// times draws the time axis.
func (c *chart) times() {
	span := c.to.Sub(c.from)
	step, layout := time.Minute, "15:04"
	for _, s := range []time.Duration{5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour, 4 * 24 * time.Hour, 32 * 24 * time.Hour} {
		if step = s; span/s <= 12 {
			break
		}
	}
	if step >= 24*time.Hour {
		layout = "2 Jan"
	} else if span > 24*time.Hour {
		layout = "Mon 15:04"
	}
	_, offset := c.from.Zone()
	shift := time.Duration(offset) * time.Second
	for t := c.from.Add(shift).Truncate(step).Add(step - shift); t.Before(c.to); t = t.Add(step) {
		fmt.Fprintf(c, `<line class="grid" x1="%.1f" x2="%[1]f" y1="%.0f" y2="%.1f"/>`, c.x(t), plotTop, plotTop+c.height)
		fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, c.x(t), plotTop+c.height+16, t.Format(layout))
	}
}

// line draws a value of the series, interrupted where it is unknown or where intervals
// are missing.
func (c *chart) line(class string, w *WAN, value func(*Interval) *float64) {
	var path strings.Builder
	step := time.Duration(w.SeriesStep * float64(time.Second))
	var last time.Time
	for i := range w.Series {
		at := &w.Series[i]
		v := value(at)
		if v == nil {
			last = time.Time{}
			continue
		}
		move := "L"
		if last.IsZero() || at.At.Sub(last) > step*3/2 {
			move = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1fH%.1f", move, c.x(at.At), c.y(*v), c.x(at.At.Add(step)))
		last = at.At
	}
	fmt.Fprintf(c, `<path class="%s" d="%s"/>`, class, path.String())
}

// bars draws a box for each interval, as high as value says; 0 leaves it out.
func (c *chart) bars(class string, w *WAN, value func(*Interval) float64) {
	step := time.Duration(w.SeriesStep * float64(time.Second))
	for i := range w.Series {
		at := &w.Series[i]
		if v := value(at); v > 0 {
			fmt.Fprintf(c, `<rect class="%s" x="%.1f" width="%.2f" y="%.1f" height="%.1f"/>`,
				class, c.x(at.At), max(c.x(at.At.Add(step))-c.x(at.At), 0.5), c.y(v), plotTop+c.height-c.y(v))
		}
	}
}

func (c *chart) svg() template.HTML {
	c.WriteString("</svg>")
	return template.HTML(c.String()) //nolint:gosec // numbers and times only
}

func highest(list []Interval, values ...func(*Interval) *float64) float64 {
	most := 0.0
	for i := range list {
		for _, value := range values {
			if v := value(&list[i]); v != nil {
				most = max(most, *v)
			}
		}
	}
	return most
}

func latencyChart(r *Report, w *WAN) template.HTML {
	idle := func(i *Interval) *float64 { return i.Idle }
	loaded := func(i *Interval) *float64 { return i.Loaded }
	c := newChart(180, max(highest(w.Series, idle, loaded), 10), r.From, r.To)
	c.bars("silent", w, func(i *Interval) float64 {
		if i.NoReply > w.SeriesStep/20 {
			return c.most
		}
		return 0
	})
	c.times()
	c.line("idle", w, idle)
	c.line("loaded", w, loaded)
	return c.svg()
}

// laneChart draws direction d, 0 or 1.
func laneChart(r *Report, w *WAN, d int) template.HTML {
	of := func(pick func(*Lane) *float64) func(*Interval) *float64 {
		return func(i *Interval) *float64 {
			if i.Directions[d] == nil {
				return nil
			}
			return pick(i.Directions[d])
		}
	}
	limit := of(func(l *Lane) *float64 { return l.Limit })
	used := of(func(l *Lane) *float64 { return l.Throughput })
	capacity := of(func(l *Lane) *float64 { return l.Capacity })
	c := newChart(140, highest(w.Series, limit, capacity), r.From, r.To)
	c.times()
	c.bars("used", w, func(i *Interval) float64 {
		if v := used(i); v != nil {
			return *v
		}
		return 0
	})
	c.line("capacity", w, capacity)
	c.line("limit", w, limit)
	for i := range w.Series {
		if lane := w.Series[i].Directions[d]; lane != nil && lane.State != "UNKNOWN" {
			at := w.Series[i].At
			fmt.Fprintf(c, `<rect class="%s" x="%.1f" y="1" height="6" width="%.2f"/>`, strings.ToLower(lane.State), c.x(at),
				max(c.x(at.Add(time.Duration(w.SeriesStep*float64(time.Second))))-c.x(at), 0.5))
		}
	}
	return c.svg()
}

// hoursChart draws the capacity by hour of day: from the lowest to the highest, with the
// median.
func hoursChart(d *Direction) template.HTML {
	most := 0.0
	for _, h := range d.Capacity {
		most = max(most, h.Max)
	}
	c := newChart(110, most, time.Time{}, time.Time{}.Add(24*time.Hour))
	width := plotWidth / 24
	for _, h := range d.Capacity {
		x := plotLeft + float64(h.Hour)*width
		fmt.Fprintf(c, `<rect class="reach" x="%.1f" width="%.1f" y="%.1f" height="%.1f"/>`, x+4, width-8, c.y(h.Max), max(c.y(h.Min)-c.y(h.Max), 1))
		fmt.Fprintf(c, `<line class="median" x1="%.1f" x2="%.1f" y1="%.1f" y2="%[3]f"/>`, x+4, x+width-4, c.y(h.Median))
	}
	for hour := 0; hour < 24; hour += 3 {
		fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="middle">%02d</text>`, plotLeft+(float64(hour)+0.5)*width, plotTop+c.height+16, hour)
	}
	return c.svg()
}
