package control

import (
	"context"
	"slices"
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

// poller reads counters at pollBase, slower on a router that is slow: it must
// keep most of its time for the writes.
func (l *Loop) poller(ctx context.Context) {
	timer := time.NewTimer(pollBase)
	defer timer.Stop()
	failed := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		start := time.Now()
		counters, err := l.cfg.Meter.Counters(ctx)
		if ctx.Err() != nil {
			return
		}
		took := time.Since(start)
		// The counters were true about when half the time had passed.
		p := poll{took: took, err: err, reading: autorate.Reading{At: l.now() - took/2, Queues: counters}}
		wait := max(pollBase-took, 2*took)
		if err != nil {
			failed++
			wait = backoff(failed)
		} else {
			failed = 0
		}
		select {
		case l.polls <- p:
		case <-ctx.Done():
			return
		}
		timer.Reset(wait)
	}
}

// backoff is the pause after the n-th failure in a row.
func backoff(n int) time.Duration {
	return min(10*time.Second, 250*time.Millisecond<<min(n-1, 6))
}

// latency keeps the last few write times.
type latency struct {
	took [16]time.Duration
	n    int
}

func (l *latency) add(d time.Duration) {
	l.took[l.n%len(l.took)] = d
	l.n++
}

// p90 returns the 90th percentile, or a guess before the first write.
func (l *latency) p90() time.Duration {
	n := min(l.n, len(l.took))
	if n == 0 {
		return 20 * time.Millisecond
	}
	sorted := l.took
	slices.Sort(sorted[:n])
	return sorted[min(n-1, n*9/10)]
}
