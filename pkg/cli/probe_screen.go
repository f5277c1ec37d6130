package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/probe"
)

// probeScreen is the live table on a terminal.
type probeScreen struct {
	app    *app.App
	board  *probeBoard
	live   *output.Live
	ramp   output.Ramp
	colour bool
	start  time.Time
}

func newProbeScreen(a *app.App, b *probeBoard) *probeScreen {
	v := &probeScreen{app: a, board: b, live: output.NewLive(a.Streams), ramp: output.ASCII, colour: !a.Global.NoColor, start: b.epoch}
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

func (v *probeScreen) sample(probeSample) error { return nil } // the board has it

func (v *probeScreen) refresh(s probe.Status) error {
	return v.live.Draw(v.lines(s, time.Since(v.start), v.live.Width()))
}

func (v *probeScreen) close() error { return v.live.Close() }

// screenColumn is a column of the live table.
type screenColumn struct {
	head  string
	width int  // without the gap after it
	left  bool // align left: text
	spare int  // the lower, the sooner the column is left out; 0: never
	cell  func(h *probeHost, t probe.TargetStatus) string
}

const (
	screenGap  = 2
	leastSpark = 24 // columns that a sparkline should have
)

// measured makes a column of something that needs a reply.
func measured(head string, spare int, of func(h *probeHost) time.Duration) screenColumn {
	return screenColumn{head: head, width: len("12.34 ms"), spare: spare, cell: func(h *probeHost, _ probe.TargetStatus) string {
		if !h.replied {
			return "-"
		}
		return rttText(of(h))
	}}
}

var screenColumns = []screenColumn{
	{head: "HOST", left: true, cell: func(h *probeHost, _ probe.TargetStatus) string { return h.name }},
	{head: "METHOD", width: 6, left: true, spare: 2, cell: func(h *probeHost, _ probe.TargetStatus) string { return h.method }},
	measured("RTT", 0, func(h *probeHost) time.Duration { return h.last }),
	measured("MEDIAN", 3, func(h *probeHost) time.Duration { return h.rtts.Quantile(0.5) }),
	measured("P95", 4, func(h *probeHost) time.Duration { return h.rtts.Quantile(0.95) }),
	measured("MAX", 1, func(h *probeHost) time.Duration { return h.rtts.Max() }),
	{head: "LOSS", width: 6, cell: func(_ *probeHost, t probe.TargetStatus) string { return lossText(t.Lost, t.Sent) }},
}

const medianRow = "median of hosts"

// fit chooses the columns that fit into width and returns what they leave for
// the sparkline.
func (v *probeScreen) fit(width int) (columns []screenColumn, room int) {
	columns = slices.Clone(screenColumns)
	columns[0].width = len(medianRow)
	for _, h := range v.board.hosts {
		columns[0].width = max(columns[0].width, min(len(h.name), 32))
	}
	for {
		room = width
		drop := -1
		for i, c := range columns {
			room -= c.width + screenGap
			if c.spare > 0 && (drop < 0 || c.spare < columns[drop].spare) {
				drop = i
			}
		}
		if room >= leastSpark || drop < 0 {
			return columns, max(room, 0)
		}
		columns = slices.Delete(columns, drop, drop+1)
	}
}

func (c screenColumn) pad(text string) string {
	text = output.Fit(text, c.width)
	if c.left {
		return fmt.Sprintf("%-*s", c.width+screenGap, text)
	}
	return fmt.Sprintf("%*s%*s", c.width, text, screenGap, "")
}

// lines draws the table for a terminal of so many columns.
func (v *probeScreen) lines(s probe.Status, elapsed time.Duration, width int) []string {
	columns, room := v.fit(width)
	newest := v.board.cellOf(max(elapsed, v.board.newest))
	head := ""
	for _, c := range columns {
		head += c.pad(c.head)
	}
	lines := []string{v.paint(output.Dim, strings.TrimRight(head, " "))}
	shown := 0
	for i, h := range v.board.hosts {
		t := s.Targets[i]
		if v.unneeded(s, t) {
			continue
		}
		shown++
		line := ""
		for _, c := range columns {
			line += c.pad(c.cell(h, t))
		}
		if !t.Alive && elapsed > probeFreshFor {
			line = v.paint(output.Red, line)
		}
		lines = append(lines, line+v.spark(&h.history, newest, room))
	}
	if m, ok := v.board.medianAt(elapsed); ok && shown > 1 {
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
		lines = append(lines, v.paint(output.Bold, line)+v.spark(&v.board.medians, newest, room))
	}
	return append(lines, v.footer(s, elapsed)...)
}

// unneeded reports whether t is a fallback at rest.
func (v *probeScreen) unneeded(s probe.Status, t probe.TargetStatus) bool {
	return t.Method == probe.TCP && s.Targets[0].Method == probe.ICMP && (t.Sent == 0 || s.Mode == probe.ModeICMP)
}

func (v *probeScreen) spark(h *probeHistory, newest int64, room int) string {
	values, lo, hi := h.values(newest, room)
	return output.Sparkline(v.ramp, values, lo, hi)
}

// footer tells what is wrong, and how to end.
func (v *probeScreen) footer(s probe.Status, elapsed time.Duration) (lines []string) {
	var failing []probe.TargetStatus
	for _, t := range s.Targets {
		if !t.Gateway && !v.unneeded(s, t) {
			failing = append(failing, t)
		}
	}
	for _, text := range probeErrors(failing) {
		lines = append(lines, v.paint(output.Yellow, text))
	}
	if text := describeMode(s); text != "" && elapsed > probeFreshFor {
		lines = append(lines, v.paint(output.Yellow, text))
	}
	if path := v.board.path.View(max(elapsed, v.board.newest)); path.OneWay {
		lines = append(lines, fmt.Sprintf("above the best: up %s, down %s", rttText(path.Up), rttText(path.Down)))
	}
	return append(lines, v.paint(output.Dim, fmt.Sprintf("%v, Ctrl-C ends", elapsed.Truncate(time.Second))))
}

func (v *probeScreen) paint(c output.Colour, text string) string {
	return output.Paint(v.colour, c, text)
}
