package steering_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// What somebody else makes of the rule stands.
func TestForeign(t *testing.T) {
	t.Run("on", func(t *testing.T) {
		r := newRig(plain())
		r.step(50, green)
		r.rule = true
		got := r.step(1, green)
		if !got.Steer || !got.Enabled || !got.Changed || got.Reason != steering.Foreign || got.HoldUntil != r.now+30*second || got.Good != 1 {
			t.Errorf("%+v", got)
		}
		for _, s := range []sample{green, red, mild, green} {
			if got := r.step(2000, s); !got.Steer || got.Reason != steering.ByHand || !got.ByHand {
				t.Errorf("%v later: steer %v, %v", got.ByHandFor, got.Steer, got.Reason)
			}
		}
		r.alternate = steering.AlternateDown
		if got := r.step(200, green); !got.Steer || got.Reason != steering.ByHand || got.ByHandFor < time.Hour {
			t.Errorf("with an alternate that is down: steer %v, %v", got.Steer, got.Reason)
		}
		r.alternate = steering.AlternateGood
		r.rule = false
		if got := r.step(1, green); got.Steer || !got.Changed || got.Reason != steering.Foreign {
			t.Errorf("disabled by hand: %+v", got)
		}
		if got := r.step(20, green); got.ByHand || got.Reason != steering.Clear {
			t.Errorf("in charge again: %+v", got)
		}
		r.until(t, 31*second, red, on)
		if r.dec.ByHand || r.dec.Reason != steering.SustainedCongestion {
			t.Errorf("own change: %+v", r.dec)
		}
		r.until(t, time.Minute, green, off)
	})
	t.Run("off", func(t *testing.T) {
		r := steered(t, plain())
		r.step(100, red)
		r.rule = false
		if got := r.step(1, red); got.Steer || !got.Changed || got.Reason != steering.Foreign {
			t.Errorf("%+v", got)
		}
		if got := r.step(2000, red); got.Steer || got.Reason != steering.ByHand || !got.ByHand || !got.Desired {
			t.Errorf("in the same congestion: %+v", got)
		}
		if got := r.step(30, green); got.ByHand || got.Reason != steering.Clear {
			t.Errorf("after the congestion: %+v", got)
		}
		r.until(t, 5*second, red, on)
	})
	t.Run("off, and on again", func(t *testing.T) {
		r := steered(t, plain())
		r.rule = false
		r.step(10, red)
		r.rule = true
		if got := r.step(1, red); !got.Steer || !got.ByHand || got.ByHandFor != 0 {
			t.Errorf("%+v", got)
		}
		if got := r.step(200, green); !got.Steer || got.Reason != steering.ByHand {
			t.Errorf("%+v", got)
		}
	})
	t.Run("flap damping counts it", func(t *testing.T) {
		r := newRig(plain())
		for range 6 {
			r.step(30, green)
			r.rule = !r.rule
		}
		r.step(30, green)
		if got := r.step(20, red); got.Steer || got.ByHand || got.Reason != steering.HoldDown && got.Reason != steering.FlapBrake || got.PenaltyUntil == 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("in a dry run", func(t *testing.T) {
		r := &rig{law: steering.New(plain(), steering.Memory{}), rule: true, pretended: true}
		if got := r.step(1, green); got.ByHand || got.Reason != steering.Foreign {
			t.Errorf("%+v", got)
		}
		r.until(t, time.Minute, green, off)
	})
	t.Run("over a restart", func(t *testing.T) {
		for _, enabled := range []bool{true, false} {
			r := steered(t, plain())
			if enabled {
				r = newRig(plain())
				r.step(10, green)
			}
			r.rule = enabled
			r.step(2, red)
			s := &rig{law: steering.New(plain(), r.law.Remember(r.now).Aged(time.Hour)), rule: enabled}
			if got := s.step(10, red); got.Steer != enabled || !got.ByHand || got.Reason != steering.ByHand || got.ByHandFor != time.Hour+10*tick {
				t.Errorf("enabled %v: %+v", enabled, got)
			}
		}
	})
	t.Run("at the start", func(t *testing.T) {
		for _, remembered := range []bool{false, true} {
			r := &rig{law: steering.New(plain(), steering.Memory{Steered: remembered}), rule: !remembered}
			got := r.step(1, green)
			if got.Enabled == remembered || got.Steer == remembered || !got.Changed || got.Reason != steering.Foreign || got.HoldUntil != r.now+30*second {
				t.Errorf("remembered %v: %+v", remembered, got)
			}
		}
	})
	t.Run("as remembered", func(t *testing.T) {
		r := &rig{law: steering.New(plain(), steering.Memory{Steered: true}), rule: true}
		if got := r.step(1, green); !got.Enabled || got.Changed || got.HoldUntil != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a late write is ours", func(t *testing.T) {
		r := newRig(plain())
		r.until(t, time.Minute, red, func(d steering.Decision) bool { return d.Steer })
		r.rule, r.lazy = false, true
		r.step(15, green)
		if r.dec.Steer {
			t.Fatal("the wish should be gone")
		}
		r.rule = true
		if got := r.step(1, green); !got.Steer || !got.Changed || got.Reason != steering.SustainedCongestion {
			t.Errorf("%+v", got)
		}
	})
}

// A rule that cannot be changed is not claimed to be; once it can be, what is
// right then is done.
func TestRuleUnusable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		break_ func(r *rig, broken bool)
	}{
		{"not read", func(r *rig, broken bool) { r.unread = broken }},
		{"not changeable", func(r *rig, broken bool) { r.jammed = broken }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(plain())
			tt.break_(r, true)
			if got := r.step(20, red); got.Steer || got.Enabled || got.Reason != steering.RuleUnusable || !got.Desired {
				t.Errorf("%+v", got)
			}
			if got := r.step(40, green); got.Reason != steering.Clear || got.Desired {
				t.Errorf("calm again: %v, wish %v", got.Reason, got.Desired)
			}
			tt.break_(r, false)
			if got := r.step(1, green); got.Steer {
				t.Errorf("acted on what was: %+v", got)
			}
			tt.break_(r, true)
			r.step(20, red)
			tt.break_(r, false)
			if got := r.step(1, red); !got.Steer || got.Reason != steering.SustainedCongestion {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("changeable, but never read", func(t *testing.T) {
		law := steering.New(plain(), steering.Memory{})
		r := newRig(plain())
		for range 20 {
			r.now += tick
			in := r.input(red)
			in.RuleKnown = false
			if got := law.Step(r.now, in); got.Steer {
				t.Fatalf("%+v", got)
			}
		}
	})
	t.Run("a write that fails", func(t *testing.T) {
		r := newRig(plain())
		r.until(t, time.Minute, red, func(d steering.Decision) bool { return d.Steer })
		r.rule, r.jammed = false, true
		if got := r.step(1, red); got.Steer || got.Changed || got.Reason != steering.RuleUnusable {
			t.Errorf("%+v", got)
		}
		r.jammed = false
		if got := r.step(1, red); !got.Steer || got.HoldUntil != 0 {
			t.Errorf("%+v", got)
		}
	})
}
