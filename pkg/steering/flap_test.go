package steering_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wanctl/wanctl/pkg/steering"
)

// change is a change of the rule as a run of steps saw it.
type change struct {
	at      time.Duration
	enabled bool
	reason  steering.Reason
}

// swing lets the line be good and bad in turns, and returns the changes.
func (r *rig) swing(good, bad, most time.Duration) []change {
	var out []change
	start := r.now
	for r.now-start < most {
		s := green
		if (r.now-start)%(good+bad) >= good {
			s = red
		}
		if dec := r.after(tick, s); dec.Changed {
			out = append(out, change{dec.At, dec.Enabled, dec.Reason})
		}
	}
	return out
}

// crowd is how many of the changes lie in one window at most.
func crowd(changes []change, window time.Duration) int {
	most := 0
	for i, c := range changes {
		n := 0
		for _, other := range changes[:i+1] {
			if c.at-other.at < window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// A line that swings is steered as often as the brake lets it, is left alone for
// the rest of the window, and is off then.
func TestFlapSuppression(t *testing.T) {
	r := newRig(plain())
	changes := r.swing(35*second, 35*second, 4*time.Minute+30*second)
	var got []bool
	for _, c := range changes {
		got = append(got, c.enabled)
	}
	if diff := cmp.Diff([]bool{true, false, true, false, true, false}, got); diff != "" {
		t.Fatalf("changes (-want +got):\n%s", diff)
	}
	// The fifth was one too many, and so was the sixth: to steer once more, the
	// second must be out of the window, and the bar is raised for a minute after.
	first, fifth, sixth := changes[0], changes[4], changes[5]
	if fifth.at-first.at > 4*time.Minute || sixth.at-fifth.at < 30*second {
		t.Fatalf("changes at %v", changes)
	}
	r.until(t, time.Minute, red, func(d steering.Decision) bool { return d.Reason == steering.FlapBrake })
	second := changes[1]
	if r.dec.HoldUntil != second.at+5*time.Minute || r.dec.PenaltyUntil != second.at+6*time.Minute || r.dec.SteerThreshold != 70 {
		t.Errorf("hold until %v, penalty until %v, threshold %v; want %v, %v, 70",
			r.dec.HoldUntil, r.dec.PenaltyUntil, r.dec.SteerThreshold, second.at+5*time.Minute, second.at+6*time.Minute)
	}
	r.until(t, 5*time.Minute, red, func(d steering.Decision) bool { return d.Steer })
	if r.now < second.at+5*time.Minute || r.now > second.at+5*time.Minute+tick {
		t.Errorf("severe congestion steered at %v, want right after %v", r.now, second.at+5*time.Minute)
	}
}

// Congestion that is just enough is not, while the penalty lasts, whoever
// decides.
func TestPenaltyRaisesTheThreshold(t *testing.T) {
	enough := sample{excess: 17 * ms, depth: 55} // RED, a score of 58
	severe := sample{excess: 60 * ms, drops: 30, depth: 80}
	for _, scored := range []bool{false, true} {
		for _, tt := range []struct {
			name  string
			s     sample
			waits bool
		}{{"enough", enough, true}, {"severe", severe, false}} {
			t.Run(map[bool]string{false: "rows, ", true: "score, "}[scored]+tt.name, func(t *testing.T) {
				cfg := raw()
				cfg.Scored = scored
				r := newRig(cfg)
				r.swing(35*second, 35*second, 4*time.Minute+30*second)
				r.until(t, 5*time.Minute, green, func(d steering.Decision) bool { return d.HoldUntil == 0 })
				penalty := r.dec.PenaltyUntil
				if left := penalty - r.now; left < 50*second || left > 61*second {
					t.Fatalf("%v of the penalty left", left)
				}
				r.step(8, tt.s)
				if r.dec.Enabled == tt.waits {
					t.Fatalf("after 4 s: %+v", r.dec)
				}
				if !tt.waits {
					return
				}
				if r.dec.Reason != steering.FlapBrake || !r.dec.Desired || r.dec.Score < 55 || r.dec.Score >= 70 {
					t.Errorf("%+v", r.dec)
				}
				r.until(t, 2*time.Minute, tt.s, func(d steering.Decision) bool { return d.Steer })
				if r.now < penalty || r.now > penalty+3*second || r.dec.SteerThreshold != 55 {
					t.Errorf("steered at %v, threshold %v; the penalty lasts until %v", r.now, r.dec.SteerThreshold, penalty)
				}
			})
		}
	}
}

// Without flap detection hold-down alone brakes.
func TestNoFlapDetection(t *testing.T) {
	cfg := plain()
	cfg.Confidence.FlapDetection = false
	r := newRig(cfg)
	changes := r.swing(35*second, 35*second, 10*time.Minute)
	if len(changes) < 16 || r.dec.PenaltyUntil != 0 {
		t.Errorf("%d changes, penalty until %v", len(changes), r.dec.PenaltyUntil)
	}
}

// The way back from a WAN that is down waits for hold-down, but not for the flap
// brake.
func TestFlapSuppressionAndAlternateDown(t *testing.T) {
	r := newRig(plain())
	r.swing(35*second, 35*second, 2*time.Minute)
	if !r.dec.Enabled {
		t.Fatal("the rule should be on")
	}
	strict := plain()
	strict.Confidence.MaxToggles = 1
	r.law.Reconfigure(strict)
	if got := r.step(70, green); !got.Steer || got.Reason != steering.FlapBrake {
		t.Errorf("steer %v, %v; want the flap brake to hold", got.Steer, got.Reason)
	}
	r.alternate = steering.AlternateDown
	if got := r.step(1, green); got.Steer || got.Reason != steering.AlternateIsDown {
		t.Errorf("steer %v, %v", got.Steer, got.Reason)
	}
}

// The brakes outlive a restart.
func TestFlapSuppressionAfterARestart(t *testing.T) {
	r := newRig(plain())
	r.swing(35*second, 35*second, 4*time.Minute+30*second)
	hold, penalty := r.dec.HoldUntil-r.now, r.dec.PenaltyUntil-r.now
	for _, down := range []time.Duration{0, 10 * second, time.Hour} {
		s := newRig(plain())
		s.law = steering.New(plain(), r.law.Remember(r.now).Aged(down))
		s.now = 77 * time.Hour
		got := s.step(1, green)
		left := func(d time.Duration) time.Duration {
			if d > down {
				return s.now + d - down
			}
			return 0
		}
		if got.HoldUntil != left(hold) || got.PenaltyUntil != left(penalty) {
			t.Errorf("after %v: hold until %v, penalty until %v; want %v, %v", down, got.HoldUntil, got.PenaltyUntil, left(hold), left(penalty))
		}
	}
}
