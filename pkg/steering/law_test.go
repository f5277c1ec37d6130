package steering_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wanctl/wanctl/pkg/steering"
)

// A day in the life of a rule, by the rows and by the score.
func TestSteerAndReturn(t *testing.T) {
	scored := plain()
	scored.Scored = true
	old := plain()
	old.CakeAware = false
	for _, tt := range []struct {
		name      string
		cfg       steering.Config
		onWithin  time.Duration
		offWithin time.Duration // after hold-down
	}{
		{"rows", plain(), 3 * second, 12 * second},
		{"score", scored, 5 * second, 12 * second},
		{"not cake aware", old, 6 * second, 12 * second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(tt.cfg)
			if got := r.step(20, green); got.Steer || got.Reason != steering.Clear || got.HoldUntil != 0 || got.InState != -1 {
				t.Errorf("on a calm line: %+v", got)
			}
			if got := r.after(tick, red); got.Steer || got.Reason != steering.Congested && tt.cfg.CakeAware {
				t.Errorf("after one sample: steer %v, %v", got.Steer, got.Reason)
			}
			r.until(t, tt.onWithin, red, func(d steering.Decision) bool { return d.Steer })
			if got := r.dec; got.Enabled || got.Changed || got.Reason != steering.SustainedCongestion {
				t.Errorf("wish: enabled %v, changed %v, %v", got.Enabled, got.Changed, got.Reason)
			}
			changed := r.after(tick, red)
			if !changed.Enabled || !changed.Changed || changed.Reason != steering.SustainedCongestion || changed.InState != 0 ||
				changed.HoldUntil != r.now+30*second {
				t.Errorf("done: %+v", changed)
			}
			if got := r.after(tick, red); got.Changed || got.Reason != steering.Steered || got.InState != tick {
				t.Errorf("a step later: changed %v, %v, %v", got.Changed, got.Reason, got.InState)
			}
			r.step(6, green)
			if got := r.step(8, green); !got.Steer || got.Reason != steering.Recovering && got.Reason != steering.HoldDown {
				t.Errorf("calm for a while: steer %v, %v", got.Steer, got.Reason)
			}
			r.until(t, time.Minute, green, func(d steering.Decision) bool { return !d.Steer })
			if r.now < changed.HoldUntil || r.now > changed.HoldUntil+tick || r.dec.Reason != steering.Recovered {
				t.Errorf("came back at %v, %v; want at %v", r.now, r.dec.Reason, changed.HoldUntil)
			}
			r.step(100, green)
			r.until(t, tt.onWithin, red, on)
			r.step(60, red)
			r.until(t, tt.offWithin, green, off)
			if r.dec.Reason != steering.Recovered {
				t.Errorf("came back as %v", r.dec.Reason)
			}
		})
	}
}

// Congestion during hold-down is not forgotten: the change comes right after.
func TestHoldDownDefers(t *testing.T) {
	r := steered(t, plain())
	r.until(t, time.Minute, green, off)
	back := r.now
	if got := r.step(20, red); got.Steer || got.Reason != steering.HoldDown || !got.Desired || got.HoldUntil != back+30*second {
		t.Errorf("%+v", got)
	}
	r.until(t, time.Minute, red, func(d steering.Decision) bool { return d.Steer })
	if r.now != back+30*second {
		t.Errorf("steered at %v, want %v", r.now, back+30*second)
	}
}

// What each kind of line and neighbour makes of a rule that is on or off.
func TestAlternate(t *testing.T) {
	for _, tt := range []struct {
		name      string
		steered   bool
		alternate steering.Alternate
		blind     bool
		s         sample
		after     time.Duration // of the change, or of the start
		steer     bool
		reason    steering.Reason
	}{
		{"unknown is steered to", false, steering.AlternateUnknown, false, red, 10 * second, true, steering.Steered},
		{"good is steered to", false, steering.AlternateGood, false, red, 10 * second, true, steering.Steered},
		{"degraded is not", false, steering.AlternateDegraded, false, red, 10 * second, false, steering.AlternateIsDegraded},
		{"down is not", false, steering.AlternateDown, false, red, 10 * second, false, steering.AlternateIsDown},
		{"down, but nothing to steer for", false, steering.AlternateDown, false, green, 10 * second, false, steering.Clear},
		{"steered, goes down, hold-down", true, steering.AlternateDown, false, red, 20 * second, true, steering.HoldDown},
		{"steered, goes down", true, steering.AlternateDown, false, red, 40 * second, false, steering.AlternateIsDown},
		{"steered, goes down, primary unseen", true, steering.AlternateDown, true, red, 40 * second, false, steering.NoData},
		{"steered, degrades, hold-down", true, steering.AlternateDegraded, false, red, 20 * second, true, steering.HoldDown},
		{"steered, degrades", true, steering.AlternateDegraded, false, red, 40 * second, false, steering.AlternateIsDegraded},
		{"steered, degrades, primary unseen", true, steering.AlternateDegraded, true, red, 40 * second, true, steering.NoData},
		{"steered, no longer known", true, steering.AlternateUnknown, false, red, 40 * second, true, steering.Steered},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(plain())
			if tt.steered {
				r = steered(t, plain())
			}
			r.alternate, r.blind = tt.alternate, tt.blind
			got := r.step(int(tt.after/tick), tt.s)
			if got.Steer != tt.steer || got.Reason != tt.reason {
				t.Errorf("steer %v, %v; want %v, %v", got.Steer, got.Reason, tt.steer, tt.reason)
			}
		})
	}
}

// A neighbour that is congested for a moment keeps new steering off, but takes
// nothing back.
func TestAlternateBrieflyDegraded(t *testing.T) {
	r := steered(t, plain())
	r.step(80, red)
	for range 10 {
		r.alternate = steering.AlternateDegraded
		r.step(3, red)
		r.alternate = steering.AlternateGood
		if got := r.step(3, red); !got.Steer {
			t.Fatalf("came back, %v", got.Reason)
		}
	}
}

// Without samples nothing moves, and a pause ends rows.
func TestNoData(t *testing.T) {
	r := newRig(plain())
	r.step(5, green)
	r.step(1, red)
	before := r.dec
	r.blind = true
	if got := r.step(10, red); got.Steer || got.Reason != steering.NoData || got.Red != before.Red || got.Good != before.Good ||
		got.ExcessEWMA != before.ExcessEWMA || got.Congestion != before.Congestion || got.Fresh {
		t.Errorf("%+v", got)
	}
	if got := r.step(30, red); got.Congestion != steering.Unknown || got.Red != 0 || got.Good != 0 || got.Score != 0 {
		t.Errorf("after 20 s without samples: %+v", got)
	}
	r.blind = false
	if got := r.step(1, red); got.Red != 1 || got.ExcessEWMA != red.excess {
		t.Errorf("the first sample again: %+v", got)
	}

	r = steered(t, plain())
	r.blind = true
	if got := r.step(1000, green); !got.Steer {
		t.Errorf("came back blindly, %v", got.Reason)
	}
}

// A wish that was not carried out yet outlives a step without a sample.
func TestNoDataKeepsAPendingChange(t *testing.T) {
	r := newRig(plain())
	r.until(t, time.Minute, red, func(d steering.Decision) bool { return d.Steer })
	r.rule, r.blind, r.lazy = false, true, true
	if got := r.step(2, red); !got.Steer || got.Reason != steering.SustainedCongestion {
		t.Errorf("steer %v, %v", got.Steer, got.Reason)
	}
	if got := r.step(40, red); got.Steer {
		t.Errorf("steer %v, %v after 20 s without samples", got.Steer, got.Reason)
	}
}

// The judge that does not decide is listened to.
func TestShadowDecision(t *testing.T) {
	for _, scored := range []bool{false, true} {
		cfg := plain()
		cfg.Scored = scored
		r := newRig(cfg)
		r.until(t, 5*second, red, func(d steering.Decision) bool { return d.WouldSteer })
		r.step(60, red)
		r.until(t, 12*second, green, func(d steering.Decision) bool { return !d.WouldSteer })
	}
	// Long delay without a queue of ours: the rows say no, the score says yes.
	r := newRig(plain())
	if got := r.step(40, sample{excess: 58 * ms}); got.Steer || !got.WouldSteer || got.Congestion != steering.Yellow {
		t.Errorf("%+v", got)
	}
	degraded := newRig(plain())
	degraded.alternate = steering.AlternateDegraded
	if degraded.step(40, sample{excess: 58 * ms}).WouldSteer {
		t.Error("would steer to a WAN that is degraded")
	}
	// It steers to no WAN that is down either, and is not left there.
	if r.alternate = steering.AlternateDown; !r.step(1, sample{excess: 80 * ms}).WouldSteer {
		t.Error("hold-down not respected")
	}
	if r.step(60, sample{excess: 80 * ms}).WouldSteer {
		t.Error("left on a WAN that is down")
	}
}

// A configuration that is changed takes hold of what is known.
func TestReconfigure(t *testing.T) {
	r := steered(t, plain())
	cfg := plain()
	cfg.Confidence.HoldDown = 10 * second
	changed := r.now
	r.law.Reconfigure(cfg)
	r.until(t, time.Minute, green, func(d steering.Decision) bool { return !d.Steer })
	if r.now > changed+20*second {
		t.Errorf("hold-down of 10 s, but came back after %v", r.now-changed)
	}
	r.step(10, red)
	cfg.CakeAware = false
	r.law.Reconfigure(cfg)
	if got := r.step(1, red); got.Red != 0 || got.Bad != 1 {
		t.Errorf("red %d, bad %d; the rows are to start over", got.Red, got.Bad)
	}
}

// The brakes are kept over a change of the configuration.
func TestReconfigureKeepsFlapState(t *testing.T) {
	r := newRig(plain())
	r.swing(35*second, 35*second, 4*time.Minute+30*second)
	want, changes := r.dec, r.law.Remember(r.now).Changes
	for range 3 {
		r.law.Reconfigure(plain())
	}
	if diff := cmp.Diff(changes, r.law.Remember(r.now).Changes); diff != "" || len(changes) != 6 {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	got := r.law.Step(r.now, steering.Input{})
	if got.HoldUntil != want.HoldUntil || got.PenaltyUntil != want.PenaltyUntil || got.InState != want.InState {
		t.Errorf("hold until %v, penalty until %v, in state %v; want %v, %v, %v",
			got.HoldUntil, got.PenaltyUntil, got.InState, want.HoldUntil, want.PenaltyUntil, want.InState)
	}
}

// Time of which nothing is known sustains nothing.
func TestSustainNeedsSamples(t *testing.T) {
	cfg := plain()
	cfg.Scored = true
	r := newRig(cfg)
	r.step(5, green)
	r.until(t, second, red, func(d steering.Decision) bool { return d.Score >= 55 })
	r.blind = true
	r.step(10, red)
	r.blind = false
	start := r.now
	r.until(t, time.Minute, red, func(d steering.Decision) bool { return d.Steer })
	if got := r.now - start; got < 2*second {
		t.Errorf("steered after %v with a high score, want 2 s", got)
	}
	// A path that has a sample for every third step only has them all the same.
	r = newRig(cfg)
	for i := range 60 {
		r.blind = i%3 != 0
		r.step(1, red)
	}
	if !r.dec.Enabled {
		t.Errorf("not steered: %+v", r.dec)
	}
}

// A neighbour that was degraded before a pause and after it was not for so long.
func TestAlternateAcrossAPause(t *testing.T) {
	r := steered(t, plain())
	r.step(100, red)
	r.alternate = steering.AlternateDegraded
	r.step(1, red)
	if got := r.after(10*time.Minute, red); !got.Steer {
		t.Errorf("came back, %v", got.Reason)
	}
	if got := r.step(4, red); got.Steer || got.Reason != steering.AlternateIsDegraded {
		t.Errorf("two seconds later: steer %v, %v", got.Steer, got.Reason)
	}
}

// On a calm line even a threshold of 0 is reached, in the end.
func TestRecoveryThresholdZero(t *testing.T) {
	cfg := plain()
	cfg.Scored, cfg.Confidence.RecoveryThreshold = true, 0
	r := steered(t, cfg)
	r.until(t, time.Minute, green, off)
}

// Time does not go back.
func TestClockGoesBack(t *testing.T) {
	r := steered(t, plain())
	r.step(20, red)
	at, hold := r.now, r.dec.HoldUntil
	r.now = second
	if got := r.step(1, red); got.At != at || got.HoldUntil != hold || !got.Steer {
		t.Errorf("%+v", got)
	}
}

func TestNames(t *testing.T) {
	for r := steering.Clear; r <= steering.Foreign; r++ {
		if r.String() == "unknown" {
			t.Errorf("reason %d has no name", r)
		}
	}
	if got := (steering.Foreign + 1).String() + steering.Reason(0).String(); got != "unknownunknown" {
		t.Errorf("no reasons are called %q", got)
	}
	names := []string{steering.AlternateUnknown.String(), steering.AlternateGood.String(), steering.AlternateDegraded.String(), steering.AlternateDown.String(),
		steering.Unknown.String(), steering.Green.String(), steering.Yellow.String(), steering.Red.String()}
	if diff := cmp.Diff([]string{"unknown", "good", "degraded", "down", "UNKNOWN", "GREEN", "YELLOW", "RED"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
