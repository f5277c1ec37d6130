package calibrate_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/calibrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

const (
	mbps = bitrate.Mbps
	ms   = time.Millisecond
)

// line is a simulated link with its router, probes and load. It runs in a synctest
// bubble, where its time is virtual.
type line struct {
	epoch  time.Time
	events chan rtt.Event
	start  [2]bitrate.Rate

	// Faults: any of them may be nil.
	loadFails func(d autorate.Direction) error
	setFails  func(n int) error // of the n-th write
	bypassed  bool              // the counters stand still

	mu       sync.Mutex // protects the following fields
	link     *linksim.Link
	flows    [2]int
	writes   [][2]bitrate.Rate
	restored int
}

// newLine returns a line of 40 and 10 Mbit/s unless change makes another one of it,
// behind limits of start.
func newLine(t *testing.T, start [2]bitrate.Rate, change func(*linksim.Config)) *line {
	t.Helper()
	l := &line{epoch: time.Now(), events: make(chan rtt.Event, 4096), start: start}
	cfg := linksim.Config{
		Seed: 3, BaseRTT: linksim.Constant(24 * ms), Buffer: [2]int{1_200_000, 300_000}, Jitter: linksim.DSL, Limit: start,
		Burst: 10, AckShare: 1.0 / 40,
	}
	for d, capacity := range [2]bitrate.Rate{40 * mbps, 10 * mbps} {
		cfg.Capacity[d] = linksim.Constant(capacity)
		cfg.Flows[d] = func(time.Duration) int { return l.flows[d] }
	}
	if change != nil {
		change(&cfg)
	}
	l.link = linksim.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return l
}

func (l *line) run(ctx context.Context) {
	tick := time.NewTicker(5 * ms)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		l.mu.Lock()
		l.link.Advance(time.Since(l.epoch))
		for _, e := range l.link.Events() {
			select {
			case l.events <- e:
			default:
			}
		}
		l.mu.Unlock()
	}
}

func (l *line) Events() <-chan rtt.Event { return l.events }

func (l *line) SetLimits(ctx context.Context, limits [2]bitrate.Rate) error {
	time.Sleep(8 * ms)
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.setFails != nil {
		if err := l.setFails(len(l.writes)); err != nil {
			return err
		}
	}
	l.set(limits)
	return nil
}

func (l *line) set(limits [2]bitrate.Rate) {
	l.writes = append(l.writes, limits)
	for d, limit := range limits {
		if limit != 0 {
			l.link.SetLimit(autorate.Direction(d), limit)
		}
	}
}

func (l *line) Restore(ctx context.Context) error {
	time.Sleep(8 * ms)
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for d, limit := range l.start {
		l.link.SetLimit(autorate.Direction(d), limit)
	}
	l.restored++
	return nil
}

func (l *line) Counters(ctx context.Context) (c [2]autorate.Counters, err error) {
	time.Sleep(8 * ms)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.bypassed {
		c = [2]autorate.Counters{l.link.Counters(0), l.link.Counters(1)}
	}
	return c, ctx.Err()
}

// Run implements calibrate.Load: four flows, as iperf3 -P 4 has.
func (l *line) Run(ctx context.Context, d autorate.Direction, length time.Duration) (calibrate.Transfer, error) {
	if l.loadFails != nil {
		if err := l.loadFails(d); err != nil {
			return calibrate.Transfer{}, err
		}
	}
	l.setFlows(d, 4)
	defer l.setFlows(d, 0)
	ramp := calibrate.RampUp(length)
	if err := wait(ctx, ramp); err != nil {
		return calibrate.Transfer{}, err
	}
	sent, delivered := l.carried(d)
	if err := wait(ctx, length-ramp); err != nil {
		return calibrate.Transfer{}, err
	}
	sentAfter, deliveredAfter := l.carried(d)
	carried := deliveredAfter - delivered
	return calibrate.Transfer{
		Rate:   bitrate.Rate(carried * 8 / (length - ramp).Seconds() * 1448 / 1514),
		Resent: max(0, 1-carried/(sentAfter-sent)),
	}, nil
}

func wait(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func (l *line) setFlows(d autorate.Direction, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flows[d] = n
}

// carried returns the bytes that the router has sent in d, and those that arrived.
func (l *line) carried(d autorate.Direction) (sent, delivered float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return float64(l.link.Counters(d).Bytes), l.link.Delivered(d)
}

// check fails the test unless the limits are as they were.
func (l *line) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for d, want := range l.start {
		if got := l.link.Limit(autorate.Direction(d)); got != want {
			t.Errorf("%v limit afterwards %v, before %v", autorate.Direction(d), got, want)
		}
	}
	if l.restored == 0 {
		t.Error("nothing was restored")
	}
	if l.flows != [2]int{} {
		t.Errorf("load that goes on: %v", l.flows)
	}
}

var errRefused = errors.New("refused")

func config(l *line) calibrate.Config {
	return calibrate.Config{
		Plan: calibrate.Plan{
			Controlled: [2]bool{true, true}, Expected: [2]bitrate.Rate{50 * mbps, 12 * mbps},
			IdleLength: 10 * time.Second, LoadLength: 12 * time.Second,
		},
		Start: l.start, Interval: rtt.ProbeInterval, Timeout: time.Second, Epoch: l.epoch,
		Current: calibrate.Settings{
			Ceiling: [2]bitrate.Rate{50 * mbps, 12 * mbps}, Floor: [2]bitrate.Rate{20 * mbps, mbps},
			Target: 15 * ms, Warn: 45 * ms, HardRed: 80 * ms, BaselineMin: ms, BaselineMax: 500 * ms,
		},
		Prober: l, Router: l, Load: l,
	}
}
