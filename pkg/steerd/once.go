package steerd

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
)

const (
	// onceTries bounds the attempts at each thing that one assessment needs.
	onceTries = 3
	// longestPause bounds the time over which drops are counted: the law takes
	// two readings further apart for a gap.
	longestPause = time.Second
	// goWithout is a little more than the law waits for counters before it goes
	// by the round-trip time alone.
	goWithout = 2500 * time.Millisecond
	// onceKnown is how long what was found out is known: there will be nothing
	// newer, however slow the router is.
	onceKnown = 5 * time.Minute
)

// Once measures enough for one assessment, decides, changes the rule when the
// law says so, and returns what came of it. Whether one assessment is enough
// depends on Config.Memory: rows of samples and brakes go on from there.
//
// What could not be read or written is told in the Record, not by an error;
// the error is that of a ctx that ended. It takes the place of Run.
func (l *Loop) Once(ctx context.Context) (Record, error) {
	defer close(l.ended)
	writes, abandon := outlive(ctx)
	defer abandon()

	l.stale = onceKnown
	l.settle(ctx, writes, func() bool { return l.rule.sound })
	attempt(ctx, l, &l.meter, PartCounters)
	// This step judges nothing. From it on the law waits for counters, and the
	// first reading is what the second is compared with.
	l.step(l.now(), 0, false)
	if l.meter.ever {
		pause(ctx, min(l.cfg.Interval, longestPause))
		attempt(ctx, l, &l.meter, PartCounters)
	} else {
		pause(ctx, goWithout)
	}
	attempt(ctx, l, &l.neighbour, parts)
	attempt(ctx, l, &l.path, PartPath)
	if ctx.Err() == nil {
		l.step(l.now(), 0, l.path.fresh)
		l.pretend()
	}
	if l.rule.sound && !l.cfg.DryRun {
		wish := l.dec.Steer
		l.settle(ctx, writes, func() bool { return l.rule.sound && l.rule.enabled == wish })
	}
	return l.answer(true), ctx.Err()
}

// attempt finds one thing out, with a few tries.
func attempt[T any](ctx context.Context, l *Loop, s *sense[T], p Part) {
	if s.find == nil {
		return
	}
	s.failures = 0
	for s.failures < onceTries && ctx.Err() == nil {
		s.take(l.now(), l.cfg.Interval, s.look(ctx))
		if p < parts {
			l.tell(p, s.err)
		}
		if s.err == nil {
			return
		}
		if s.failures < onceTries {
			pause(ctx, backoff.Delay(s.failures))
		}
	}
}

// settle reads and changes the rule until done says so, or there is nothing to
// be done, or too much went wrong. A write that failed is followed by a reading,
// also the last one.
func (l *Loop) settle(ctx, writes context.Context, done func() bool) {
	read, written := 0, 0 // how often that failed
	for !done() && ctx.Err() == nil && read < onceTries && (!l.rule.sound || written < onceTries) {
		// Only a write waits for the write before it.
		until := l.rule.retry.Until()
		if l.rule.sound {
			until = max(until, l.rule.rewrite.Until())
		}
		pause(ctx, until-l.now())
		j, due := l.next(l.now())
		if !due {
			return
		}
		r := l.call(ctx, writes, j)
		l.finished(r)
		switch {
		case r.err != nil && j.set:
			written++
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
