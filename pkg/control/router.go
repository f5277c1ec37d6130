package control

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
)

// call is a finished call for limits.
type call struct {
	actuate.Result
	err error
	dry bool // only pretended
}

// writer does one job at a time. The loop keeps no queue of them: it decides
// anew when the writer is free, so that the newest limit is what gets written.
func (l *Loop) writer(ctx context.Context) {
	for job := range l.jobs {
		start := time.Now()
		c := call{Result: actuate.Result{Job: job}}
		if job.Op == actuate.Read {
			var r Reading
			r, c.err = l.cfg.Limiter.Limits(ctx)
			c.Limits, c.Faults = r.Limits, r.Faults
		} else {
			c.Limits, c.err = l.cfg.Limiter.SetLimits(ctx, job.Want)
		}
		c.Took = time.Since(start)
		l.results <- c
	}
}

// answer is a finished poll of the counters.
type answer struct {
	at       time.Duration // when the answer came
	took     time.Duration
	counters [2]autorate.Counters
	err      error
}

// poller reads the counters whenever the loop asks. It has no clock of its own:
// every timer is one more wake-up, and the loop knows best when to poll.
func (l *Loop) poller(ctx context.Context) {
	for range l.pollNow {
		start := time.Now()
		counters, err := l.cfg.Meter.Counters(ctx)
		l.polls <- answer{at: l.now(), took: time.Since(start), counters: counters, err: err}
	}
}

// polled takes in counters.
func (l *Loop) polled(p answer) {
	l.poll = Poll{Took: p.took, Err: p.err}
	l.observe(&l.poll)
	l.status.PollError = p.err
	if p.err != nil {
		l.router.PollFailed(p.at, p.took)
		l.status.PollErrors++
		return
	}
	l.router.Polled(p.at, p.took, p.counters)
	l.status.LastRouter, l.status.RouterTook = p.at-p.took/2, p.took
}
