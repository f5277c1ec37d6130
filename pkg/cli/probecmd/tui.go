package probecmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/probe"
)

// tui is the live table on a terminal.
type tui struct {
	app    *app.App
	stats  *stats
	live   *output.Live
	ramp   output.Ramp
	colour bool
	start  time.Time
}

func newTUI(a *app.App, st *stats) *tui {
	v := &tui{app: a, stats: st, live: output.NewLive(a.Streams), ramp: output.ASCII, colour: !a.Global.NoColor, start: st.epoch}
	if hasUnicode(a) {
		v.ramp = output.Blocks
	}
	return v
}

// hasUnicode reports whether the terminal's locale can show more than ASCII.
func hasUnicode(a *app.App) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v, ok := a.LookupEnv(name); ok && v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

func (v *tui) sample(sample) error { return nil } // the stats has it

func (v *tui) refresh(s probe.Status) error {
	return v.live.Draw(v.lines(s, time.Since(v.start), v.live.Width()))
}

func (v *tui) close() error { return v.live.Close() }

// tuiColumn is a column of the live table.
type tuiColumn struct {
	head  string
	width int  // without the gap after it
	left  bool // align left: text
	spare int  // the lower, the sooner the column is left out; 0: never
	cell  func(h *hostStats, t probe.TargetStatus) string
}

const (
	columnGap    = 2
	minSparkline = 24 // columns that a sparkline should have
)

// rttColumn makes a column of something that needs a reply.
func rttColumn(head string, spare int, of func(h *hostStats) time.Duration) tuiColumn {
	return tuiColumn{head: head, width: len("12.34 ms"), spare: spare, cell: func(h *hostStats, _ probe.TargetStatus) string {
		if !h.replied {
			return "-"
		}
		return rttText(of(h))
	}}
}

var tuiColumns = []tuiColumn{
	{head: "HOST", left: true, cell: func(h *hostStats, _ probe.TargetStatus) string { return h.name }},
	{head: "METHOD", width: 6, left: true, spare: 2, cell: func(h *hostStats, _ probe.TargetStatus) string { return h.method }},
	rttColumn("RTT", 0, func(h *hostStats) time.Duration { return h.last }),
	rttColumn("MEDIAN", 3, func(h *hostStats) time.Duration { return h.rtts.Quantile(0.5) }),
	rttColumn("P95", 4, func(h *hostStats) time.Duration { return h.rtts.Quantile(0.95) }),
	rttColumn("MAX", 1, func(h *hostStats) time.Duration { return h.rtts.Max() }),
	{head: "LOSS", width: 6, cell: func(_ *hostStats, t probe.TargetStatus) string { return lossText(t.Lost, t.Sent) }},
}

const medianRow = "median of hosts"

// fit chooses the columns that fit into width and returns what they leave for
// the sparkline.
func (v *tui) fit(width int, spares bool) (columns []tuiColumn, room int) {
	columns = slices.Clone(tuiColumns)
	if spares {
		columns = slices.Insert(columns, 1, useColumn)
	}
	columns[0].width = len(medianRow)
	for _, h := range v.stats.hosts {
		columns[0].width = max(columns[0].width, min(len(h.name), 32))
	}
	for {
		room = width
		drop := -1
		for i, c := range columns {
			room -= c.width + columnGap
			if c.spare > 0 && (drop < 0 || c.spare < columns[drop].spare) {
				drop = i
			}
		}
		if room >= minSparkline || drop < 0 {
			return columns, max(room, 0)
		}
		columns = slices.Delete(columns, drop, drop+1)
	}
}

func (c tuiColumn) pad(text string) string {
	text = output.Fit(text, c.width)
	if c.left {
		return fmt.Sprintf("%-*s", c.width+columnGap, text)
	}
	return fmt.Sprintf("%*s%*s", c.width, text, columnGap, "")
}

// lines draws the table for a terminal of so many columns.
func (v *tui) lines(s probe.Status, elapsed time.Duration, width int) []string {
	columns, room := v.fit(width, hasSpares(s))
	newest := v.stats.cellOf(max(elapsed, v.stats.newest))
	head := ""
	for _, c := range columns {
		head += c.pad(c.head)
	}
	lines := []string{v.paint(output.Dim, strings.TrimRight(head, " "))}
	shown := 0
	for i, h := range v.stats.hosts {
		t := s.Targets[i]
		if v.unneeded(s, t) {
			continue
		}
		shown++
		line := ""
		for _, c := range columns {
			line += c.pad(c.cell(h, t))
		}
		if !t.Alive && elapsed > freshFor {
			line = v.paint(output.Red, line)
		}
		lines = append(lines, line+v.spark(&h.history, newest, room))
	}
	if m, ok := v.stats.medianAt(elapsed); ok && shown > 1 {
		line := ""
		for _, c := range columns {
			switch c.head {
			case "HOST":
				line += c.pad(medianRow)
			case "RTT":
				line += c.pad(rttText(m))
			default:
				line += c.pad("")
			}
		}
		lines = append(lines, v.paint(output.Bold, line)+v.spark(&v.stats.medians, newest, room))
	}
	return append(lines, v.footer(s, elapsed)...)
}

// unneeded reports whether t is a fallback at rest.
func (v *tui) unneeded(s probe.Status, t probe.TargetStatus) bool {
	return t.Method == probe.TCP && s.Targets[0].Method == probe.ICMP && (t.Sent == 0 || s.Mode == probe.ModeICMP)
}

func (v *tui) spark(h *history, newest int64, room int) string {
	values, lo, hi := h.values(newest, room)
	return output.Sparkline(v.ramp, values, lo, hi)
}

// footer returns lines about what is wrong, and how to end.
func (v *tui) footer(s probe.Status, elapsed time.Duration) (lines []string) {
	var failing []probe.TargetStatus
	for _, t := range s.Targets {
		if !t.Gateway && !v.unneeded(s, t) {
			failing = append(failing, t)
		}
	}
	for _, text := range sendErrors(failing) {
		lines = append(lines, v.paint(output.Yellow, text))
	}
	if text := describeMode(s); text != "" && elapsed > freshFor {
		lines = append(lines, v.paint(output.Yellow, text))
	}
	if path := v.stats.path.View(max(elapsed, v.stats.newest)); path.OneWay {
		lines = append(lines, fmt.Sprintf("above the best: up %s, down %s", rttText(path.Up), rttText(path.Down)))
	}
	if text := v.stats.routeText(); text != "" {
		lines = append(lines, v.paint(output.Dim, text))
	}
	return append(lines, v.paint(output.Dim, fmt.Sprintf("%v, Ctrl-C ends", elapsed.Truncate(time.Second))))
}

func (v *tui) paint(c output.Colour, text string) string {
	return output.Paint(v.colour, c, text)
}
