package autorate_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// A line that carries a sixtieth of its ceiling is held like any other, and its queue
// does not become the idle round trip: no baseline more than doubles unless a dip has
// shown that the delay is not ours.
func TestFullLineFarBelowTheCeiling(t *testing.T) {
	for _, name := range []string{"throttled", "throttled-upload", "throttled-later"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := scenario.Find(name)
			var p95 []time.Duration
			for seed := range uint64(5) {
				run := s.Simulation(seed, s.Law(), simrun.Routers()[0], nil)
				last, rebased := time.Duration(0), -time.Hour
				run.Observe = func(dec autorate.Decision, _ *linksim.Link) {
					for _, d := range autorate.Directions {
						if dec.Directions[d].Reason == autorate.BaselineReset {
							rebased = dec.At
						}
					}
					if last > 0 && dec.Baseline > 2*last && dec.At-rebased > time.Second {
						t.Errorf("seed %d, %v: baseline %v, was %v", seed, dec.At, dec.Baseline, last)
					}
					last = dec.Baseline
				}
				r := run.Run(s.From, s.To)
				p95 = append(p95, r.P95)
				if u := max(r.Utilisation[0], r.Utilisation[1]); u < 0.75 {
					t.Errorf("seed %d: %.2f of the line used", seed, u)
				}
			}
			if got := median(p95); got > 60*time.Millisecond {
				t.Errorf("excess p95 %v", got)
			}
		})
	}
}

// A line that carries less than two fifths of the ceiling when the load comes is cut
// at once, whether or not clocks tell the directions apart.
func TestLoadFarBelowTheCeilingIsCut(t *testing.T) {
	low, _ := scenario.Find("starts-low")
	throttled, _ := scenario.Find("throttled")
	for name, s := range map[string]scenario.Scenario{
		"no clocks": low, "clocks": low.WithClocks(), "a sixtieth": throttled, "a sixtieth, clocks": throttled.WithClocks(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(5) {
				run := s.Simulation(seed, s.Law(), simrun.Routers()[0], nil)
				cut := time.Duration(0)
				run.Observe = func(dec autorate.Decision, _ *linksim.Link) {
					if cut == 0 && dec.Directions[autorate.Download].Reason == autorate.Cut {
						cut = dec.At
					}
				}
				run.Run(0, 20*time.Second)
				if loadFrom := 3 * time.Second; cut < loadFrom || cut > loadFrom+1500*time.Millisecond {
					t.Errorf("seed %d: the load comes at %v, the first cut at %v", seed, loadFrom, cut)
				}
			}
		})
	}
}

// On a line of 0.4 Mbit/s the probes themselves are a tenth of the upload, and yet a
// new route is learned in seconds while nothing else is carried.
func TestSlowUploadLearnsANewRoute(t *testing.T) {
	s, _ := scenario.Find("slow-upload-route")
	run := s.Simulation(1, s.Law(), simrun.Routers()[0], nil)
	learned := time.Duration(0)
	run.Observe = func(dec autorate.Decision, l *linksim.Link) {
		if at := l.Now(); learned == 0 && at > 23*time.Second && dec.Baseline > 50*time.Millisecond {
			learned = at - 23*time.Second
		}
		if x := dec.Directions[autorate.Download]; x.Limit != s.Ceiling[autorate.Download] {
			t.Fatalf("%v: the idle download is limited to %v", dec.At, x.Limit)
		}
	}
	run.Run(s.From, s.To)
	if learned == 0 || learned > 6*time.Second {
		t.Errorf("the new route is learned after %v", learned)
	}
}

// However long the delay lasts that nobody causes, the baseline keeps to its bounds.
func TestBaselineKeepsToItsBounds(t *testing.T) {
	for _, initial := range []time.Duration{0, 20 * time.Millisecond} {
		cfg := plainConfig()
		cfg.BaselineInitial, cfg.BaselineMax = initial, 100*time.Millisecond
		l := newLine(cfg, 3)
		l.base = 400 * time.Millisecond
		l.run(time.Minute, func(dec autorate.Decision) {
			if dec.Baseline > cfg.BaselineMax {
				t.Fatalf("initial %v, %v: baseline %v", initial, dec.At, dec.Baseline)
			}
		})
	}
}

// A path that is longer than it should be by the same for all samples is not noisy:
// the threshold stays what it was.
func TestOffsetIsNotNoise(t *testing.T) {
	s, _ := scenario.Find("bad-start")
	run := s.Simulation(1, s.Law(), simrun.Routers()[0], nil)
	run.Observe = func(dec autorate.Decision, _ *linksim.Link) {
		if dec.Noise > 10*time.Millisecond {
			t.Fatalf("%v: noise %v", dec.At, dec.Noise)
		}
	}
	run.Run(s.From, 30*time.Second)
}

// A route that more than doubles is learned although traffic rose with it and does not
// end: what is left of that traffic is too little for the queue that it would have built.
func TestLongerRouteIsLearnedBesideTraffic(t *testing.T) {
	for _, c := range []struct {
		name                string
		before, most, least float64 // Mbit/s of the download, of the ceiling's 200
		base                time.Duration
		learned             bool
	}{
		{"traffic rises with it", 0.1, 1.8, 0.5, 43 * time.Millisecond, true},
		{"traffic rises with it, later as much as before", 0.1, 1.8, 0.1, 43 * time.Millisecond, true},
		{"traffic stays for now", 1.0, 1.0, 0.2, 43 * time.Millisecond, true},
		{"traffic rises for good", 0.1, 1.8, 1.2, 43 * time.Millisecond, false},
		{"the route is not twice as long", 1.0, 1.0, 1.0, 35 * time.Millisecond, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLine(plainConfig(), 5)
			l.demand = [2]float64{c.before * 1e6, 1e5}
			l.run(10*time.Second, nil)
			l.base, l.demand[autorate.Download] = c.base, c.most*1e6
			l.run(20*time.Second, nil)
			l.demand[autorate.Download] = c.least * 1e6
			l.run(6*time.Second, nil)
			if learned := l.dec.Baseline > c.base-time.Millisecond; learned != c.learned {
				t.Errorf("the route has %v, and the baseline is %v", c.base, l.dec.Baseline)
			}
		})
	}
}
