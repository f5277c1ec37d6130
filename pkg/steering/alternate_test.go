package steering_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// modes are the ways to decide.
func modes() map[string]steering.Config {
	scored, old := plain(), plain()
	scored.Scored, old.CakeAware = true, false
	return map[string]steering.Config{"streaks": plain(), "score": scored, "not cake aware": old}
}

// Nothing is steered to an alternate WAN that is not measurably better, in any mode.
func TestAlternateMustBeBetter(t *testing.T) {
	const none = -1
	for _, tt := range []struct {
		name   string
		state  steering.Alternate
		excess time.Duration
		lost   [2]float64
		steer  bool
		reason steering.Reason
	}{
		{"idle", steering.AlternateGood, 0, [2]float64{}, true, steering.Steered},
		{"some delay", steering.AlternateGood, 20 * ms, [2]float64{}, true, steering.Steered},
		{"a little better", steering.AlternateGood, 50 * ms, [2]float64{}, false, steering.AlternateIsNotBetter},
		{"as bad", steering.AlternateGood, 60 * ms, [2]float64{}, false, steering.AlternateIsNotBetter},
		{"worse", steering.AlternateGood, 200 * ms, [2]float64{}, false, steering.AlternateIsNotBetter},
		{"below its baseline", steering.AlternateGood, -3 * ms, [2]float64{}, true, steering.Steered},
		{"degraded, and as bad", steering.AlternateDegraded, 60 * ms, [2]float64{}, false, steering.AlternateIsDegraded},
		{"degraded, though better", steering.AlternateDegraded, 20 * ms, [2]float64{}, false, steering.AlternateIsDegraded},
		{"good, no delay known", steering.AlternateGood, none, [2]float64{}, true, steering.Steered},
		{"unknown", steering.AlternateUnknown, none, [2]float64{}, true, steering.Steered},
		{"unknown, with a delay of old", steering.AlternateUnknown, 60 * ms, [2]float64{}, true, steering.Steered},
		{"loses", steering.AlternateGood, 0, [2]float64{0, 0.2}, false, steering.AlternateIsNotBetter},
		{"loses as much as the primary", steering.AlternateGood, 0, [2]float64{0.2, 0.2}, false, steering.AlternateIsNotBetter},
		{"loses less than the primary", steering.AlternateGood, 0, [2]float64{0.4, 0.2}, true, steering.Steered},
		{"loses next to nothing", steering.AlternateGood, 0, [2]float64{0, 0.05}, true, steering.Steered},
	} {
		for mode, cfg := range modes() {
			t.Run(mode+"/"+tt.name, func(t *testing.T) {
				r := newRig(cfg)
				r.alternate, r.lost = tt.state, tt.lost
				if tt.excess != none {
					r.other = &tt.excess
				}
				if got := r.step(60, red); got.Steer != tt.steer || got.Reason != tt.reason {
					t.Errorf("steer %v, %v; want %v, %v", got.Steer, got.Reason, tt.steer, tt.reason)
				}
				if got := r.step(60, green); !tt.steer && got.Reason != steering.Clear {
					t.Errorf("calm again: %v", got.Reason)
				}
			})
		}
	}
}

// Once steered, connections stay unless the alternate WAN is measurably worse: a
// difference that would not have been enough to leave is not enough to return.
func TestReturnFromAWorseAlternate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		state  steering.Alternate
		excess time.Duration
		lost   [2]float64
		steer  bool
		reason steering.Reason
	}{
		{"as bad", steering.AlternateGood, 60 * ms, [2]float64{}, true, steering.Steered},
		{"as bad, and degraded", steering.AlternateDegraded, 60 * ms, [2]float64{}, true, steering.Steered},
		{"a little worse", steering.AlternateDegraded, 70 * ms, [2]float64{}, true, steering.Steered},
		{"worse", steering.AlternateGood, 100 * ms, [2]float64{}, false, steering.AlternateIsNotBetter},
		{"worse, and degraded", steering.AlternateDegraded, 100 * ms, [2]float64{}, false, steering.AlternateIsDegraded},
		{"loses", steering.AlternateGood, 0, [2]float64{0, 0.2}, false, steering.AlternateIsNotBetter},
		{"both lose", steering.AlternateGood, 0, [2]float64{0.2, 0.25}, true, steering.Steered},
	} {
		for mode, cfg := range modes() {
			t.Run(mode+"/"+tt.name, func(t *testing.T) {
				r := steered(t, cfg)
				r.step(80, red)
				r.alternate, r.lost, r.other = tt.state, tt.lost, &tt.excess
				if got := r.step(3, red); !got.Steer {
					t.Errorf("at once: %v", got.Reason)
				}
				r.lazy = true
				if got := r.step(10, red); got.Steer != tt.steer || got.Reason != tt.reason {
					t.Errorf("steer %v, %v; want %v, %v", got.Steer, got.Reason, tt.steer, tt.reason)
				}
			})
		}
	}
}

// Two WANs whose delays wander around each other do not move the rule to and fro.
func TestEqualWANsDoNotFlap(t *testing.T) {
	for mode, cfg := range modes() {
		cfg.Confidence.HoldDown, cfg.Confidence.FlapDetection = second, false
		for _, share := range []time.Duration{4, 5, 6} { // fifths of the primary's excess
			t.Run(fmt.Sprint(mode, share), func(t *testing.T) {
				r := newRig(cfg)
				r.alternate = steering.AlternateGood
				changes := 0
				for i := range 2400 {
					other := red.excess * share / 5 * time.Duration(95+i*7%11) / 100
					r.other = &other
					if r.after(tick, red).Changed {
						changes++
					}
				}
				if changes > 0 {
					t.Errorf("%d changes", changes)
				}
			})
		}
	}
}
