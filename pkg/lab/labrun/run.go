//go:build linux

package labrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab"
)

const (
	meterInterval = 100 * time.Millisecond
	idleTime      = time.Second // in which the pinger learns the idle RTT
	lastAnswers   = time.Second // in which the pinger waits for late replies
)

// Run plays a scenario against a controller and records it. A controller that
// dies early is an error, and so is anything that makes the record worthless;
// the record is returned as far as it goes.
func Run(ctx context.Context, l *lab.Lab, s Scenario, c Controller) (*Record, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{lab: l, scenario: s, controller: c, record: &Record{
		Scenario: s, Controller: c.Name, Delay: 2 * l.Config().Delay, Begin: l.Now(),
	}}
	l.ResetLineStats()
	dropped := l.LineStats().Dropped
	err := r.play(ctx)
	r.record.End = l.Now()
	r.record.Limits = since(l.Limits(), r.record.Begin)
	r.record.Capacity = since(l.Capacities(), r.record.Begin)
	line := l.LineStats()
	r.record.Line = LineStats{LateP99: line.LateP99, LateMax: line.LateMax, Dropped: line.Dropped - dropped}
	if err != nil {
		return r.record, fmt.Errorf("scenario %s against %s: %w", s.Name, c.Name, err)
	}
	return r.record, nil
}

func since(changes []lab.Change, t time.Duration) []lab.Change {
	i := slices.IndexFunc(changes, func(c lab.Change) bool { return c.At >= t })
	if i < 0 {
		return nil
	}
	return slices.Clone(changes[i:])
}

// run is one scenario being played.
type run struct {
	lab        *lab.Lab
	scenario   Scenario
	controller Controller
	record     *Record
	process    *process // nil: no program
}

func (r *run) play(ctx context.Context) (err error) {
	if err := r.prepare(); err != nil {
		return err
	}
	pinger, err := StartPinger(r.lab, lab.PingerAddr)
	if err != nil {
		return err
	}
	defer func() {
		samples, jerr := pinger.Stop()
		r.record.Pinger = samples
		err = errors.Join(err, jerr)
	}()
	if err := sleep(ctx, idleTime); err != nil {
		return err
	}
	r.record.Start = r.lab.Now()
	if err := r.startController(); err != nil {
		return err
	}
	defer r.stopController()

	meter, stopMeter := context.WithCancel(ctx)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.meter(meter) })
	g.Go(func() error {
		defer stopMeter()
		if err := sleep(gctx, r.scenario.Warmup); err != nil {
			return err
		}
		r.record.LoadStart = r.lab.Now()
		events, ectx := errgroup.WithContext(gctx)
		events.Go(func() error { return r.load(ectx) })
		events.Go(func() error { return r.follow(ectx) })
		err := events.Wait()
		r.record.LoadEnd = min(r.lab.Now(), r.record.LoadStart+r.scenario.Duration)
		return errors.Join(err, wait(gctx, max(lastAnswers, r.scenario.Cooldown), r.controller.Done))
	})
	return g.Wait()
}

// prepare brings the link to where the scenario begins.
func (r *run) prepare() error {
	for _, d := range autorate.Directions {
		if err := errors.Join(
			r.lab.SetLimit(d, r.controller.Limits[d]),
			r.setCapacity(d, r.lab.Config().Capacity[d]),
		); err != nil {
			return err
		}
	}
	r.setPath(PathStep{})
	r.lab.SetICMP(lab.ICMP{EchoesPerSecond: r.scenario.EchoesPerSecond})
	for _, e := range r.events() {
		if e.at <= 0 {
			if err := e.do(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) startController() (err error) {
	if r.controller.Command == nil {
		return nil
	}
	r.process, err = startProcess(r.controller.Command())
	return err
}

func (r *run) stopController() {
	if r.process != nil {
		r.record.Usage = r.process.stop()
	}
}

// load runs the transfers, or waits as long as they would.
func (r *run) load(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	for _, d := range autorate.Directions {
		if !r.scenario.Load[d] {
			continue
		}
		g.Go(func() error {
			load, err := StartLoad(gctx, r.lab, d, cmp.Or(r.scenario.Streams, 4), r.scenario.Duration)
			if err != nil {
				return err
			}
			if r.controller.LoadDone != nil {
				return errors.Join(r.loadTime(gctx), load.Stop())
			}
			result, err := load.Wait()
			r.record.Payload[d] = result.PayloadMbps
			return err
		})
	}
	g.Go(func() error { return r.loadTime(gctx) })
	return g.Wait()
}

func (r *run) loadTime(ctx context.Context) error {
	return wait(ctx, r.scenario.Duration, r.controller.LoadDone)
}

// event is something that the scenario does to the link.
type event struct {
	at time.Duration
	do func() error
}

// events lists them in order.
func (r *run) events() []event {
	var events []event
	for _, step := range r.scenario.Capacity {
		for d, rate := range [2]bitrate.Rate{step.Download, step.Upload} {
			if rate != 0 {
				events = append(events, event{step.At, func() error { return r.setCapacity(autorate.Direction(d), rate) }})
			}
		}
	}
	for _, step := range r.scenario.Path {
		events = append(events, event{step.At, func() error { r.setPath(step); return nil }})
	}
	if w := r.scenario.Blackout; w.To > w.From {
		events = append(events,
			event{w.From, func() error { r.lab.SetICMP(lab.ICMP{Blackout: true}); return nil }},
			event{w.To, func() error {
				r.lab.SetICMP(lab.ICMP{EchoesPerSecond: r.scenario.EchoesPerSecond})
				return nil
			}})
	}
	for _, w := range r.scenario.Stalls {
		events = append(events,
			event{w.From, func() error { return r.process.signal(unix.SIGSTOP) }},
			event{w.To, func() error { return r.process.signal(unix.SIGCONT) }})
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return events
}

// follow does what the scenario plans for after its beginning, on time.
func (r *run) follow(ctx context.Context) error {
	for _, e := range r.events() {
		if e.at <= 0 {
			continue
		}
		if e.at > r.scenario.Duration {
			break
		}
		if err := sleep(ctx, r.record.LoadStart+e.at-r.lab.Now()); err != nil {
			return err
		}
		if err := e.do(); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) setCapacity(d autorate.Direction, rate bitrate.Rate) error {
	if err := r.lab.SetCapacity(d, rate); err != nil {
		return err
	}
	if r.controller.Share > 0 {
		return r.lab.SetLimit(d, bitrate.Rate(float64(rate)*r.controller.Share))
	}
	return nil
}

func (r *run) setPath(p PathStep) {
	for _, d := range autorate.Directions {
		r.lab.SetDelay(d, r.lab.Config().Delay+p.Extra/2)
		r.lab.SetJitter(d, p.Jitter[d])
	}
	r.record.Path = append(r.record.Path, PathChange{r.lab.Now(), p.Extra})
}

// meter reads the delivered bytes ten times a second until ctx ends, and looks
// after the program under test.
func (r *run) meter(ctx context.Context) error {
	requests := 0
	if r.controller.Requests != nil {
		requests = r.controller.Requests()
	}
	tick := time.NewTicker(meterInterval)
	defer tick.Stop()
	for {
		m := MeterSample{At: r.lab.Now()}
		for _, d := range autorate.Directions {
			var err error
			if m.Delivered[d], err = r.lab.Delivered(d); err != nil {
				return err
			}
		}
		r.record.Meter = append(r.record.Meter, m)
		if r.controller.Requests != nil {
			r.record.Requests = r.controller.Requests() - requests
		}
		if r.process != nil {
			if !r.process.running() {
				return errDied
			}
			r.process.sample()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// wait waits for at most d until done, and returns early if ctx ends. nil is never
// done.
func wait(ctx context.Context, d time.Duration, done func() bool) error {
	if done == nil {
		return sleep(ctx, d)
	}
	for begun := time.Now(); time.Since(begun) < d && !done(); {
		if err := sleep(ctx, meterInterval); err != nil {
			return err
		}
	}
	return nil
}

// sleep waits unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
