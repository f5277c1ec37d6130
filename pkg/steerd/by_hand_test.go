package steerd

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/steering"
)

// inModes runs do for every way to decide.
func inModes(t *testing.T, do func(t *testing.T, change func(*Config))) {
	for _, mode := range []struct {
		name   string
		change func(*Config)
	}{
		{"streaks", func(*Config) {}},
		{"score", func(c *Config) { c.Law.Scored = true }},
		{"not cake aware", func(c *Config) { c.Law.CakeAware, c.Meter = false, nil }},
	} {
		t.Run(mode.name, func(t *testing.T) { do(t, mode.change) })
	}
}

// A rule that was enabled by hand stays so until it is disabled by hand. It is no
// transition of the loop.
func TestEnabledByHand(t *testing.T) {
	inModes(t, func(t *testing.T, mode func(*Config)) {
		play(t, func(_ *world, c *Config) { mode(c) }, func(s scene) {
			sleep(time.Minute)
			s.set(func(w *world) { w.rules[0] = true })
			sleep(ruleInterval + time.Second)
			seen := s.status()
			if !seen.Steered || !seen.Rule.ByHand || time.Since(seen.Rule.Since) > ruleInterval+time.Second || !seen.LastTransition.IsZero() || seen.InState > ruleInterval+time.Second {
				t.Errorf("%+v", seen)
			}
			for range 3 {
				s.calm()
				sleep(20 * time.Minute)
				s.congest()
				sleep(20 * time.Minute)
			}
			st := s.status()
			if st.Decision.Reason != steering.ByHand || st.InState < 2*time.Hour || st.Rule.Since.Sub(seen.Rule.Since).Abs() > time.Millisecond {
				t.Errorf("two hours later: %v, since %v: %+v", st.Decision.Reason, st.Rule.Since, st)
			}
			s.calm()
			s.set(func(w *world) { w.rules[0] = false })
			sleep(time.Minute)
			if st := s.status(); st.Rule.ByHand || st.Decision.Reason != steering.Clear {
				t.Errorf("disabled by hand on a calm line: %+v", st)
			}
			if diff := cmp.Diff([]bool{true, false}, s.foreign); diff != "" || len(s.attempts) != 0 || len(s.moves) != 0 {
				t.Errorf("attempts %v, transitions %v, foreign (-want +got):\n%s", s.attempts, s.moves, diff)
			}
			s.congest()
			s.until(true, 40*time.Second)
			s.calm()
			s.until(false, time.Minute)
			if diff := cmp.Diff([]string{"sustained_congestion", "recovered"}, s.reasons()); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	})
}

// A rule that is disabled by hand while connections are steered stays so until the
// congestion is over.
func TestDisabledByHand(t *testing.T) {
	inModes(t, func(t *testing.T, mode func(*Config)) {
		play(t, func(_ *world, c *Config) { mode(c) }, func(s scene) {
			sleep(10 * time.Second)
			s.congest()
			s.until(true, 10*time.Second)
			sleep(time.Minute)
			s.set(func(w *world) { w.rules[0] = false })
			sleep(time.Hour)
			if st := s.status(); st.Steered || !st.Rule.ByHand || st.Decision.Reason != steering.ByHand || len(s.written()) != 1 {
				t.Errorf("written %v: %+v", s.written(), st)
			}
			s.calm()
			sleep(time.Minute)
			if st := s.status(); st.Rule.ByHand {
				t.Errorf("still by hand on a calm line: %+v", st)
			}
			s.congest()
			s.until(true, 10*time.Second)
		})
	})
}

// What was done by hand outlives restarts, and what was done while no loop ran is
// done by hand.
func TestByHandAfterARestart(t *testing.T) {
	for _, tt := range []struct {
		name    string
		before  bool // the change was made while the first loop ran, else before the second
		enabled bool
	}{
		{"enabled before", true, true}, {"enabled between", false, true},
		{"disabled before", true, false}, {"disabled between", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				s := start(t, w, nil)
				if !tt.enabled {
					w.congest()
					s.until(true, 10*time.Second)
				}
				sleep(time.Minute)
				change := func() { w.set(func(w *world) { w.rules[0] = tt.enabled }) }
				if tt.before {
					change()
					sleep(ruleInterval + time.Second)
				}
				s.stop()
				memory := s.record().Memory
				since := s.status().Rule.Since
				change()
				for range 3 {
					sleep(time.Hour)
					s = start(t, w, func(c *Config) { c.Memory = memory.Aged(time.Hour) })
					sleep(5 * time.Minute)
					st := s.status()
					s.stop()
					memory = s.record().Memory
					if st.Steered != tt.enabled || !st.Rule.ByHand || st.Decision.Reason != steering.ByHand || len(s.attempts) != 0 {
						t.Fatalf("%+v", st)
					}
					if tt.before && st.Rule.Since.Sub(since).Abs() > time.Second {
						t.Errorf("since %v, and before the restart %v", st.Rule.Since, since)
					}
				}
			})
		})
	}
}

// A dry run goes its own way, and reports what others do.
func TestDryRunReportsChangesByHand(t *testing.T) {
	play(t, func(_ *world, c *Config) { c.DryRun = true }, func(s scene) {
		sleep(5 * time.Second)
		s.set(func(w *world) { w.rules[0] = true })
		sleep(15 * time.Second)
		if st := s.status(); st.Steered || !st.Rule.Enabled || !st.Rule.ByHand || st.Decision.Reason != steering.Clear {
			t.Errorf("%+v", st)
		}
		s.congest()
		sleep(10 * time.Second)
		if st := s.status(); !st.Steered || st.Decision.ByHand {
			t.Errorf("%+v", st)
		}
	})
}

// Two WANs that are equally bad: connections stay, and the reason says why.
func TestEquallyDegradedWANs(t *testing.T) {
	inModes(t, func(t *testing.T, mode func(*Config)) {
		play(t, func(w *world, c *Config) {
			mode(c)
			w.other = steering.AlternateGood
			w.another = Reading{Baseline: 30 * time.Millisecond, RTT: 85 * time.Millisecond, Source: "loop"}
		}, func(s scene) {
			sleep(10 * time.Second)
			s.congest()
			sleep(10 * time.Minute)
			if st := s.status(); st.Decision.Reason != steering.AlternateIsNotBetter || st.Steered || st.Alternate.RTT != 85*time.Millisecond {
				t.Errorf("%+v", st)
			}
			s.set(func(w *world) { w.another.RTT = 35 * time.Millisecond })
			s.until(true, 5*time.Second)
			s.set(func(w *world) { w.another.RTT = 85 * time.Millisecond })
			sleep(10 * time.Minute)
			if st := s.status(); !st.Steered || st.Decision.Reason != steering.Steered {
				t.Errorf("equally bad while steered: %+v", st)
			}
			s.set(func(w *world) { w.another.RTT = 150 * time.Millisecond })
			s.until(false, 5*time.Second)
			if diff := cmp.Diff([]string{"sustained_congestion", "alternate_not_better"}, s.reasons()); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
		})
	})
}

// On a router that does not count drops, the depth of the queue confirms congestion.
func TestDropsNotCounted(t *testing.T) {
	play(t, func(w *world, _ *Config) { w.counted = false }, func(s scene) {
		sleep(10 * time.Second)
		s.set(func(w *world) { w.excess = 30 * time.Millisecond })
		sleep(3 * time.Second)
		if st := s.status(); st.Steered || st.Decision.DropsNotCounted[0] {
			t.Errorf("too early: %+v", st.Decision)
		}
		s.until(true, 15*time.Second)
		if st := s.status(); st.Decision.DropsNotCounted != [2]bool{true, false} {
			t.Errorf("%+v", st.Decision)
		}
		s.calm()
		s.until(false, time.Minute)
	})
}

// A write of ours whose answer was lost in a long outage is ours, not somebody else's:
// the rule is switched off again when the congestion is over.
func TestWriteBeforeAnOutageIsOurs(t *testing.T) {
	for _, restart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.lost = true
			s := start(t, w, func(c *Config) { c.Meter = nil })
			sleep(5 * time.Second)
			w.congest()
			for w.written() == nil {
				sleep(time.Millisecond)
			}
			w.set(func(w *world) { w.down = errSilent })
			sleep(10 * time.Minute)
			if restart {
				s.stop()
				memory := s.record().Memory
				sleep(time.Hour)
				s = start(t, w, func(c *Config) { c.Meter, c.Memory = nil, memory.Aged(time.Hour) })
				sleep(time.Minute)
			}
			w.set(func(w *world) { w.down, w.lost = nil, false })
			sleep(time.Minute)
			if st := s.status(); !st.Steered || st.Rule.ByHand || len(s.foreign) != 0 {
				t.Errorf("restart %v: foreign %v, %+v", restart, s.foreign, st)
			}
			w.calm()
			s.until(false, time.Minute)
			s.stop()
		})
	}
}
