package steerd

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/steering"
)

func TestOnce(t *testing.T) {
	for _, tt := range []struct {
		name       string
		change     func(*world, *Config)
		congestion steering.Congestion
		reason     steering.Reason
		written    []bool
		err        error // of the rule
	}{
		{
			name: "calm", change: func(*world, *Config) {},
			congestion: steering.Green, reason: steering.Clear,
		},
		{
			name: "one RED sample of two", change: func(w *world, _ *Config) { w.excess = 60 * time.Millisecond },
			congestion: steering.Red, reason: steering.Congested,
		},
		{
			name: "one is enough", change: func(w *world, c *Config) { w.excess, c.Law.RedSamples = 60*time.Millisecond, 1 },
			congestion: steering.Red, reason: steering.SustainedCongestion, written: []bool{true},
		},
		{
			name: "the second, by the memory",
			change: func(w *world, c *Config) {
				w.excess = 60 * time.Millisecond
				c.Memory = steering.Memory{
					Congestion: steering.Red, Red: 1, Sampled: true, SampleAge: time.Minute, SamplePace: time.Minute,
					Excess: 60 * time.Millisecond, ExcessEWMA: 60e6,
				}
			},
			congestion: steering.Red, reason: steering.SustainedCongestion, written: []bool{true},
		},
		{
			name: "without counters",
			change: func(w *world, c *Config) {
				w.excess, w.meterErr, c.Law.RedSamples = 60*time.Millisecond, errSilent, 1
			},
			congestion: steering.Red, reason: steering.SustainedCongestion, written: []bool{true},
		},
		{
			name: "dry run",
			change: func(w *world, c *Config) {
				w.excess, c.Law.RedSamples, c.DryRun = 60*time.Millisecond, 1, true
			},
			congestion: steering.Red, reason: steering.SustainedCongestion,
		},
		{
			name: "answer lost",
			change: func(w *world, c *Config) {
				w.excess, c.Law.RedSamples, w.lost = 60*time.Millisecond, 1, true
			},
			congestion: steering.Red, reason: steering.SustainedCongestion, written: []bool{true},
		},
		{
			name: "slow router",
			change: func(w *world, c *Config) {
				w.excess, c.Law.RedSamples, w.took = 60*time.Millisecond, 1, 3*time.Second
			},
			congestion: steering.Red, reason: steering.SustainedCongestion, written: []bool{true},
		},
		{
			name: "rule absent",
			change: func(w *world, c *Config) {
				w.excess, c.Law.RedSamples, w.rules = 60*time.Millisecond, 1, nil
			},
			congestion: steering.Red, reason: steering.RuleUnusable, err: errAbsent,
		},
		{
			name: "rule cannot be written",
			change: func(w *world, c *Config) {
				w.excess, c.Law.RedSamples, w.denied = 60*time.Millisecond, 1, errDenied
			},
			congestion: steering.Red, reason: steering.SustainedCongestion, err: errDenied,
		},
		{
			name: "path unknown", change: func(w *world, _ *Config) { w.pathErr = errSilent },
			congestion: steering.Unknown, reason: steering.NoData,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, o := newWorld(), &watch{}
				l := New(config(w, o, func(c *Config) { tt.change(w, c) }))
				start := time.Now()
				r, err := l.Once(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took > 15*time.Second {
					t.Errorf("took %v", took)
				}
				if r.Decision.Congestion != tt.congestion || r.Decision.Reason != tt.reason || !errors.Is(r.Rule.Err, tt.err) {
					t.Errorf("%v, %v, rule %v", r.Decision.Congestion, r.Decision.Reason, r.Rule.Err)
				}
				if r.Path.Known != (w.pathErr == nil) {
					t.Errorf("path known %v", r.Path.Known)
				}
				if diff := cmp.Diff(tt.written, w.written()); diff != "" {
					t.Errorf("written (-want +got):\n%s", diff)
				}
				if steered := w.enabled(); r.Memory.Steered != steered && !r.DryRun || r.Rule.Enabled != steered {
					t.Errorf("remembered %v, told %v, but the rule is %v", r.Memory.Steered, r.Rule.Enabled, steered)
				}
				samples := 0
				for _, in := range o.steps {
					if in.RTTKnown {
						samples++
					}
				}
				if samples > 1 {
					t.Errorf("%d samples were judged", samples)
				}
				if st, err := l.Status(t.Context()); err != nil || st.Steps != r.Steps {
					t.Errorf("status afterwards: %v", err)
				}
			})
		})
	}
}

// Run after run, a minute apart, as cron does it.
func TestOnceRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var memory steering.Memory
		run := func() Record {
			t.Helper()
			o := &watch{}
			r, err := New(config(w, o, func(c *Config) { c.Memory = memory })).Once(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(o.foreign) != 0 {
				t.Errorf("took what the run before did for somebody else's: %v", o.foreign)
			}
			sleep(time.Minute)
			memory = r.Memory.Aged(time.Minute)
			return r
		}
		run()
		run()
		w.congest()
		for i := 0; !w.enabled(); i++ {
			if run(); i > 4 {
				t.Fatal("not steered after 5 congested runs")
			}
		}
		w.calm()
		runs := 0
		for ; w.enabled(); runs++ {
			if run(); runs > 40 {
				t.Fatal("never came back")
			}
		}
		if runs < 15 {
			t.Errorf("came back after %d runs of 15 that have to be GREEN", runs)
		}
	})
}

func TestOnceIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.took = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		r, err := New(config(w, nil, nil)).Once(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || r.Rule.Err == nil {
			t.Errorf("%v, rule %v", err, r.Rule.Err)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// What will not be tried again is not waited for.
func TestOnceDoesNotWait(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*world, *Config)
		reads  int
		most   time.Duration
	}{
		// 0.5 s and 1 s between three readings, 0.5 s between two of the counters.
		{"absent", func(w *world, _ *Config) { w.rules = nil }, 3, 2200 * time.Millisecond},
		// Readings in between are not paid for twice: 0.5 s and 1 s between three writes.
		{
			"not to be written",
			func(w *world, c *Config) { w.excess, c.Law.RedSamples, w.denied = 60*time.Millisecond, 1, errDenied },
			4, 3700 * time.Millisecond,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				reads := &counted{RuleSwitch: w}
				l := New(config(w, nil, func(c *Config) {
					tt.change(w, c)
					c.Switch = reads
				}))
				start := time.Now()
				if _, err := l.Once(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); reads.calls != tt.reads || took > tt.most {
					t.Errorf("%d readings, %v, want %d and at most %v", reads.calls, took, tt.reads, tt.most)
				}
			})
		})
	}
}
