package steering_test

import "testing"

// treadmill is a law on a line that swings, with a rule that follows.
func treadmill(scored bool) func() {
	cfg := plain()
	cfg.Scored = scored
	r := newRig(cfg)
	n := 0
	return func() {
		s := green
		if n++; n%200 < 100 {
			s = red
		}
		r.after(tick, s)
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	for _, scored := range []bool{false, true} {
		if n := testing.AllocsPerRun(5000, treadmill(scored)); n != 0 {
			t.Errorf("scored %v: a step allocates %v times", scored, n)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	for _, tt := range []struct {
		name   string
		scored bool
	}{{"rows", false}, {"score", true}} {
		b.Run(tt.name, func(b *testing.B) {
			step := treadmill(tt.scored)
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
		})
	}
}
