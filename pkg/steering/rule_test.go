package steering_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// What somebody else makes of the rule stands, and hold-down begins.
func TestForeign(t *testing.T) {
	t.Run("on", func(t *testing.T) {
		r := newRig(plain())
		r.step(50, green)
		r.rule = true
		got := r.step(1, green)
		if !got.Steer || !got.Enabled || !got.Changed || got.Reason != steering.Foreign || got.HoldUntil != r.now+30*second || got.Good != 1 {
			t.Errorf("%+v", got)
		}
		if got := r.step(59, green); !got.Steer || got.Reason != steering.HoldDown {
			t.Errorf("half a minute later: steer %v, %v", got.Steer, got.Reason)
		}
		if got := r.step(1, green); got.Steer || got.Reason != steering.Recovered {
			t.Errorf("after hold-down: steer %v, %v", got.Steer, got.Reason)
		}
	})
	t.Run("off", func(t *testing.T) {
		r := steered(t, plain())
		r.step(100, red)
		r.rule = false
		if got := r.step(1, red); got.Steer || !got.Changed || got.Reason != steering.Foreign {
			t.Errorf("%+v", got)
		}
		r.until(t, 31*second, red, on)
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
