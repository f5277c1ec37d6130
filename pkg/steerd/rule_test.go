package steerd

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/steering"
)

// An outage of the router changes nothing, and leaves no wish behind: what
// counts when it is back is what is so then.
func TestRouterUnreachableForAnHour(t *testing.T) {
	for _, tt := range []struct {
		name    string
		during  func(*world) // the primary WAN, when half of it is over
		found   bool         // somebody enabled the rule meanwhile
		written []bool
		foreign []bool
		after   bool
	}{
		{"congestion lasts", func(*world) {}, false, []bool{true}, nil, true},
		{"congestion is over", func(w *world) { w.excess = 0 }, false, nil, nil, false},
		{"enabled meanwhile", func(*world) {}, true, nil, []bool{true}, true},
		{"enabled meanwhile, and congestion is over", func(w *world) { w.excess = 0 }, true, nil, []bool{true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(_ *world, c *Config) { c.Meter = nil }, func(s scene) {
				sleep(5 * time.Second)
				s.set(func(w *world) { w.down = errSilent })
				sleep(ruleInterval)
				s.congest()
				sleep(30 * time.Minute)
				s.set(tt.during)
				sleep(30 * time.Minute)
				if st := s.status(); st.Rule.Changeable || st.Rule.Err == nil || st.Steered {
					t.Errorf("during the outage: %+v", st.Rule)
				}
				if n := len(s.attempts); n != 0 {
					t.Errorf("%d attempts to change a rule that could not be read", n)
				}
				s.set(func(w *world) { w.down, w.rules[0] = nil, w.rules[0] || tt.found })
				sleep(40 * time.Second)
				if diff := cmp.Diff(tt.written, s.written()); diff != "" {
					t.Errorf("written (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.foreign, s.foreign); diff != "" {
					t.Errorf("foreign (-want +got):\n%s", diff)
				}
				if st := s.status(); st.Steered != tt.after || !st.Rule.Changeable || st.Rule.Err != nil || s.late > 0 {
					t.Errorf("late %v, steered %v, %+v", s.late, st.Steered, st.Rule)
				}
				if diff := cmp.Diff([]string{"rule: router is silent", "rule: works again"}, s.heard(PartRule)); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// When the router answers for its counters again, the rule is read at once.
func TestRuleIsReadWhenTheRouterIsBack(t *testing.T) {
	play(t, nil, func(s scene) {
		s.set(func(w *world) { w.down = errSilent })
		sleep(10 * time.Minute)
		s.set(func(w *world) { w.down = nil })
		sleep(maxPollPause + time.Second)
		if st := s.status(); !st.Rule.Changeable {
			t.Errorf("%+v", st.Rule)
		}
	})
}

// How often a router that is gone is asked.
func TestRetriesBackOff(t *testing.T) {
	play(t, func(w *world, c *Config) {
		c.Meter, w.rules = nil, nil
		c.Switch = &counted{RuleSwitch: w}
	}, func(s scene) {
		sleep(10 * time.Minute)
		calls := s.loop.cfg.Switch.(*counted).calls
		if calls < 60 || calls > 67 {
			t.Errorf("%d readings of an absent rule in 10 minutes, want one in 10 s after the first few", calls)
		}
	})
}

func TestUnusableRuleIsNotChanged(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules []bool
		err   error
	}{
		{"absent", nil, errAbsent},
		{"twice", []bool{false, false}, errAmbiguous},
		{"once on and once off", []bool{true, false}, errAmbiguous},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(w *world, _ *Config) { w.rules = tt.rules }, func(s scene) {
				s.congest()
				sleep(5 * time.Minute)
				st := s.status()
				if len(s.attempts) != 0 {
					t.Errorf("tried to change it: %+v", s.attempts)
				}
				if st.Rule.Known || !errors.Is(st.Rule.Err, tt.err) || st.Decision.Reason != steering.RuleUnusable {
					t.Errorf("reason %v, %+v", st.Decision.Reason, st.Rule)
				}
				if diff := cmp.Diff([]string{"rule: " + tt.err.Error()}, s.heard(PartRule)); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
				s.set(func(w *world) { w.rules = []bool{false} })
				s.until(true, 35*time.Second)
				if len(s.foreign) != 0 {
					t.Error("a rule that appeared was taken for one that was changed")
				}
			})
		})
	}
}

func TestDifferentErrorIsReported(t *testing.T) {
	play(t, nil, func(s scene) {
		for _, rules := range [][]bool{nil, {false, true}, nil, {false}} {
			s.set(func(w *world) { w.rules = rules })
			sleep(2 * time.Minute)
		}
		want := []string{
			"rule: no mangle rule has the comment", "rule: 2 mangle rules have the comment",
			"rule: no mangle rule has the comment", "rule: works again",
		}
		if diff := cmp.Diff(want, s.heard(PartRule)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestErrorKey(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		same       bool
	}{
		{"ports", "read tcp 10.0.0.2:43210->10.0.0.1:443: timed out", "read tcp 10.0.0.2:51111->10.0.0.1:443: timed out", true},
		{"ages", "the state file is 9 s old", "the state file is 3601 s old", true},
		{"kinds", "connection refused", "timed out", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if same := errorKey(tt.a) == errorKey(tt.b); same != tt.same {
				t.Errorf("same = %v for %q and %q", same, tt.a, tt.b)
			}
		})
	}
}

// A write whose answer is lost is read before anything is written again, and
// what it did is ours.
func TestLostAnswer(t *testing.T) {
	play(t, func(w *world, _ *Config) { w.lost = true }, func(s scene) {
		sleep(5 * time.Second)
		s.congest()
		s.until(true, 10*time.Second)
		sleep(5 * time.Second)
		if diff := cmp.Diff([]bool{true}, s.written()); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"sustained_congestion"}, s.reasons()); diff != "" || len(s.foreign) != 0 {
			t.Errorf("foreign %v, reasons (-want +got):\n%s", s.foreign, diff)
		}
		if st := s.status(); !st.Steered || !st.Rule.Changeable {
			t.Errorf("%+v", st.Rule)
		}
	})
}

// A change takes so long that the congestion is over when it is confirmed: that
// is a change like any other, and holds.
func TestSlowChangeHolds(t *testing.T) {
	play(t, func(w *world, c *Config) {
		c.Meter, c.Law.GreenSamples, c.Law.RTTAlpha = nil, 1, 1
	}, func(s scene) {
		sleep(5 * time.Second)
		s.congest()
		s.set(func(w *world) { w.took = 8 * time.Second })
		sleep(3 * time.Second)
		s.calm()
		s.until(true, 20*time.Second)
		s.set(func(w *world) { w.took = 8 * time.Millisecond })
		if back := s.until(false, time.Minute); back < 29*time.Second {
			t.Errorf("came back after %v", back)
		}
		if len(s.foreign) != 0 {
			t.Error("a slow change of ours was taken for somebody else's")
		}
	})
}

func TestDryRunWritesNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rules []bool
	}{{"with the rule", []bool{false}}, {"without it", nil}} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(w *world, c *Config) { c.DryRun, w.rules = true, tt.rules }, func(s scene) {
				sleep(10 * time.Second)
				s.congest()
				sleep(20 * time.Second)
				if st := s.status(); !st.Steered || !st.DryRun || st.Rule.Enabled || st.Rule.Known != (tt.rules != nil) {
					t.Errorf("%+v", st)
				}
				s.calm()
				sleep(time.Minute)
				var told []string
				for _, a := range s.attempts {
					told = append(told, fmt.Sprint(a.Enable, a.DryRun, " ", a.Reason))
				}
				if diff := cmp.Diff([]string{"true true sustained_congestion", "false true recovered"}, told); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
				if w := s.written(); len(w) != 0 {
					t.Errorf("wrote %v", w)
				}
			})
		})
	}
}

// Beside another controller a dry run tells what it would have done itself.
func TestDryRunFollowsItsOwnDecisions(t *testing.T) {
	play(t, func(_ *world, c *Config) { c.DryRun = true }, func(s scene) {
		sleep(5 * time.Second)
		s.set(func(w *world) { w.rules[0] = true })
		sleep(15 * time.Second)
		if st := s.status(); st.Steered || !st.Rule.Enabled {
			t.Errorf("steered %v, rule %v", st.Steered, st.Rule.Enabled)
		}
		if diff := cmp.Diff([]bool{true}, s.foreign); diff != "" {
			t.Errorf("foreign (-want +got):\n%s", diff)
		}
	})
}

func TestEndDuringAWrite(t *testing.T) {
	for _, tt := range []struct {
		name    string
		takes   time.Duration
		written []bool
		most    time.Duration // until the loop has ended
	}{
		{"answered", 2 * time.Second, []bool{true}, 2 * time.Second},
		{"silent", time.Hour, nil, writeGrace},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				s := start(t, w, func(c *Config) { c.Meter = nil })
				sleep(5 * time.Second)
				w.set(func(w *world) { w.excess, w.took = 60*time.Millisecond, tt.takes })
				for asked := 0; asked == 0; {
					sleep(10 * time.Millisecond)
					w.set(func(w *world) { asked = w.asked })
				}
				before := time.Now()
				s.stop()
				if took := time.Since(before); took > tt.most {
					t.Errorf("took %v to end", took)
				}
				if diff := cmp.Diff(tt.written, w.written()); diff != "" {
					t.Errorf("written (-want +got):\n%s", diff)
				}
				r := s.record()
				if want := tt.written != nil; r.Steered != want || r.Memory.Steered != want {
					t.Errorf("steered %v, remembered %v, want %v", r.Steered, r.Memory.Steered, want)
				}
				if len(s.attempts) != 1 || (s.attempts[0].Err == nil) != (tt.written != nil) {
					t.Errorf("attempts %+v", s.attempts)
				}
			})
		})
	}
}

// A rule that is enabled at the start stays so until the law has seen it,
// however much it has decided before.
func TestRuleIsFoundLate(t *testing.T) {
	play(t, func(w *world, c *Config) {
		c.Meter, w.took, w.rules[0] = nil, 3*time.Second, true
	}, func(s scene) {
		sleep(10 * time.Second)
		if st := s.status(); !st.Steered || st.Steps < 5 || len(s.attempts) != 0 {
			t.Errorf("steered %v after %d steps, attempts %+v", st.Steered, st.Steps, s.attempts)
		}
	})
}

// A rule that is read but not written, as for a user without the policy.
func TestRefusedWritesBackOff(t *testing.T) {
	play(t, func(w *world, _ *Config) { w.denied = errDenied }, func(s scene) {
		s.congest()
		sleep(10 * time.Minute)
		if n := len(s.attempts); n < 60 || n > 67 {
			t.Errorf("%d attempts in 10 minutes, want one in 10 s after the first few", n)
		}
		if st := s.status(); !errors.Is(st.Rule.Err, errDenied) || st.Rule.Failures < 60 || st.Steered {
			t.Errorf("steered %v, %+v", st.Steered, st.Rule)
		}
		s.calm()
		sleep(time.Minute)
		if st := s.status(); st.Rule.Err != nil {
			t.Errorf("nothing is wanted any more, but %v", st.Rule.Err)
		}
		want := []string{"rule: router denied permission", "rule: works again"}
		if diff := cmp.Diff(want, s.heard(PartRule)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

// The end of the program is not the end of congestion.
func TestEndLeavesTheRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := start(t, w, nil)
		w.congest()
		s.until(true, 10*time.Second)
		sleep(time.Minute)
		s.stop()
		sleep(time.Minute)
		if !w.enabled() || len(w.sets) != 1 {
			t.Errorf("written %v", w.written())
		}
	})
}
