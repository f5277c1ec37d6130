package plot

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// Measures of the picture, in pixels.
const (
	width       = 1200
	left        = 66 // of the plots
	plotWidth   = 1046
	right       = left + plotWidth
	delayTop    = 104
	delayHeight = 220
	laneHeight  = 190
	laneGap     = 66 // between two plots: heading and state band
	bandHeight  = 8
	height      = delayTop + delayHeight + 2*(laneGap+laneHeight) + 44
)

// palette gives each class its paint by day and by night.
var palette = [...]struct{ class, rule, day, night string }{
	{"page", "fill:%s", "#ffffff", "#14171c"},
	{"text", "fill:%s", "#1f2328", "#d9dde3"},
	{"mute", "fill:%s", "#667080", "#8d96a3"},
	{"grid", "stroke:%s", "#e6e8ec", "#2a3038"},
	{"edge", "stroke:%s", "#b8bec8", "#48505b"},
	{"rtt", "stroke:%s", "#1f6feb", "#58a6ff"},
	{"base", "stroke:%s", "#1f2328", "#d9dde3"},
	{"alarm", "stroke:%s", "#8b94a3", "#7c8592"},
	{"target", "stroke:%s", "#b7860b", "#e3b341"},
	{"warn", "stroke:%s", "#d9580d", "#fb8f44"},
	{"hard", "stroke:%s", "#cf222e", "#ff7b72"},
	{"limit", "stroke:%s", "#7c3aed", "#b392f0"},
	{"force", "stroke:%s", "#7c3aed", "#b392f0"},
	{"cap", "stroke:%s", "#0e8a5f", "#3fcf9b"},
	{"thru", "fill:%s", "#a9cdf8", "#24466e"},
	{"thruline", "stroke:%s", "#6aa5ea", "#3d78b8"},
	{"s1", "fill:%s", "#7fd99a", "#2f7d4a"},
	{"s2", "fill:%s", "#f2cf4a", "#b38f14"},
	{"s3", "fill:%s", "#f79a4c", "#c96516"},
	{"s4", "fill:%s", "#e5534b", "#d73a3a"},
	{"cut", "fill:%s", "#cf222e", "#ff7b72"},
	{"other", "fill:%s", "#7c3aed", "#b392f0"},
	{"mute-band", "fill:%s", "#e4e7ec", "#2c323b"},
}

const fixedStyle = `text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif}
.title{font-size:17px;font-weight:600}.head{font-size:13px;font-weight:600}
.rtt,.base,.alarm,.target,.warn,.hard,.limit,.force,.cap,.thruline{fill:none;stroke-linejoin:round}
.grid,.edge{stroke-width:1;shape-rendering:crispEdges}
.rtt{stroke-width:1.2}.base{stroke-width:1.4}.alarm{stroke-dasharray:1 3}
.target,.warn,.hard{stroke-dasharray:6 4}
.limit{stroke-width:1.8}.force{stroke-width:1;stroke-dasharray:2 3;opacity:.8}.cap{stroke-width:1.2;stroke-dasharray:7 3}
.thru{opacity:.65}.s1,.s2,.s3,.s4{shape-rendering:crispEdges}
`

// svg writes elements and remembers the first error.
type svg struct {
	w   *bufio.Writer
	err error
}

func (s *svg) put(format string, args ...any) {
	if s.err == nil {
		_, s.err = fmt.Fprintf(s.w, format, args...)
	}
}

// Write draws everything taken in so far: one self-contained SVG, without
// scripts or outside fonts, for light and dark pages.
func (p *Plot) Write(w io.Writer) error {
	s := &svg{w: bufio.NewWriter(w)}
	s.put(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n",
		width, height, width, height, escape(p.title))
	p.style(s)
	s.put(`<rect class="page" width="%d" height="%d"/>`+"\n", width, height)
	s.text("text title", left, 30, "start", p.title)
	s.text("mute", left, 50, "start", p.note)
	s.legend(30, key{"box", "s1", "GREEN "}, key{"box", "s2", "YELLOW "}, key{"box", "s3", "SOFT_RED  "}, key{"box", "s4", "RED"})
	span := max(p.at-p.first, time.Millisecond)
	cols := p.columns.fit(span)
	p.delay(s, cols)
	for _, d := range autorate.Directions {
		p.lane(s, cols, d, float64(delayTop+delayHeight+laneGap)+float64(d)*(laneGap+laneHeight))
	}
	p.times(s)
	s.put("</svg>\n")
	if s.err != nil {
		return s.err
	}
	return s.w.Flush()
}

func (p *Plot) style(s *svg) {
	s.put("<style>\n%s", fixedStyle)
	for _, c := range palette {
		s.put(".%s{%s}", c.class, fmt.Sprintf(c.rule, c.day))
	}
	s.put("\n@media (prefers-color-scheme:dark){")
	for _, c := range palette {
		s.put(".%s{%s}", c.class, fmt.Sprintf(c.rule, c.night))
	}
	s.put("}\n</style>\n")
}

// times draws the time axis through all plots.
func (p *Plot) times(s *svg) {
	ticks, label := timeTicks(p.first, p.at)
	bottom := float64(height - 44)
	for _, t := range ticks {
		x := p.x(t)
		s.text("mute", x, bottom+18, "middle", label(t))
		s.line("edge", x, bottom, x, bottom+4)
	}
	s.text("mute", right, bottom+36, "end", "time on the recording's clock")
}

// x is the pixel of t.
func (p *Plot) x(t time.Duration) float64 {
	return left + float64(t-p.first)/float64(max(p.at-p.first, time.Millisecond))*plotWidth
}

func (s *svg) text(class string, x, y float64, anchor, text string) {
	s.put(`<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, escape(text))
}

func (s *svg) line(class string, x1, y1, x2, y2 float64) {
	s.put(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

// escape makes text fit for XML, which has no place for control characters.
func escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		case r < ' ' || r == 0x7f || r == 0xfffe || r == 0xffff:
			b.WriteRune('\ufffd')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
