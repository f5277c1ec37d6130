package page

import (
	"flag"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

var pictures = flag.String("page.pictures", "", "directory to write the pictures of the documentation to")

// pictured is how much of a line's life the pictures show: hours of the evening.
const pictured = 2 * time.Hour

// cable is a line whose capacity wanders, with downloads and uploads that come and go.
func cable() linksim.Config {
	rng := rand.New(rand.NewPCG(11, 12))
	flows := func(busy float64, most int) func(time.Duration) int {
		const minute = time.Minute
		plan := make([]int, pictured/minute+1)
		for i := range plan {
			if rng.Float64() < busy {
				for j := i; j < min(i+3, len(plan)); j++ {
					plan[j] = 1 + rng.IntN(most)
				}
			}
		}
		return func(t time.Duration) int { return plan[min(int(t/minute), len(plan)-1)] }
	}
	return linksim.Config{
		Seed: 7, BaseRTT: linksim.Constant(18 * time.Millisecond), Jitter: linksim.DSL, Reflectors: 3, ProbeInterval: 50 * time.Millisecond,
		Capacity: [2]func(time.Duration) bitrate.Rate{
			linksim.Walk(3, 5*time.Minute, 230*bitrate.Mbps, 150*bitrate.Mbps, 260*bitrate.Mbps, 0.12),
			linksim.Walk(4, 5*time.Minute, 22*bitrate.Mbps, 17*bitrate.Mbps, 24*bitrate.Mbps, 0.08),
		},
		Buffer: [2]int{3_000_000, 500_000}, Limit: [2]bitrate.Rate{250 * bitrate.Mbps, 24 * bitrate.Mbps},
		Flows: [2]func(time.Duration) int{flows(0.22, 6), flows(0.08, 3)}, HyStart: true, Burst: 10, AckShare: 1.0 / 40,
		ShortFlows: [2]func(time.Duration) bitrate.Rate{linksim.Constant(6 * bitrate.Mbps), linksim.Constant(bitrate.Mbps)},
	}
}

// simulated runs the law on a line, and returns what that leaves on disk, its last ten
// minutes and its health as if it ended now.
func simulated(t *testing.T) *fakeSource {
	line := cable()
	law := autorate.Config{BaselineInitial: 18 * time.Millisecond}
	for d, ceiling := range [2]bitrate.Rate{280 * bitrate.Mbps, 26 * bitrate.Mbps} {
		law.Directions[d] = autorate.DirectionConfig{Ceiling: ceiling, Floor: autorate.FlatFloor(ceiling / 5)}
	}
	var begin time.Time // is not known before the end
	var seconds []*history.Rollup
	var events []history.Event
	var last autorate.Decision
	r := new(history.Rollup)
	run := simrun.Simulation{
		Link: linksim.New(line), Controller: autorate.New(law, line.Limit), Router: simrun.Routers()[0], Seed: line.Seed,
		Observe: func(dec autorate.Decision, _ *linksim.Link) {
			r.Step(&dec, &last, dec.At-last.At)
			r.RTT.Add(float64(dec.RTT) / 1e6)
			r.Excess.Add(float64(dec.Excess) / 1e6)
			for _, d := range autorate.Directions {
				if now := dec.Directions[d]; now.Reason == autorate.Cut && last.Directions[d].Reason != autorate.Cut {
					events = append(events, history.Event{At: begin.Add(dec.At), WAN: "cable", Kind: "decision", Direction: d.String(), Text: "cut to " + now.Limit.Human()})
				}
			}
			if dec.At/time.Second != last.At/time.Second {
				r.Start, r.Length = begin.Add(dec.At).Add(-time.Second), time.Second
				r.Baseline.Add(float64(dec.Baseline) / 1e6)
				for d := range dec.Directions {
					now, to := &dec.Directions[d], &r.Directions[d]
					to.Limit.Add(now.Limit.Mbps() * 1000)
					to.Throughput.Add(now.Throughput.Mbps() * 1000)
					to.Capacity.Add(now.Capacity.Mbps() * 1000)
				}
				seconds = append(seconds, r)
				r = new(history.Rollup)
			}
			last = dec
		},
	}
	run.Run(0, pictured)
	end := time.Now()
	begin = end.Add(-pictured)
	for _, r := range seconds {
		r.Start = begin.Add(r.Start.Sub(time.Time{}))
	}
	for i := range events {
		events[i].At = begin.Add(events[i].At.Sub(time.Time{}))
	}

	notable := []history.Event{
		{At: begin.Add(time.Second), WAN: "cable", Kind: "life", Text: "the loop has started"},
		{At: begin.Add(45 * time.Minute), WAN: "cable", Kind: "probe", Text: "reflector 9.9.9.9 replaced by 208.67.222.222: noisy delay"},
	}
	dir := t.TempDir()
	err := history.NewWriter(dir, slog.New(slog.DiscardHandler)).Import(func(yield func(*history.Rollup) bool) {
		for _, r := range seconds {
			copied := *r // the writer keeps it
			if !yield(&copied) {
				return
			}
		}
	}, notable...)
	if err != nil {
		t.Fatal(err)
	}
	archive := history.NewArchive(dir)
	points, err := archive.Points(end.Add(-history.Span), end, history.Step)
	if err != nil {
		t.Fatal(err)
	}
	w := wellWAN("cable", end)
	now := telemetry.NewWANHealth("cable", end, last)
	for d, law := range law.Directions {
		now.Direction(autorate.Direction(d)).SetLimits(last.Directions[d].Limit, law.Lowest(), law.Ceiling)
	}
	w.BaselineRTTMs, w.LoadRTTMs, w.ExcessMs, w.Download, w.Upload, w.Warnings = now.BaselineRTTMs, now.LoadRTTMs, now.ExcessMs, now.Download, now.Upload, nil
	w.Probe.Routes, w.Router.Failovers = w.Probe.Routes[:1], 0
	return &fakeSource{
		moving: true,
		host:   telemetry.Host{Health: telemetry.Health{Status: telemetry.Healthy, UptimeSeconds: pictured.Seconds(), Version: "1.0.0", WANCount: 1, WANs: []telemetry.WANHealth{w}}, At: end},
		past:   history.Window{WANs: map[string][]history.Point{"cable": points}, Events: append(notable, events[max(0, len(events)-50):]...)},
		kept:   []history.Kept{{WAN: "cable", Archive: archive}},
	}
}

// TestPictures takes the pictures of the documentation: of the page in a browser, with the
// law on a simulated line behind it. `make pictures` runs it.
func TestPictures(t *testing.T) {
	if *pictures == "" {
		t.Skip("takes pictures; run 'make pictures'")
	}
	b := startBrowser(t)
	url := serveFake(t, simulated(t))
	*shots = t.TempDir()
	for _, p := range []struct {
		name, hash string
		dark       bool
	}{{"page", "", false}, {"page-hour", "#hour", true}} {
		tab := b.open(t, view{width: 1180, height: 660, dark: p.dark}, url+"/"+p.hash)
		tab.waitFor("the page is live", isLive)
		tab.waitFor("the charts are drawn", "document.querySelectorAll('[data-name=cable] .plot canvas').length === 3 && !document.querySelector('[data-empty]')")
		time.Sleep(time.Second) // no element tells that a canvas was painted
		tab.shoot(p.name)
		tab.clean()
		picture, err := os.ReadFile(filepath.Join(*shots, p.name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if len(picture) > 150<<10 {
			t.Errorf("%s has %d bytes", p.name, len(picture))
		}
		if err := os.WriteFile(filepath.Join(*pictures, p.name+".png"), picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
