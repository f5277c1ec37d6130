package steerd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/steering"
)

func TestSteersAndReturns(t *testing.T) {
	for _, interval := range []time.Duration{20 * time.Millisecond, 500 * time.Millisecond, 1700 * time.Millisecond, 10 * time.Second} {
		t.Run(interval.String(), func(t *testing.T) {
			play(t, func(_ *world, c *Config) { c.Interval = interval }, func(s scene) {
				sleep(time.Minute)
				if w := s.written(); len(w) != 0 {
					t.Fatalf("wrote %v on an idle line", w)
				}
				s.congest()
				// Two samples, the first of which a moment after the change.
				if took := s.until(true, time.Minute); took > 5*interval+time.Second {
					t.Errorf("steered after %v", took)
				}
				s.calm()
				held := s.until(false, 10*time.Minute)
				if held < 29*time.Second || held > 30*time.Second+30*interval {
					t.Errorf("came back after %v, hold-down is 30 s and 15 samples are to be GREEN", held)
				}
				sleep(time.Minute)
				if diff := cmp.Diff([]bool{true, false}, s.written()); diff != "" {
					t.Errorf("written (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]string{"sustained_congestion", "recovered"}, s.reasons()); diff != "" {
					t.Errorf("reasons of transitions (-want +got):\n%s", diff)
				}
				if len(s.foreign) != 0 {
					t.Errorf("our own changes were taken for somebody else's")
				}
			})
		})
	}
}

func TestStepsAreOnTime(t *testing.T) {
	for _, tt := range []struct {
		interval time.Duration
		minutes  int
		want     uint64 // steps
	}{
		{10 * time.Millisecond, 1, 6000}, {500 * time.Millisecond, 10, 1200}, {700 * time.Millisecond, 10, 858},
		{1300 * time.Millisecond, 10, 462}, {7 * time.Second, 10, 86}, {time.Minute, 10, 10},
	} {
		t.Run(tt.interval.String(), func(t *testing.T) {
			alive := 0
			play(t, func(_ *world, c *Config) {
				c.Interval, c.Alive = tt.interval, func() { alive++ }
			}, func(s scene) {
				sleep(time.Duration(tt.minutes)*time.Minute + time.Millisecond)
				st := s.status()
				if d := int(st.Steps) - int(tt.want); d < -1 || d > 1 {
					t.Errorf("%d steps, want %d", st.Steps, tt.want)
				}
				if s.late > 0 || st.Skipped > 0 {
					t.Errorf("late by %v, skipped %d", s.late, st.Skipped)
				}
				if alive < 60*tt.minutes {
					t.Errorf("alive %d times in %d min", alive, tt.minutes)
				}
				// Every step but the first has a sample of its own, and a fresh one.
				for i, in := range s.steps[2:] {
					// A router's answer takes longer than the shortest interval.
					if !in.RTTKnown || !in.CountersKnown && tt.interval > 10*time.Millisecond {
						t.Fatalf("step %d: %+v", i+2, in)
					}
				}
				if oldest := tt.interval + 2*min(maxWakeup, tt.interval/5); st.Path.Age > oldest {
					t.Errorf("the newest reading is %v old, want no more than %v", st.Path.Age, oldest)
				}
			})
		})
	}
}

func TestSlowRouterDelaysNoStep(t *testing.T) {
	play(t, func(w *world, _ *Config) { w.took = 3 * time.Second }, func(s scene) {
		sleep(time.Minute)
		before := s.status()
		s.congest()
		sleep(time.Minute)
		st := s.status()
		if s.late > 0 || st.Skipped > 0 || st.Steps-before.Steps != 120+uint64(len(s.moves)) {
			t.Errorf("late by %v, skipped %d, %d steps in a minute", s.late, st.Skipped, st.Steps-before.Steps)
		}
		if !s.enabled() {
			t.Errorf("not steered by way of a slow router: %+v", st)
		}
	})
}

// A path that takes longer than an interval is judged once a reading: two
// samples in a row are to be RED, not two steps. One that is late is judged when
// it is there, not an interval later.
func TestSamplesAreAssessedOnce(t *testing.T) {
	for _, tt := range []struct {
		name     string
		interval time.Duration
		takes    []time.Duration
		want     int // samples in 10 s
	}{
		{"longer than an interval", 100 * time.Millisecond, []time.Duration{900 * time.Millisecond}, 10},
		{"sometimes late", 500 * time.Millisecond, []time.Duration{0, 400 * time.Millisecond}, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, func(w *world, c *Config) {
				c.Interval, c.Path = tt.interval, &slowPath{Path: w, takes: tt.takes}
			}, func(s scene) {
				sleep(10 * time.Second)
				known := 0
				for _, in := range s.steps {
					if in.RTTKnown {
						known++
					} else if known > 0 {
						t.Error("a step without a sample, while the next one was on its way")
					}
				}
				if known < tt.want-2 || known > tt.want+1 {
					t.Errorf("%d samples judged in 10 s, want %d", known, tt.want)
				}
			})
		})
	}
}

// What fails at once is not asked at once again, however short the interval.
func TestFailingSourceIsPolledLess(t *testing.T) {
	play(t, func(w *world, c *Config) {
		w.pathErr = errSilent
		c.Interval, c.Path = 20*time.Millisecond, &slowPath{Path: w, takes: []time.Duration{0}}
	}, func(s scene) {
		sleep(10 * time.Minute)
		if n := s.loop.cfg.Path.(*slowPath).calls; n < 120 || n > 140 {
			t.Errorf("asked %d times in 10 minutes", n)
		}
	})
}

func TestAlternateWithoutDataIsUnknown(t *testing.T) {
	play(t, func(_ *world, c *Config) { c.Alternate = &stuckAlternate{} }, func(s scene) {
		sleep(time.Second)
		if a := s.status().Alternate; a.Condition != steering.AlternateDown {
			t.Errorf("told of a WAN that is %v", a)
		}
		sleep(5 * time.Second)
		if a := s.status().Alternate; a.Condition != steering.AlternateUnknown {
			t.Errorf("%+v, though nothing was heard of it for 5 s", a)
		}
		if in := s.steps[len(s.steps)-1]; in.Alternate != steering.AlternateUnknown {
			t.Errorf("the law was told it is %v", in.Alternate)
		}
	})
}

func TestLostSourceKeepsTheRule(t *testing.T) {
	for _, steered := range []bool{false, true} {
		for _, tt := range []struct {
			name string
			away func(*world)
		}{
			{"fails", func(w *world) { w.pathErr = errors.New("no probe was answered") }},
			{"hangs", func(w *world) { w.stuck = make(chan struct{}) }},
		} {
			t.Run(fmt.Sprintf("%s, steered %v", tt.name, steered), func(t *testing.T) {
				play(t, nil, func(s scene) {
					if steered {
						s.congest()
						s.until(true, 10*time.Second)
					}
					before := len(s.written())
					s.set(tt.away)
					sleep(10 * time.Minute)
					st := s.status()
					if n := len(s.written()); n != before || s.enabled() != steered {
						t.Errorf("the rule was changed without a reading: %v", s.written())
					}
					if st.Path.Known || st.Decision.Reason != steering.NoData {
						t.Errorf("path known %v, reason %v", st.Path.Known, st.Decision.Reason)
					}
					if st.Path.Err == nil || st.Path.Failures < 3 {
						t.Errorf("%d failures, %v", st.Path.Failures, st.Path.Err)
					}
					if told := s.heard(PartPath); len(told) != 1 {
						t.Errorf("told %q", told)
					}
				})
			})
		}
	}
}

func TestWithoutCountersTheDelayDecides(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*world, *Config)
		told   []string
	}{
		{"no meter", func(_ *world, c *Config) { c.Meter = nil }, nil},
		{"failing", func(w *world, _ *Config) { w.meterErr = errors.New("no queue has that name") }, []string{"counters: no queue has that name"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, tt.change, func(s scene) {
				sleep(30 * time.Second)
				s.congest()
				s.until(true, 10*time.Second)
				st := s.status()
				if st.Counters.Known || st.Counters.Wanted != (tt.told != nil) || st.Counters.Wanted != (st.Counters.Failures >= 3) {
					t.Errorf("%+v", st.Counters)
				}
				if diff := cmp.Diff(tt.told, s.heard(PartCounters)); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestCountersReturn(t *testing.T) {
	play(t, nil, func(s scene) {
		s.set(func(w *world) { w.meterErr = errSilent })
		sleep(time.Minute)
		s.set(func(w *world) { w.meterErr = nil })
		sleep(maxPollPause + time.Second)
		if st := s.status(); !st.Counters.Known || st.Counters.Failures != 0 {
			t.Errorf("%+v", st.Counters)
		}
		want := []string{"counters: router is silent", "counters: works again"}
		if diff := cmp.Diff(want, s.heard(PartCounters)); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	})
}

func TestCongestedAlternateIsNotUsed(t *testing.T) {
	play(t, nil, func(s scene) {
		s.set(func(w *world) { w.other = steering.AlternateDown })
		s.congest()
		sleep(time.Minute)
		if s.enabled() {
			t.Fatal("steered to a WAN that is down")
		}
		s.set(func(w *world) { w.other = steering.AlternateGood })
		s.until(true, 10*time.Second)
		s.set(func(w *world) { w.other = steering.AlternateDown })
		s.until(false, 31*time.Second)
		if diff := cmp.Diff([]string{"sustained_congestion", "alternate_down"}, s.reasons()); diff != "" {
			t.Errorf("reasons (-want +got):\n%s", diff)
		}
	})
}

func TestReconfigure(t *testing.T) {
	play(t, func(_ *world, c *Config) { c.Law.RedSamples = 1000 }, func(s scene) {
		s.congest()
		sleep(30 * time.Second)
		if s.enabled() {
			t.Fatal("steered after 60 samples of 1000")
		}
		cfg := defaults()
		cfg.Confidence.HoldDown = 2 * time.Minute
		s.loop.Reconfigure(cfg)
		s.until(true, 5*time.Second)
		s.calm()
		if back := s.until(false, 5*time.Minute); back < 119*time.Second {
			t.Errorf("came back after %v under a hold-down of 2 min", back)
		}
		if got := s.status().Law; got != cfg {
			t.Errorf("the status tells of %+v", got)
		}
	})
}

// What was wanted under the old settings is not written any more.
func TestReconfigureForgetsTheDecision(t *testing.T) {
	play(t, func(w *world, c *Config) {
		c.Interval, c.Law.RedSamples, c.Meter, w.denied = 10*time.Second, 1, nil, errDenied
	}, func(s scene) {
		s.congest()
		sleep(11500 * time.Millisecond)
		if len(s.attempts) == 0 {
			t.Fatal("nothing was wanted")
		}
		cfg := defaults()
		cfg.RedSamples = 1000
		s.loop.Reconfigure(cfg)
		synctest.Wait()
		s.set(func(w *world) { w.denied = nil })
		sleep(30 * time.Second)
		if w := s.written(); len(w) != 0 {
			t.Errorf("written %v", w)
		}
	})
}

func TestStatusOfALoopThatDoesNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := New(config(newWorld(), nil, nil)).Status(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestHistoryIsBounded(t *testing.T) {
	play(t, func(_ *world, c *Config) { c.History = 5 }, func(s scene) {
		sleep(10*time.Second + 10*time.Millisecond) // counters are just read
		s.congest()
		sleep(1200 * time.Millisecond)
		h := s.record().History
		ms := func(x ...int) (out []time.Duration) {
			for _, n := range x {
				out = append(out, time.Duration(n)*time.Millisecond)
			}
			return out
		}
		want := History{
			RTT: ms(20, 20, 20, 80, 80), Excess: ms(0, 0, 0, 60, 60),
			Drops: []int{0, 0, 0, 30, 30}, Depth: []int{0, 0, 0, 80, 80},
			Transitions: h.Transitions,
		}
		if diff := cmp.Diff(want, h); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		if len(h.Transitions) != 1 || !h.Transitions[0].Steered {
			t.Errorf("transitions %+v", h.Transitions)
		}
	})
}

func TestRing(t *testing.T) {
	for size := range 4 {
		r := newRing[int](size)
		var all []int
		for v := range 10 {
			r.add(v)
			all = append(all, v)
			want := all[max(0, len(all)-size):]
			if got := r.list(); !slices.Equal(got, want) {
				t.Errorf("size %d holds %v, want %v", size, got, want)
			}
		}
	}
}

func TestStatusHasTimestamps(t *testing.T) {
	play(t, func(_ *world, c *Config) {
		c.LastTransition = time.Now().Add(-time.Hour)
	}, func(s scene) {
		sleep(time.Minute)
		if st := s.status(); st.InState != time.Hour+time.Minute || !st.HoldUntil.IsZero() {
			t.Errorf("in state for %v, held until %v", st.InState, st.HoldUntil)
		}
		s.congest()
		s.until(true, 10*time.Second)
		sleep(10 * time.Second)
		st := s.status()
		if d := time.Since(st.LastTransition); d != st.InState || d > 11*time.Second {
			t.Errorf("in state for %v, last transition %v ago", st.InState, d)
		}
		if d := st.HoldUntil.Sub(st.LastTransition); d != 30*time.Second {
			t.Errorf("held until %v after the change", d)
		}
	})
}
