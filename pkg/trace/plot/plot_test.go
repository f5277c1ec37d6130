package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

var settings = autorate.Config{
	Directions: [2]autorate.DirectionConfig{
		{Ceiling: 44 * bitrate.Mbps, Floor: autorate.FlatFloor(4 * bitrate.Mbps)},
		{Ceiling: 11 * bitrate.Mbps, Floor: autorate.FlatFloor(1 * bitrate.Mbps)},
	},
	Target: 15 * time.Millisecond, Warn: 45 * time.Millisecond, HardRed: 80 * time.Millisecond,
}

// quiet is a decision on a link at peace.
func quiet(at time.Duration) (autorate.Input, autorate.Decision) {
	dec := autorate.Decision{At: at, RTT: 24 * time.Millisecond, Baseline: 24 * time.Millisecond, Threshold: 4 * time.Millisecond, Alive: 3}
	in := autorate.Input{}
	for _, d := range autorate.Directions {
		limit := settings.Directions[d].Ceiling
		in.Applied[d] = limit
		dec.Directions[d] = autorate.DirectionDecision{Limit: limit, State: autorate.Green, Reason: autorate.Idle, Load: 0.01, Throughput: limit / 100}
	}
	return in, dec
}

func draw(t *testing.T, p *Plot) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	check(t, b.String())
	return b.String()
}

// check holds a picture against what every one must keep: well-formed XML,
// complete in itself, finite numbers, nothing outside the sheet.
func check(t *testing.T, text string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if e.Name.Local == "script" || e.Name.Local == "image" || e.Name.Local == "a" {
			t.Errorf("has a <%s>", e.Name.Local)
		}
		for _, a := range e.Attr {
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Fatalf("<%s %s=%.80q>", e.Name.Local, a.Name.Local, a.Value)
			}
			most := 0.0
			switch a.Name.Local {
			case "x", "x1", "x2", "cx":
				most = width
			case "y", "y1", "y2", "cy":
				most = height
			default:
				continue
			}
			if v, err := strconv.ParseFloat(a.Value, 64); err != nil || v < 0 || v > most {
				t.Errorf("<%s %s=%q> lies outside", e.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
	if strings.Count(text, "http") != 1 || strings.Contains(text, "url(h") || strings.Contains(text, "@import") || strings.Contains(text, "@font-face") {
		t.Error("refers to something outside")
	}
	if !strings.Contains(text, "@media (prefers-color-scheme:dark)") {
		t.Error("has no dark side")
	}
}

func TestPlotShowsCutsAndReasons(t *testing.T) {
	p := New(`a<b "&`+"\x1b", "note", settings)
	for i := range 600 {
		in, dec := quiet(time.Duration(i+1) * 50 * time.Millisecond)
		down := &dec.Directions[autorate.Download]
		switch {
		case i == 200:
			down.Reason, down.Limit, down.State = autorate.Cut, 30*bitrate.Mbps, autorate.SoftRed
			down.Load, down.Throughput, down.Capacity = 0.9, 39*bitrate.Mbps, 40*bitrate.Mbps
			dec.RTT, dec.Excess = 95*time.Millisecond, 71*time.Millisecond
		case i > 200 && i < 240:
			down.Limit, down.State, down.Reason = 30*bitrate.Mbps, autorate.Yellow, autorate.Draining
		case i >= 400 && i < 440:
			dec.Alive = 0
		}
		if i == 500 {
			p.SetExternally(autorate.Upload, 3*bitrate.Mbps)
		}
		p.Step(in, dec)
	}
	text := draw(t, p)
	for _, want := range []string{
		"a&lt;b &quot;&amp;\ufffd", ">note<",
		"10.05s: cut, 44 to 30 Mbit/s; excess 71.0 ms, sign of a queue from 4.0 ms; carried 39 Mbit/s of about 40<",
		"25.00s: set by somebody else, 11 to 3 Mbit/s<",
		"<title>SOFT_RED, 10.0", "<title>YELLOW, 10.", "no reflector answered, 20.",
		">5 s<", ">Upload, Mbit/s<",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the picture", want)
		}
	}
	if n := strings.Count(text, `class="cut" d=`) - 2; n != 1 { // two legends
		t.Errorf("%d cuts marked, want 1", n)
	}
}

// A limit that never changes is a line all the same.
func TestConstantLimitIsDrawn(t *testing.T) {
	p := New("t", "n", settings)
	for i := range 100 {
		p.Step(quiet(time.Duration(i) * 50 * time.Millisecond))
	}
	if text := draw(t, p); !strings.Contains(text, fmt.Sprintf("H%d\"/>", right)) {
		t.Error("no line to the right edge")
	}
}

func TestPlotOfAnything(t *testing.T) {
	tick := func(i int) time.Duration { return time.Duration(i) * 50 * time.Millisecond }
	for _, tt := range []struct {
		name string
		n    int
		at   func(int) time.Duration
		with func(int, *autorate.Decision)
	}{
		{"nothing", 0, tick, nil},
		{"one step", 1, tick, nil},
		{"one moment", 5, func(int) time.Duration { return time.Hour }, nil},
		{"hole of a day", 400, func(i int) time.Duration { return tick(i) + time.Duration(i/200)*24*time.Hour }, nil},
		{"seldom", 50, func(i int) time.Duration { return time.Duration(i) * 5 * time.Second }, nil},
		{"no replies at all", 100, tick, func(_ int, d *autorate.Decision) { d.RTT, d.Baseline, d.Alive = 0, 0, 0 }},
		{"a minute of RTT", 100, tick, func(i int, d *autorate.Decision) {
			if i == 50 {
				d.RTT = time.Minute
			}
		}},
		{"no limits", 100, tick, func(_ int, d *autorate.Decision) { d.Directions = [2]autorate.DirectionDecision{} }},
		{"gigabits", 100, tick, func(_ int, d *autorate.Decision) { d.Directions[0].Limit = 100 * bitrate.Gbps }},
		{"no counters", 100, tick, func(_ int, d *autorate.Decision) { d.Directions[0].Load = -1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := New("t", "n", settings)
			for i := range tt.n {
				in, dec := quiet(tt.at(i))
				if tt.with != nil {
					tt.with(i, &dec)
				}
				p.Step(in, dec)
			}
			draw(t, p)
		})
	}
}

// A day is drawn in the space of a minute, and its one spike is still there.
func TestDayInBoundedMemory(t *testing.T) {
	p := New("t", "n", settings)
	const steps = 24 * 3600 * 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range steps {
		in, dec := quiet(time.Duration(i) * 50 * time.Millisecond)
		if i == steps/3 {
			dec.RTT = 100 * time.Millisecond
		}
		if i%100 == 0 {
			dec.Directions[0].Reason = autorate.Cut
		}
		p.Step(in, dec)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("%d MB allocated for a day", grown>>20)
	}
	if len(p.columns.list) > maxColumns {
		t.Errorf("%d columns kept", len(p.columns.list))
	}
	text := draw(t, p)
	if len(text) > 600<<10 {
		t.Errorf("a picture of %d kB", len(text)>>10)
	}
	high := slices.MaxFunc(p.columns.fit(p.at-p.first), func(a, b column) int { return int(a.rtt.high - b.rtt.high) })
	if high.rtt.high != 100 {
		t.Errorf("the highest RTT is %g ms, want 100", high.rtt.high)
	}
	if !strings.Contains(text, "more on this pixel)") {
		t.Error("no word of the cuts that share a pixel")
	}
}

func TestColumnsMerge(t *testing.T) {
	var s span
	for _, v := range []float64{3, 1, 4, 1, 5, 2} {
		s.add(v)
	}
	if want := (span{3, 1, 5, 2, 6}); s != want {
		t.Errorf("got %v, want %v", s, want)
	}
}

func TestAxis(t *testing.T) {
	for _, tt := range []struct {
		most   float64
		labels string
	}{
		{44, "0 20 40 60"},
		{11, "0 5 10 15"},
		{0.9, "0.00 0.25 0.50 0.75 1.00"},
		{100, "0 25 50 75 100"},
		{941.5, "0 250 500 750 1000"},
		{8, "0 2 4 6 8"},
	} {
		a := newAxis(tt.most, 0, 100)
		var labels []string
		for v := 0.0; v <= a.top+a.step/100; v += a.step {
			labels = append(labels, a.label(v))
		}
		if got := strings.Join(labels, " "); got != tt.labels {
			t.Errorf("axis to %g: %s, want %s", tt.most, got, tt.labels)
		}
		if math.Abs(a.at(a.top)) > 1e-9 || a.at(0) != 100 {
			t.Errorf("axis to %g: ends at %g and %g", tt.most, a.at(a.top), a.at(0))
		}
	}
}

func TestTimeTicks(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to time.Duration
		want     string
	}{
		{"half a minute", 50 * time.Millisecond, 30 * time.Second, "5 s|10 s|15 s|20 s|25 s|30 s"},
		{"a second", 0, time.Second, "0.0 s|0.1 s|0.2 s|0.3 s|0.4 s|0.5 s|0.6 s|0.7 s|0.8 s|0.9 s|1.0 s"},
		{"ten minutes", 0, 10 * time.Minute, "0:00|1:00|2:00|3:00|4:00|5:00|6:00|7:00|8:00|9:00|10:00"},
		{"a day", 0, 24 * time.Hour, "0:00 h|2:00 h|4:00 h|6:00 h|8:00 h|10:00 h|12:00 h|14:00 h|16:00 h|18:00 h|20:00 h|22:00 h|24:00 h"},
		{"a minute late in the day", 20 * time.Hour, 20*time.Hour + time.Minute, "20:00:00|20:00:05|20:00:10|20:00:15|20:00:20|20:00:25|20:00:30|20:00:35|20:00:40|20:00:45|20:00:50|20:00:55|20:01:00"},
		{"a moment", time.Hour, time.Hour, "1:00:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ticks, label := timeTicks(tt.from, tt.to)
			var got []string
			for _, x := range ticks {
				got = append(got, label(x))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "|")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
