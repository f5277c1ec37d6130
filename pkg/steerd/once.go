package steerd

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
)

const (
	// onceTries bounds the attempts at each thing that one assessment needs.
	onceTries = 3
	// maxPause bounds the time over which drops are counted: the law treats two
	// readings further apart as a gap.
	maxPause = time.Second
	// counterTimeout is a little longer than the law waits for counters before it
	// uses the round-trip time alone.
	counterTimeout = 2500 * time.Millisecond
	// onceValidFor is how long readings count as current: there will be no newer ones,
	// however slow the router is.
	onceValidFor = 5 * time.Minute
)

// Once measures enough for one assessment, decides, changes the rule when the law
// says so, and returns the outcome. Whether one assessment suffices depends on
// Config.Memory, which streaks and hold-down continue from.
//
// Failures to read or write are in the Record; the error is that of a ctx that
// ended. Once is used instead of Run.
func (l *Loop) Once(ctx context.Context) (Record, error) {
	defer close(l.ended)
	writes, abandon := contextForWrites(ctx)
	defer abandon()

	l.stale = onceValidFor
	l.apply(ctx, writes, func() bool { return l.rule.usable })
	pollWithRetries(ctx, l, &l.meter, PartCounters)
	// This step assesses nothing. It starts the law's wait for counters, and the
	// second reading is compared with the first.
	l.step(l.now(), 0, false)
	if l.meter.valid {
		pause(ctx, min(l.cfg.Interval, maxPause))
		pollWithRetries(ctx, l, &l.meter, PartCounters)
	} else {
		pause(ctx, counterTimeout)
	}
	pollWithRetries(ctx, l, &l.alternate, parts)
	pollWithRetries(ctx, l, &l.path, PartPath)
	if ctx.Err() == nil {
		l.step(l.now(), 0, l.path.fresh)
		l.applyDryRun()
	}
	if l.rule.usable && !l.cfg.DryRun {
		target := l.dec.Steer
		l.apply(ctx, writes, func() bool { return l.rule.usable && l.rule.enabled == target })
	}
	return l.answer(true), ctx.Err()
}

// pollWithRetries reads one input, with a few tries.
func pollWithRetries[T any](ctx context.Context, l *Loop, s *poller[T], p Part) {
	if s.fetch == nil {
		return
	}
	s.failures = 0
	for s.failures < onceTries && ctx.Err() == nil {
		s.record(l.now(), l.cfg.Interval, s.poll(ctx))
		if p < parts {
			l.reportFailure(p, s.err)
		}
		if s.err == nil {
			return
		}
		if s.failures < onceTries {
			pause(ctx, backoff.Delay(s.failures))
		}
	}
}

// apply reads and changes the rule until done returns true, nothing is left to do,
// or too many calls failed. Every failed write is followed by a reading.
func (l *Loop) apply(ctx, writes context.Context, done func() bool) {
	read, writeDone := 0, 0 // failed calls
	for !done() && ctx.Err() == nil && read < onceTries && (!l.rule.usable || writeDone < onceTries) {
		// Only a write waits for the write before it.
		until := l.rule.retry.Until()
		if l.rule.usable {
			until = max(until, l.rule.rewrite.Until())
		}
		pause(ctx, until-l.now())
		j, due := l.next(l.now())
		if !due {
			return
		}
		r := l.call(ctx, writes, j)
		l.handleResult(r)
		switch {
		case r.err != nil && j.set:
			writeDone++
		case r.err != nil:
			read++
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
