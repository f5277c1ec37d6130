package calibrate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

var usual = [2]bitrate.Rate{50 * mbps, 12 * mbps}

// within fails the test unless got is within percent of want.
func within(t *testing.T, what string, got, want bitrate.Rate, percent float64) {
	t.Helper()
	if off := 100 * (float64(got)/float64(want) - 1); off < -percent || off > percent {
		t.Errorf("%s %v, want %v within %g %%", what, got.Human(), want.Human(), percent)
	}
}

func TestCalibrate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, nil)
		cfg := config(l)
		var phases []string
		cfg.Tell = func(p calibrate.Progress) {
			if p.First {
				phases = append(phases, p.Phase.String())
			}
		}
		began := time.Now()
		res, err := calibrate.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if took, said := time.Since(began), cfg.Length(); (took - said).Abs() > 10*time.Second {
			t.Errorf("it took %v, and %v were announced", took, said)
		}
		l.check(t)
		want := "idle line; without a limit, download; without a limit, upload; with a limit, download; with a limit, upload"
		if got := strings.Join(phases, "; "); got != want {
			t.Errorf("phases %q", got)
		}
		// Probes are spread over reflectors at 24, 26 and 28 ms.
		if res.Baseline < 24*ms || res.Baseline > 28*ms {
			t.Errorf("baseline %v", res.Baseline)
		}
		for d, capacity := range [2]bitrate.Rate{40 * mbps, 10 * mbps} {
			dir, side := res.Directions[d], autorate.Direction(d).String()
			within(t, side+" capacity", dir.Capacity.Mean, capacity, 3)
			within(t, side+" ceiling", dir.Proposed.Ceiling, capacity*95/100, 3)
			if !dir.Capacity.Saturated || dir.Capacity.Varies() {
				t.Errorf("%s: %+v", side, dir.Capacity)
			}
			if dir.Before.P50 < 100*ms || dir.After.P95 > res.Idle.P95+10*ms {
				t.Errorf("%s: before %+v, after %+v", side, dir.Before, dir.After)
			}
			within(t, side+" carried with the limit", dir.Carried, dir.Limit, 4)
		}
		before, after := res.Grades()
		if before < "C" || after != "A+" {
			t.Errorf("grades %s and %s", before, after)
		}
		if s := res.Proposed; s.Floor[0] > 8*mbps || s.Floor[1] != mbps || s.Target != 15*ms || s.BaselineInitial.Round(ms) != s.BaselineInitial {
			t.Errorf("proposed %+v", s)
		}
		if len(res.Notes) > 0 {
			t.Errorf("notes: %q", res.Notes)
		}
		if len(res.Curves) != 4 || len(res.Curves[0].Points) < 20 {
			t.Errorf("%d curves", len(res.Curves))
		}
		if expected := cfg.Bytes(); res.Bytes > expected || res.Bytes < expected/2 {
			t.Errorf("%s used, %s expected", calibrate.Size(res.Bytes), calibrate.Size(expected))
		}
	})
}

// Whatever ends a measurement: the limits are as they were, and the error says why.
func TestLimitsAreRestored(t *testing.T) {
	for _, tt := range []struct {
		name   string
		start  [2]bitrate.Rate
		change func(*linksim.Config)
		fault  func(*line, *calibrate.Config)
		after  time.Duration // of an interruption
		want   error
		text   string
	}{
		{name: "interrupted while idle", after: 5 * time.Second, want: context.Canceled},
		{name: "interrupted in the download", after: 17 * time.Second, want: context.Canceled},
		{name: "interrupted with the new limits", after: 45 * time.Second, want: context.Canceled},
		{name: "unlimited before", start: [2]bitrate.Rate{0, 12 * mbps}, after: 17 * time.Second, want: context.Canceled},
		{name: "the router refuses the first write", want: errRefused, fault: func(l *line, _ *calibrate.Config) {
			l.setFails = func(int) error { return errRefused }
		}},
		{name: "the router refuses a later write", want: errRefused, fault: func(l *line, _ *calibrate.Config) {
			l.setFails = func(n int) error {
				if n == 2 {
					return errRefused
				}
				return nil
			}
		}},
		{name: "the server refuses", want: errRefused, fault: func(l *line, _ *calibrate.Config) {
			l.loadFails = func(d autorate.Direction) error {
				if d == autorate.Upload {
					return errRefused
				}
				return nil
			}
		}},
		{name: "the queues carry nothing", want: calibrate.ErrNoLoad, text: "queue of the download", fault: func(l *line, _ *calibrate.Config) { l.bypassed = true }},
		{name: "no reflector answers", want: calibrate.ErrNoReply, change: func(c *linksim.Config) { c.Blackout = func(time.Duration) bool { return true } }},
		{name: "the budget is spent at once", text: "before anything could be told", fault: func(_ *line, c *calibrate.Config) { c.MaxBytes = 2_000_000 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tt.start == [2]bitrate.Rate{} {
					tt.start = usual
				}
				l := newLine(t, tt.start, tt.change)
				cfg := config(l)
				if tt.fault != nil {
					tt.fault(l, &cfg)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.after > 0 {
					time.AfterFunc(tt.after, cancel)
				}
				_, err := calibrate.Run(ctx, cfg)
				if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("error %v, want %v %q", err, tt.want, tt.text)
				}
				l.check(t)
			})
		})
	}
}

// A panic of what is called is no reason to leave the limits lifted.
func TestLimitsAreRestoredAfterPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, nil)
		cfg := config(l)
		cfg.Tell = func(p calibrate.Progress) {
			if p.Phase.Kind == calibrate.Before {
				panic("told")
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_, _ = calibrate.Run(t.Context(), cfg)
		}()
		time.Sleep(time.Second)
		l.check(t)
	})
}

func TestNotRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, nil)
		cfg := config(l)
		cfg.Router = unrestorable{l}
		res, err := calibrate.Run(t.Context(), cfg)
		if !errors.Is(err, calibrate.ErrNotRestored) || !errors.Is(err, errRefused) || !res.Directions[0].Measured {
			t.Errorf("error %v, result %+v", err, res.Directions)
		}
	})
}

type unrestorable struct{ *line }

func (unrestorable) Restore(context.Context) error { return errRefused }

// What was measured before the budget was spent counts, and the load ends at once.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, nil)
		cfg := config(l)
		cfg.MaxBytes = 70_000_000 // the download takes 60 MB, the upload 15
		res, err := calibrate.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		l.check(t)
		if res.Bytes > cfg.MaxBytes+3_000_000 {
			t.Errorf("%s used of %s", calibrate.Size(res.Bytes), calibrate.Size(cfg.MaxBytes))
		}
		within(t, "download capacity", res.Directions[0].Capacity.Mean, 40*mbps, 3)
		if res.Directions[0].After.Samples > 0 || len(res.Notes) == 0 || !strings.Contains(res.Notes[0]+strings.Join(res.Notes, " "), "budget") {
			t.Errorf("after %+v, notes %q", res.Directions[0].After, res.Notes)
		}
	})
}

// A router's answers that fail to come for a moment are no reason to give up.
func TestSlowHandover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, nil)
		cfg := config(l)
		cfg.Router = &silentRouter{line: l, from: l.epoch.Add(18 * time.Second), until: l.epoch.Add(21 * time.Second)}
		res, err := calibrate.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		within(t, "download capacity", res.Directions[0].Capacity.Mean, 40*mbps, 3)

		cfg.Router = &silentRouter{line: l, from: time.Now().Add(18 * time.Second), until: time.Now().Add(time.Hour)}
		if _, err := calibrate.Run(t.Context(), cfg); !errors.Is(err, errRefused) {
			t.Errorf("error %v of a router that is silent for good", err)
		}
		l.check(t)
	})
}

type silentRouter struct {
	*line
	from, until time.Time
}

func (s *silentRouter) Counters(ctx context.Context) ([2]autorate.Counters, error) {
	if now := time.Now(); now.After(s.from) && now.Before(s.until) {
		return [2]autorate.Counters{}, errRefused
	}
	return s.line.Counters(ctx)
}

func TestKindsOfLines(t *testing.T) {
	for _, tt := range []struct {
		name       string
		change     func(*linksim.Config)
		plan       func(*calibrate.Config)
		capacity   [2]bitrate.Rate
		notes      string // part of one of them
		controlled [2]bool
		percent    float64
	}{
		{name: "one direction", capacity: [2]bitrate.Rate{0, 10 * mbps}, controlled: [2]bool{false, true}, percent: 3},
		{name: "a fortieth of the ceilings", controlled: [2]bool{true, true}, percent: 5,
			change: func(c *linksim.Config) {
				c.Capacity = [2]func(time.Duration) bitrate.Rate{linksim.Constant(1200 * bitrate.Kbps), linksim.Constant(300 * bitrate.Kbps)}
				c.Buffer = [2]int{60_000, 20_000}
			}, capacity: [2]bitrate.Rate{1200 * bitrate.Kbps, 300 * bitrate.Kbps}},
		{name: "three times the ceiling", controlled: [2]bool{true, true}, percent: 5,
			change: func(c *linksim.Config) {
				c.Capacity[0] = linksim.Constant(150 * mbps)
				c.Buffer[0] = 4_000_000
			}, capacity: [2]bitrate.Rate{150 * mbps, 10 * mbps}},
		{name: "more than the limit that is lifted", controlled: [2]bool{true, true}, percent: 5, notes: "raise its ceiling_mbps",
			change: func(c *linksim.Config) {
				c.Capacity[0] = linksim.Constant(600 * mbps)
				c.Buffer[0] = 9_000_000
			}, capacity: [2]bitrate.Rate{200 * mbps, 10 * mbps}},
		{name: "a line with a short queue of its own", controlled: [2]bool{true, true}, percent: 8, notes: "short queue of its own",
			change:   func(c *linksim.Config) { c.Queue = [2]linksim.Discipline{linksim.FQCoDel, linksim.FQCoDel} },
			capacity: [2]bitrate.Rate{40 * mbps, 10 * mbps}},
		{name: "cable", controlled: [2]bool{true, true}, percent: 5,
			change:   func(c *linksim.Config) { c.Jitter = linksim.DOCSIS },
			capacity: [2]bitrate.Rate{40 * mbps, 10 * mbps}},
		{name: "in use while it should be idle", controlled: [2]bool{true, true}, percent: 25, notes: "should have been idle",
			change: func(c *linksim.Config) {
				c.ShortFlows[0] = linksim.Constant(12 * mbps)
			}, capacity: [2]bitrate.Rate{40 * mbps, 10 * mbps}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLine(t, usual, tt.change)
				cfg := config(l)
				cfg.Controlled = tt.controlled
				res, err := calibrate.Run(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				l.check(t)
				for d, want := range tt.capacity {
					if dir := res.Directions[d]; dir.Measured != (want > 0) {
						t.Errorf("direction %d: %+v", d, dir)
					} else if want > 0 {
						within(t, autorate.Direction(d).String(), dir.Capacity.Mean, want, tt.percent)
						if dir.Proposed.Floor > max(want/4, 100*bitrate.Kbps) || dir.Proposed.Ceiling < dir.Proposed.Floor {
							t.Errorf("direction %d: %+v", d, dir.Proposed)
						}
					}
				}
				if tt.notes != "" && !strings.Contains(strings.Join(res.Notes, "\n"), tt.notes) || tt.notes == "" && len(res.Notes) > 0 {
					t.Errorf("notes %q, want %q", res.Notes, tt.notes)
				}
			})
		})
	}
}

// Where the capacity walks, no constant limit fits, and that is said.
func TestVaryingLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, func(c *linksim.Config) {
			var steps []linksim.At[bitrate.Rate]
			for i := range 100 {
				steps = append(steps, linksim.At[bitrate.Rate]{Time: time.Duration(i) * 2 * time.Second, Value: []bitrate.Rate{40 * mbps, 18 * mbps, 28 * mbps}[i%3]})
			}
			c.Capacity[0] = linksim.Steps(40*mbps, steps...)
		})
		res, err := calibrate.Run(t.Context(), config(l))
		if err != nil {
			t.Fatal(err)
		}
		dir := res.Directions[0]
		if !dir.Capacity.Varies() || dir.Proposed.Ceiling < 30*mbps || dir.Proposed.Floor > 9*mbps || !strings.Contains(strings.Join(res.Notes, "\n"), "varies") {
			t.Errorf("%+v, %+v, notes %q", dir.Capacity, dir.Proposed, res.Notes)
		}
	})
}

// A line whose queue grows already a little below its capacity gets a lower ceiling.
func TestLowerCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, func(c *linksim.Config) {
			c.Cross[1] = func(at time.Duration) bitrate.Rate { // others, once the limits are tried
				if at > 45*time.Second {
					return 900 * bitrate.Kbps
				}
				return 0
			}
		})
		res, err := calibrate.Run(t.Context(), config(l))
		if err != nil {
			t.Fatal(err)
		}
		within(t, "upload ceiling", res.Directions[1].Proposed.Ceiling, 9*mbps, 2)
		if up := res.Directions[1]; up.After.P95 > res.Idle.P95+10*ms || up.Limit != up.Proposed.Ceiling {
			t.Errorf("after %+v, limit %v, proposed %v", up.After, up.Limit, up.Proposed)
		}
		within(t, "download ceiling", res.Directions[0].Proposed.Ceiling, 38*mbps, 2)
	})
}

// Natural traffic that fills the download now and then, and never the upload.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, func(c *linksim.Config) {
			c.Flows[0] = func(at time.Duration) int {
				if at > 10*time.Second && at%(20*time.Second) > 8*time.Second {
					return 3
				}
				return 0
			}
			c.ShortFlows[1] = linksim.Constant(500 * bitrate.Kbps)
		})
		cfg := config(l)
		cfg.Watch, cfg.Load, cfg.LoadLength = true, nil, 2*time.Minute
		res, err := calibrate.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		l.check(t)
		within(t, "download capacity", res.Directions[0].Capacity.Mean, 40*mbps, 4)
		if down := res.Directions[0]; down.Before.P50 < 50*ms || down.After.Samples == 0 || down.After.P50 > 10*ms {
			t.Errorf("before %+v, after %+v", down.Before, down.After)
		}
		if res.Directions[1].Measured || res.Proposed.Ceiling[1] != cfg.Current.Ceiling[1] || !strings.Contains(strings.Join(res.Notes, "\n"), "upload was never full") {
			t.Errorf("upload %+v, notes %q", res.Directions[1], res.Notes)
		}
	})
}

func TestWatchWithoutLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, nil)
		cfg := config(l)
		cfg.Watch, cfg.Load, cfg.LoadLength = true, nil, time.Minute
		if _, err := calibrate.Run(t.Context(), cfg); !errors.Is(err, calibrate.ErrNoLoad) {
			t.Errorf("error %v", err)
		}
		l.check(t)
	})
}

func TestSize(t *testing.T) {
	for bytes, want := range map[uint64]string{0: "0 kB", 40_000: "40 kB", 2_500_000: "2.5 MB", 70_000_000: "70 MB", 3_400_000_000: "3.4 GB"} {
		if got := calibrate.Size(bytes); got != want {
			t.Errorf("%d bytes: %s, want %s", bytes, got, want)
		}
	}
}

// The first loaded phase is what a budget has to allow: of the download, or of the only
// direction there is.
func TestLeastBytes(t *testing.T) {
	p := calibrate.Plan{Controlled: [2]bool{true, true}, Expected: [2]bitrate.Rate{80 * mbps, 8 * mbps}, LoadLength: 10 * time.Second}
	if least, all := p.LeastBytes(), p.Bytes(); least != 105_000_000 || all != 231_000_000 {
		t.Errorf("least %d of %d", least, all)
	}
	p.Controlled[0] = false
	if least, all := p.LeastBytes(), p.Bytes(); least != 10_500_000 || all != 2*least {
		t.Errorf("least %d of %d", least, all)
	}
	if p.Watch = true; p.LeastBytes() != 0 {
		t.Errorf("watching takes %d", p.LeastBytes())
	}
}

// A budget of LeastBytes is enough to measure a line that carries its ceiling.
func TestLeastBudgetSuffices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, usual, nil)
		cfg := config(l)
		cfg.Expected = [2]bitrate.Rate{40 * mbps, 10 * mbps}
		cfg.MaxBytes = cfg.LeastBytes()
		res, err := calibrate.Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		l.check(t)
		within(t, "download capacity", res.Directions[0].Capacity.Mean, 40*mbps, 3)
	})
}
