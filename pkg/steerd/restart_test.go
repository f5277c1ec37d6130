package steerd

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/steering"
)

// A line that swings at any period may not move the rule more often than the
// brakes allow: hold-down between any two changes, and no more than MaxToggles
// changes, and one back, within a window.
func TestOscillationIsLimitedByFlapSuppression(t *testing.T) {
	brakes := defaults().Confidence
	for _, scored := range []bool{false, true} {
		for _, period := range []time.Duration{time.Second, 4 * time.Second, 15 * time.Second, 31 * time.Second, 62 * time.Second, 90 * time.Second, 3 * time.Minute} {
			t.Run(fmt.Sprintf("%v, scored %v", period, scored), func(t *testing.T) {
				play(t, func(_ *world, c *Config) { c.Law.Scored = scored }, func(s scene) {
					for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); {
						s.congest()
						sleep(period / 2)
						s.calm()
						sleep(period / 2)
					}
					for i, m := range s.sets {
						if i == 0 {
							continue
						}
						if gap := m.at.Sub(s.sets[i-1].at); gap < brakes.HoldDown-time.Second {
							t.Errorf("changes %d and %d are %v apart", i-1, i, gap)
						}
						if m.to == s.sets[i-1].to {
							t.Errorf("change %d changes nothing", i)
						}
						if first := i - brakes.MaxToggles - 1; first >= 0 && m.to && m.at.Sub(s.sets[first].at) < brakes.FlapWindow {
							t.Errorf("steered again by change %d, though changes %d to %d were in one window", i, first, i-1)
						}
					}
					if n := len(s.sets); period >= time.Minute && n == 0 {
						t.Error("never steered")
					}
					if len(s.foreign) != 0 {
						t.Errorf("took %d changes of ours for somebody else's", len(s.foreign))
					}
				})
			})
		}
	}
}

func TestRestartContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := start(t, w, nil)
		w.congest()
		s.until(true, 10*time.Second)
		s.stop()
		before := s.record()
		if !w.enabled() || len(w.sets) != 1 {
			t.Fatalf("the end of the loop changed the rule: %v", w.written())
		}
		w.calm()
		sleep(3 * time.Second)

		memory := before.Memory.Aged(3 * time.Second)
		s = start(t, w, func(c *Config) { c.Memory, c.LastTransition = memory, before.LastTransition })
		back := s.until(false, time.Minute)
		if total := back + 3*time.Second; total < 29*time.Second || total > 31*time.Second {
			t.Errorf("came back %v after the change: hold-down does not go on over a restart", total)
		}
		s.stop()
		if len(s.foreign) != 0 || len(w.sets) != 2 {
			t.Errorf("foreign %v, written %v", s.foreign, w.written())
		}
	})
}

func TestRepeatedKillsDoNotFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var memory steering.Memory
		for i := range 100 {
			s := start(t, w, func(c *Config) { c.Memory = memory })
			if i%2 == 0 {
				w.congest()
			} else {
				w.calm()
			}
			sleep(5 * time.Second)
			s.stop()
			memory = s.record().Memory
		}
		for i := 1; i < len(w.sets); i++ {
			if gap := w.sets[i].at.Sub(w.sets[i-1].at); gap < 29*time.Second {
				t.Errorf("changes %d and %d are %v apart", i-1, i, gap)
			}
		}
		if len(w.sets) == 0 {
			t.Error("never steered")
		}
	})
}

func TestChangeDuringDowntimeIsAdopted(t *testing.T) {
	for _, tt := range []struct {
		name    string
		memory  steering.Memory
		rule    bool
		foreign []bool
	}{
		{"as left", steering.Memory{Steered: true}, true, nil},
		{"disabled meanwhile", steering.Memory{Steered: true}, false, []bool{false}},
		{"enabled meanwhile", steering.Memory{Congestion: steering.Green}, true, []bool{true}},
		{"enabled, and never seen before", steering.Memory{}, true, []bool{true}},
		{"disabled, and never seen before", steering.Memory{}, false, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(w *world, c *Config) { c.Memory, w.rules[0] = tt.memory, tt.rule }, func(s scene) {
				sleep(2 * time.Second)
				st := s.status()
				if st.Steered != tt.rule || len(s.written()) != 0 {
					t.Errorf("steered %v, written %v", st.Steered, s.written())
				}
				if diff := cmp.Diff(tt.foreign, s.foreign); diff != "" {
					t.Errorf("foreign (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A write whose answer was still missing at the end is ours when the next run
// finds it done.
func TestRestartKnowsItsLastWrite(t *testing.T) {
	for _, tt := range []struct {
		name    string
		down    time.Duration
		foreign []bool
		reasons []string // of transitions
	}{
		{"a moment later", 5 * time.Second, nil, []string{"sustained_congestion"}},
		{"an hour later", time.Hour, nil, []string{"sustained_congestion"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.lost = true
				s := start(t, w, nil)
				w.congest()
				for w.written() == nil {
					sleep(time.Millisecond)
				}
				s.stop()
				before := s.record()
				if before.Memory.Steered || !w.enabled() {
					t.Fatalf("remembered %v, and the rule is %v", before.Memory.Steered, w.enabled())
				}
				sleep(tt.down)
				s = start(t, w, func(c *Config) { c.Memory = before.Memory.Aged(tt.down) })
				sleep(time.Second)
				s.stop()
				if diff := cmp.Diff(tt.foreign, s.foreign); diff != "" {
					t.Errorf("foreign (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.reasons, s.reasons()); diff != "" {
					t.Errorf("reasons of transitions (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A process that is killed at any moment around a change of the rule leaves a memory
// that knows of it: what was saved last, before the change was sent, is enough.
func TestKilledAfterAChange(t *testing.T) {
	for _, done := range []bool{true, false} {
		t.Run(fmt.Sprintf("written %v", done), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				var intent *Record
				s := start(t, w, func(c *Config) {
					c.Intent = func(_ context.Context, r Record) {
						if w.enabled() {
							t.Error("the rule is changed before the intent is saved")
						}
						intent = &r
					}
				})
				w.congest()
				s.until(true, 10*time.Second)
				s.stop()
				if !done { // killed between the two
					w.set(func(w *world) { w.rules[0] = false })
				}
				const down = time.Hour
				sleep(down)
				s = start(t, w, func(c *Config) { c.Memory = intent.Memory.Aged(down) })
				sleep(time.Second)
				s.stop()
				if len(s.foreign) != 0 {
					t.Errorf("taken for a change by hand: %v", s.foreign)
				}
			})
		})
	}
}
