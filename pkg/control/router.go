package control

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// job is one call to the router: a read of the limits, or a write of those
// that are not 0.
type job struct {
	read bool
	want Limits
}

type result struct {
	job    job
	limits Limits
	took   time.Duration
	err    error
	dry    bool
}

// writer does one job at a time. The loop keeps no queue of them: it decides
// anew when the writer is free, so that the newest wish is what gets written.
func (l *Loop) writer(ctx context.Context) {
	for j := range l.jobs {
		start := time.Now()
		r := result{job: j}
		if j.read {
			r.limits, r.err = l.cfg.Limiter.Limits(ctx)
		} else {
			r.limits, r.err = l.cfg.Limiter.SetLimits(ctx, j.want)
		}
		r.took = time.Since(start)
		l.results <- r
	}
}

type poll struct {
	reading autorate.Reading
	took    time.Duration
	err     error
}

// poller reads the counters whenever the loop asks. It has no clock of its own:
// every timer is one more wake-up, and the loop knows best when to look.
func (l *Loop) poller(ctx context.Context) {
	for range l.pollNow {
		start := time.Now()
		counters, err := l.cfg.Meter.Counters(ctx)
		took := time.Since(start)
		// The counters were true about when half the time had passed.
		l.polls <- poll{took: took, err: err, reading: autorate.Reading{At: l.now() - took/2, Queues: counters}}
	}
}

// pollIfDue asks for counters: every PollBase, more often while a queue stands,
// less often while nothing happens, and seldom enough that a slow router keeps
// most of its time for the writes.
func (l *Loop) pollIfDue(now time.Duration) {
	urgent := l.dec.Excess > l.dec.Threshold && l.pollRetry.Failures() == 0 && now-l.polledAt >= max(l.cfg.Law.Tick, 3*l.pollTook)
	if l.polling || now < l.pollAt && !urgent {
		return
	}
	l.polling, l.polledAt = true, now
	l.pollNow <- struct{}{}
}

// polled takes in counters and decides when to look again.
func (l *Loop) polled(p poll) {
	now := l.now()
	l.polling, l.pollTook = false, p.took
	l.cfg.Observer.Polled(p.took, p.err)
	if p.err != nil {
		l.pollAt = now + l.pollRetry.Fail(now)
		l.status.PollErrors++
		l.status.PollError = p.err
		return
	}
	l.pollRetry.Reset()
	l.status.PollError = nil
	l.status.LastRouter, l.status.RouterTook = p.reading.At, p.took
	every := autorate.PollBase
	if l.dec.Quiet() {
		every = autorate.PollQuiet
	}
	// Half a tick early, so that the tick that is due is not missed.
	l.pollAt = max(l.polledAt+every, now+2*p.took) - l.cfg.Law.Tick/2
	if len(l.readings) == cap(l.readings) {
		l.readings = l.readings[:copy(l.readings, l.readings[1:])]
	}
	l.readings = append(l.readings, p.reading)
}
