package calibrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// measure runs one phase and records it.
func (r *run) measure(ctx context.Context, p Phase) error {
	rec := &recording{Phase: p}
	if p.Limits != [2]bitrate.Rate{} {
		if err := r.Router.SetLimits(ctx, p.Limits); err != nil {
			return err
		}
		if err := r.pause(ctx, rest); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	rec.from = time.Since(r.Epoch)
	done := r.load(ctx, p, rec)
	polls := r.poll(ctx)
	err := r.record(ctx, cancel, rec, done, polls)
	rec.to = time.Since(r.Epoch)
	r.left -= rest + p.Length + overhead
	r.base.learn(rec)
	r.all = append(r.all, rec)
	if err == nil {
		err = r.check(rec)
	}
	return err
}

// load starts the load of a phase. What is sent on the channel ends the phase.
func (r *run) load(ctx context.Context, p Phase, rec *recording) <-chan error {
	done := make(chan error, 1)
	go func() {
		if r.Load == nil || p.Kind == Idle {
			done <- r.pause(ctx, p.Length)
			return
		}
		d := autorate.Download
		if p.Load[autorate.Upload] {
			d = autorate.Upload
		}
		var err error
		rec.transfer, err = r.Load.Run(ctx, d, p.Length) // read after done
		done <- err
	}()
	return done
}

func (r *run) pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// answer is the outcome of reading the counters.
type answer struct {
	reading autorate.Reading
	err     error
}

// poll reads the counters until ctx ends.
func (r *run) poll(ctx context.Context) <-chan answer {
	answers := make(chan answer)
	go func() {
		defer close(answers)
		for {
			began := time.Since(r.Epoch)
			counters, err := r.Router.Counters(ctx)
			// They were read about when half of the time had passed.
			at := began + (time.Since(r.Epoch)-began)/2
			select {
			case answers <- answer{autorate.Reading{At: at, Queues: counters}, err}:
			case <-ctx.Done():
				return
			}
			if r.pause(ctx, pollInterval) != nil {
				return
			}
		}
	}()
	return answers
}

// record takes in what happens until the phase is over.
func (r *run) record(ctx context.Context, cancel context.CancelCauseFunc, rec *recording, done <-chan error, polls <-chan answer) error {
	tick := time.NewTicker(tellInterval)
	defer tick.Stop()
	due := time.Since(r.Epoch) + watchInterval
	watch := time.NewTimer(watchInterval)
	defer watch.Stop()
	defer func(polls <-chan answer) { // both goroutines end before the next phase
		cancel(nil)
		for range polls {
		}
	}(polls)
	answered, first, failed := time.Since(r.Epoch), true, error(nil)
	stop := func(why error) {
		if failed == nil && why != nil {
			failed = why
			cancel(why)
		}
	}
	r.tell(rec, &first)
	for {
		select {
		case err := <-done:
			if failed != nil {
				return failed
			}
			return err
		case e, open := <-r.Prober.Events():
			if !open {
				stop(errors.New("the probes have ended"))
				r.Prober = closed{}
				continue
			}
			rec.observe(e, r.Timeout)
		case a, open := <-polls:
			now := time.Since(r.Epoch)
			switch {
			case !open:
				polls = nil
			case a.err == nil:
				answered = now
				stop(r.count(rec, a.reading))
			case now-answered > answerWithin:
				stop(a.err)
			}
		case <-watch.C:
			now := time.Since(r.Epoch)
			if now-due > lateBy {
				rec.late = append(rec.late, span{due - watchInterval, now})
			}
			due = now + watchInterval
			watch.Reset(watchInterval)
		case <-tick.C:
			r.tell(rec, &first)
		}
	}
}

// closed is a Prober without events.
type closed struct{}

func (closed) Events() <-chan rtt.Event { return nil }

// count takes in counters, and returns why the phase has to end.
func (r *run) count(rec *recording, reading autorate.Reading) error {
	for d, q := range reading.Queues {
		if before := r.last[d].Bytes; r.counted && q.Bytes >= before {
			r.bytes += q.Bytes - before
		}
	}
	r.last, r.counted = reading.Queues, true
	rec.readings = append(rec.readings, reading)
	if r.MaxBytes > 0 && r.bytes >= r.MaxBytes {
		return errBudget
	}
	if r.Load == nil || rec.Kind == Idle || reading.At-rec.from < seenWithin {
		return nil
	}
	for _, w := range rec.rates(rec.from, reading.At, window/2) {
		if rec.loadedRate(w) >= leastLoad {
			return nil
		}
	}
	return fmt.Errorf("%w: the load runs, and the queue of the %s has carried next to nothing of it in %v", ErrNoLoad, rec.side(), seenWithin)
}

// side names the loaded direction.
func (r *recording) side() string {
	if r.Load[autorate.Upload] && !r.Load[autorate.Download] {
		return autorate.Upload.String()
	}
	return autorate.Download.String()
}

// check compares what the router counted in a phase with the word of the load.
func (r *run) check(rec *recording) error {
	if rec.transfer.Rate == 0 {
		return nil
	}
	from, to := rec.steady()
	best := bitrate.Rate(0)
	for _, w := range rec.rates(from, to, window) {
		best = max(best, rec.loadedRate(w))
	}
	if best < rec.transfer.Rate/2 {
		return fmt.Errorf("%w: the load has carried %s, and the queue of the %s %s of it at most", ErrNoLoad, rec.transfer.Rate.Human(), rec.side(), best.Human())
	}
	return nil
}

// tell reports the progress.
func (r *run) tell(rec *recording, first *bool) {
	if r.Tell == nil {
		return
	}
	now := time.Since(r.Epoch)
	p := Progress{Phase: rec.Phase, First: *first, Bytes: r.bytes, Remaining: max(0, r.left-(now-rec.from)).Round(time.Second)}
	*first = false
	if rates := rec.rates(now-2*window, now, window); len(rates) > 0 {
		p.Rate = rates[len(rates)-1].rate
	}
	if rec.Kind != Idle {
		p.Excess = latencyOf(rec.delays(&r.base, now-window, now, r.Interval)).P50
	}
	r.Tell(p)
}
