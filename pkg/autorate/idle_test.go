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
