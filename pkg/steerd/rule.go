package steerd

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/steering"
)

// rule is what the loop knows of the mangle rule.
type rule struct {
	enabled bool // as last read, or written and read back
	known   bool // it was read since the start
	tried   bool // at least
	sound   bool // the last call worked: it may be changed
	news    bool // the law has not been told yet

	pretended bool // what a dry run would have made of it
	expected  bool // the run before left it as enabled says

	busy   bool // a call is under way
	took   time.Duration
	retry  backoff.Backoff // of calls
	err    error
	readAt time.Duration // next reading

	// Of a rule that is read but not written, as for a user without the policy.
	rewrite    backoff.Backoff // of writes, since one last worked or was last not wanted
	refusal    error
	unanswered bool // what the last write did is not known
	wanted     job  // that write
}

// trouble is why the rule cannot be used; nil: it can.
func (r *rule) trouble() error {
	if r.err != nil {
		return r.err
	}
	return r.refusal
}

// written takes note of a write that worked, or is not wanted any more.
func (r *rule) written() {
	r.rewrite.Reset()
	r.refusal = nil
}

// remembered is a rule that was not read yet. A change that the run before had
// asked for may have been made as it ended.
func remembered(m steering.Memory) rule {
	r := rule{enabled: m.Steered, expected: m.Steered || m.Congestion != steering.Unknown || len(m.Changes) > 0}
	if steer, why, ok := m.PendingChange(); ok {
		r.unanswered, r.wanted = true, job{set: true, enable: steer, reason: why}
	}
	return r
}

// job is one call to the router: a reading of the rule, or a change of it.
type job struct {
	set    bool
	enable bool
	reason steering.Reason
}

type result struct {
	job     job
	enabled bool
	took    time.Duration
	err     error
}

// hand does one job at a time. The loop keeps no queue of them: it decides anew
// when the hand is free, so that only what is wanted now is ever written. Once
// ctx has ended nothing is read any more; writes is for the write under way.
func (l *Loop) hand(ctx, writes context.Context) {
	for j := range l.jobs {
		l.results <- l.call(ctx, writes, j)
	}
}

func (l *Loop) call(ctx, writes context.Context, j job) result {
	if j.set {
		ctx = writes
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	start := time.Now()
	r := result{job: j, enabled: j.enable}
	if j.set {
		r.err = l.cfg.Switch.Set(ctx, j.enable)
	} else {
		r.enabled, r.err = l.cfg.Switch.Enabled(ctx)
	}
	r.took = time.Since(start)
	return r
}

// steered is what the law takes the rule for.
func (l *Loop) steered() bool {
	if l.cfg.DryRun {
		return l.rule.pretended
	}
	return l.rule.enabled
}

// act gives the hand its next job when it has none.
func (l *Loop) act() {
	l.pretend()
	if j, due := l.next(l.now()); due {
		l.rule.busy = true
		l.jobs <- j
	}
}

// next returns what is to be done with the rule, if anything. After a failed
// call it is read before anything is written: only then is it known what became
// of a write, and the decision of that moment is the one that counts.
func (l *Loop) next(now time.Duration) (job, bool) {
	if l.rule.busy || now < l.rule.retry.Until() {
		return job{}, false
	}
	if !l.rule.sound || now >= l.rule.readAt {
		return job{}, true
	}
	if l.cfg.DryRun || !l.decided || l.dec.Steer == l.rule.enabled || now < l.rule.rewrite.Until() {
		return job{}, false
	}
	return job{set: true, enable: l.dec.Steer, reason: l.dec.Reason}, true
}

// pretend does in a dry run what would be done to the rule.
func (l *Loop) pretend() {
	if !l.cfg.DryRun || !l.decided || !l.rule.tried || l.dec.Steer == l.rule.pretended {
		return
	}
	l.rule.pretended = l.dec.Steer
	l.cfg.Observer.Switched(Attempt{Enable: l.dec.Steer, Reason: l.dec.Reason, DryRun: true})
	l.transit(l.dec.Steer, l.dec.Reason)
}

// finished takes in what became of a job.
func (l *Loop) finished(r result) {
	now := l.now()
	first := !l.rule.tried
	l.rule.busy, l.rule.tried, l.rule.took, l.rule.err = false, true, r.took, r.err
	if r.job.set {
		l.cfg.Observer.Switched(Attempt{Enable: r.job.enable, Reason: r.job.reason, Took: r.took, Err: r.err})
	}
	if r.err != nil {
		l.rule.sound = false
		l.rule.retry.Fail(now)
		if r.job.set {
			l.rule.rewrite.Fail(now)
			l.rule.refusal = r.err
			l.rule.unanswered, l.rule.wanted = true, r.job
		}
	} else {
		l.rule.retry.Reset()
		l.rule.sound, l.rule.news = true, true
		l.rule.readAt = now + l.cfg.RuleEvery
		if l.cfg.DryRun && first {
			l.rule.pretended = r.enabled
		}
		l.adopt(r)
	}
	l.tell(PartRule, l.rule.trouble())
}

// adopt takes the rule for what it is. When that is not what was known, the
// law decides anew before anything is written over it.
func (l *Loop) adopt(r result) {
	ours, by := r.job.set, r.job.reason
	if l.rule.unanswered && r.enabled == l.rule.wanted.enable {
		ours, by = true, l.rule.wanted.reason
	}
	if ours {
		l.rule.written()
	}
	changed := r.enabled != l.rule.enabled && (l.rule.known || l.rule.expected)
	if r.enabled != l.rule.enabled {
		l.decided = false
	}
	l.rule.enabled, l.rule.known, l.rule.unanswered = r.enabled, true, false
	if !changed {
		return
	}
	if !ours {
		by = steering.Foreign
		l.cfg.Observer.Foreign(r.enabled)
	}
	if !l.cfg.DryRun {
		l.transit(r.enabled, by)
	}
}

// transit takes note of a transition. The law is told at once: its brakes count
// from here, and its memory may be the last thing that is saved.
func (l *Loop) transit(steered bool, why steering.Reason) {
	now := l.now()
	l.moved, l.since = time.Now(), now
	t := Transition{At: l.moved, Steered: steered, Reason: why}
	l.moves.add(t)
	l.step(now, 0, false)
	l.cfg.Observer.Moved(t)
}
