package control

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// calls are the requests to a router, limits and polls apart: when both are
// made at the same instant their order does not matter.
type calls struct {
	limits []limitsCall
	polls  []time.Duration
}

type limitsCall struct {
	At   time.Duration
	Op   actuate.Op
	Want Limits
}

func (c *calls) add(at time.Duration, job actuate.Job) {
	if job.Op == actuate.None {
		c.polls = append(c.polls, at)
		return
	}
	c.limits = append(c.limits, limitsCall{at, job.Op, job.Want})
}

// liveWAN is for the live loop what package simrun is for a controller: the same
// link behind a router that takes its time. The link is advanced by whoever asks
// it, so that what happens at one instant always happens in the same order.
type liveWAN struct {
	epoch  time.Time
	router simrun.Router
	events chan rtt.Event

	mu      sync.Mutex
	link    *linksim.Link
	foreign []simrun.Change
	free    time.Duration // when a serial router can take the next request
	calls   calls
}

func (w *liveWAN) now() time.Duration { return time.Since(w.epoch) }

// advance brings the link to the present; mu must be held.
func (w *liveWAN) advance() {
	now := w.now()
	for len(w.foreign) > 0 && w.foreign[0].At <= now {
		w.link.Advance(w.foreign[0].At)
		w.link.SetLimit(w.foreign[0].Direction, w.foreign[0].Limit)
		w.foreign = w.foreign[1:]
	}
	w.link.Advance(now)
}

// setSlow is the Prober's too. A tick calls it.
func (w *liveWAN) setSlow(slow bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.link.SetSlowProbes(slow)
}

// Events implements Prober. A tick asks for it until nothing is left.
func (w *liveWAN) Events() <-chan rtt.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	for _, e := range w.link.Events() {
		w.events <- e
	}
	return w.events
}

// request takes the router's time, with what it does in the middle or at the end.
func (w *liveWAN) request(job actuate.Job, middle, end func()) error {
	now := w.now()
	if job.Op == actuate.None {
		time.Sleep(time.Nanosecond) // where both are asked for by one tick, limits go first
	}
	w.mu.Lock()
	w.calls.add(now, job)
	begin := now
	if w.router.Serial {
		begin = max(now, w.free)
	}
	took := w.router.Latency(nil)
	w.free = begin + took
	w.mu.Unlock()
	for _, step := range []struct {
		at time.Duration
		do func()
	}{{begin + took/2, middle}, {begin + took, end}} {
		time.Sleep(step.at - w.now())
		w.mu.Lock()
		w.advance()
		refuses := w.router.Refuses != nil && w.router.Refuses(begin+took)
		if step.do != nil && !refuses {
			step.do()
		}
		w.mu.Unlock()
		if refuses && w.now() >= begin+took {
			return errors.New("refused")
		}
	}
	return nil
}

func (w *liveWAN) limits() Limits { return Limits{w.link.Limit(0), w.link.Limit(1)} }

func (w *liveWAN) Limits(context.Context) (r Reading, err error) {
	err = w.request(actuate.Job{Op: actuate.Read}, nil, func() { r.Limits = w.limits() })
	return r, err
}

func (w *liveWAN) SetLimits(_ context.Context, want Limits) (l Limits, err error) {
	var refused WriteError
	err = w.request(actuate.Job{Op: actuate.Write, Want: want}, nil, func() {
		for _, d := range autorate.Directions {
			switch {
			case want[d] == 0:
			case w.router.Denies != nil && w.router.Denies(d, w.now()):
				refused[d] = errDenied
			default:
				w.link.SetLimit(d, want[d])
			}
		}
		l = w.limits()
	})
	if err == nil && refused != (WriteError{}) {
		err = &refused
	}
	return l, err
}

var errDenied = errors.New("denied")

func (w *liveWAN) Counters(context.Context) (c [2]autorate.Counters, err error) {
	err = w.request(actuate.Job{}, func() { c = [2]autorate.Counters{w.link.Counters(0), w.link.Counters(1)} }, nil)
	return c, err
}

func newLiveWAN(sc scenario.Scenario, router simrun.Router, start *Limits) *liveWAN {
	again := sc.Simulation(1, nil, router, start)
	return &liveWAN{
		epoch: time.Now(), router: router, events: make(chan rtt.Event, 1024),
		link: again.Link, foreign: router.Foreign,
	}
}

// run runs the loop for length, and beside it what is given, half a tick later.
func (w *liveWAN) run(t *testing.T, sc scenario.Scenario, start Limits, length time.Duration, beside func(context.Context, *Loop)) {
	t.Helper()
	l := New(Config{
		Law: sc.LawConfig(), Start: start, Epoch: w.epoch,
		Prober: w, Limiter: w, Meter: w,
		Refused:    func(err error) bool { return errors.Is(err, errDenied) },
		SlowProbes: rtt.SlowInterval, SetSlow: w.setSlow,
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	if beside != nil {
		wg.Go(func() {
			time.Sleep(25 * time.Millisecond)
			beside(ctx, l)
		})
	}
	time.Sleep(length)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}

// The simulator measures what the live loop does: on the same link and behind
// the same router both make the same requests at the same times, for longer than a
// refused write waits.
func TestSimulationMatchesTheLoop(t *testing.T) {
	constant := func(d time.Duration) func(*rand.Rand) time.Duration {
		return func(*rand.Rand) time.Duration { return d }
	}
	const ms, s = time.Millisecond, time.Second
	for _, tt := range []struct {
		name, scenario string
		router         simrun.Router
		start          *Limits
	}{
		{"step", "step-download", simrun.Router{Latency: constant(14 * ms)}, nil},
		{"write budget", "lte-walk", simrun.Router{Latency: constant(4 * ms)}, nil},
		{"slow router", "both-step", simrun.Router{Latency: constant(114 * ms)}, nil},
		{"one request at a time", "both-step", simrun.Router{Latency: constant(62 * ms), Serial: true}, nil},
		{"refusals", "step-download", simrun.Router{
			Latency: constant(14 * ms), Refuses: linksim.During(false, true, 24*s, 31*s),
		}, nil},
		{"denied writes of one direction", "both-step", simrun.Router{
			Latency: constant(14 * ms), Denies: func(d autorate.Direction, at time.Duration) bool {
				return d == autorate.Download && at < 75*s
			},
		}, nil},
		{"external change", "fixed-download", simrun.Router{Latency: constant(14 * ms), Foreign: []simrun.Change{
			{At: 32 * s, Direction: autorate.Download, Limit: 17 * bitrate.Mbps},
			{At: 47 * s, Direction: autorate.Upload, Limit: 11_050_000},
		}}, nil},
		{"slow probes, and load that begins", "wake-evening", simrun.Router{Latency: constant(14 * ms)}, nil},
		{"start out of bounds", "idle", simrun.Router{Latency: constant(14 * ms)}, &Limits{44_200_000, 900_000}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if testing.Short() && tt.scenario != "both-step" {
				t.Skip("not in -short mode")
			}
			sc := named(tt.scenario)
			start := sc.Ceiling
			if tt.start != nil {
				start = *tt.start
			}
			var simulated calls
			run := sc.Simulation(1, autorate.New(sc.LawConfig(), start), tt.router, tt.start)
			run.Called = simulated.add
			length := max(100*s, min(sc.To, 160*s)) + ms
			run.Run(0, length)

			synctest.Test(t, func(t *testing.T) {
				w := newLiveWAN(sc, tt.router, tt.start)
				w.run(t, sc, start, length, nil)
				compareCalls(t, simulated, w.calls)
			})
		})
	}
}

func compareCalls(t *testing.T, simulated, live calls) {
	t.Helper()
	if len(simulated.limits) < 5 || len(simulated.polls) < 100 {
		t.Fatalf("only %d calls for limits and %d polls", len(simulated.limits), len(simulated.polls))
	}
	from := func(i int) int { return max(0, i-2) }
	for i := range max(len(simulated.limits), len(live.limits)) {
		if i >= min(len(simulated.limits), len(live.limits)) || simulated.limits[i] != live.limits[i] {
			t.Errorf("calls for limits differ from number %d on (-simulated +live):\n%s", i,
				cmp.Diff(clip(simulated.limits, from(i)), clip(live.limits, from(i))))
			break
		}
	}
	for i := range max(len(simulated.polls), len(live.polls)) {
		if i >= min(len(simulated.polls), len(live.polls)) || simulated.polls[i] != live.polls[i] {
			t.Errorf("polls differ from number %d on (-simulated +live):\n%s", i,
				cmp.Diff(clip(simulated.polls, from(i)), clip(live.polls, from(i))))
			break
		}
	}
}

// clip is some of what follows from.
func clip[T any](list []T, from int) []T {
	list = list[min(from, len(list)):]
	return slices.Clone(list[:min(len(list), 6)])
}
