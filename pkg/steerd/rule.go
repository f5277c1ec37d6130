package steerd

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/steering"
)

// rule is the state of the mangle rule as the loop knows it.
type rule struct {
	enabled   bool // as last read, or written and read back
	known     bool // it was read since the start
	attempted bool // at least one call was made
	usable    bool // the last call worked, so the rule may be changed
	unseen    bool // the law has not seen the reading yet
	ours      bool // enabled is what a write of ours made it

	dryRunEnabled bool      // what a dry run would have set
	foreignAt     time.Time // when somebody else changed the rule last

	busy   bool // a call is under way
	took   time.Duration
	retry  backoff.Backoff // of calls
	err    error
	readAt time.Duration // next reading

	// Writes that fail while readings work, as for a user without the policy write.
	rewrite         backoff.Backoff // of writes; reset when one works or none is needed
	writeErr        error
	unanswered      bool    // the outcome of the last write is not known
	unansweredWrite request // that write
}

// failure returns why the rule cannot be used, or nil.
func (r *rule) failure() error {
	if r.err != nil {
		return r.err
	}
	return r.writeErr
}

// writeDone records that a write worked, or is not needed any more.
func (r *rule) writeDone() {
	r.rewrite.Reset()
	r.writeErr = nil
}

// restoredRule is the rule before the first reading. A change that the run before
// requested may have been made as it ended.
func restoredRule(m steering.Memory) rule {
	r := rule{enabled: m.Steered}
	if steer, why, ok := m.PendingChange(); ok {
		r.unanswered, r.unansweredWrite = true, request{set: true, enable: steer, reason: why}
	}
	return r
}

// request is one call to the router: a reading of the rule, or a change of it.
type request struct {
	set    bool
	intent *Record // to be saved before a change; nil: not needed
	enable bool
	reason steering.Reason
}

type result struct {
	request request
	enabled bool
	took    time.Duration
	err     error
}

// worker performs one request at a time. There is no queue: the loop decides again
// when the worker is free, so that only the current decision is ever written. After
// the end of ctx nothing is read; the context writes is for the write in flight.
func (l *Loop) worker(ctx, writes context.Context) {
	for j := range l.requests {
		l.results <- l.call(ctx, writes, j)
	}
}

func (l *Loop) call(ctx, writes context.Context, j request) result {
	if j.set {
		ctx = writes
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if j.intent != nil {
		l.cfg.Intent(ctx, *j.intent)
	}
	start := time.Now()
	r := result{request: j, enabled: j.enable}
	if j.set {
		r.err = l.cfg.Switch.Set(ctx, j.enable)
	} else {
		r.enabled, r.err = l.cfg.Switch.Enabled(ctx)
	}
	r.took = time.Since(start)
	return r
}

// steered returns the state of the rule that the law is given.
func (l *Loop) steered() bool {
	if l.cfg.DryRun {
		return l.rule.dryRunEnabled
	}
	return l.rule.enabled
}

// act gives the worker its next request when it is free.
func (l *Loop) act() {
	l.applyDryRun()
	if j, due := l.next(l.now()); due {
		l.rule.busy = true
		if j.set && l.cfg.Intent != nil {
			record := l.answer(true)
			record.Memory.Unconfirmed = true
			j.intent = &record
		}
		l.requests <- j
	}
}

// next returns the next request, if there is one. After a failed call the rule is
// read before it is written: only then the outcome of a write is known, and the
// decision of that moment counts.
func (l *Loop) next(now time.Duration) (request, bool) {
	if l.rule.busy || now < l.rule.retry.Until() {
		return request{}, false
	}
	if !l.rule.usable || now >= l.rule.readAt {
		return request{}, true
	}
	if l.cfg.DryRun || !l.decided || l.dec.Steer == l.rule.enabled || now < l.rule.rewrite.Until() {
		return request{}, false
	}
	return request{set: true, enable: l.dec.Steer, reason: l.dec.Reason}, true
}

// applyDryRun records in a dry run what would be done to the rule.
func (l *Loop) applyDryRun() {
	if !l.cfg.DryRun || !l.decided || !l.rule.attempted || l.dec.Steer == l.rule.dryRunEnabled {
		return
	}
	l.rule.dryRunEnabled = l.dec.Steer
	l.observe(Attempt{Enable: l.dec.Steer, Reason: l.dec.Reason, DryRun: true})
	l.recordTransition(l.dec.Steer, l.dec.Reason)
}

// handleResult records the result of a request.
func (l *Loop) handleResult(r result) {
	now := l.now()
	first := !l.rule.attempted
	l.rule.busy, l.rule.attempted, l.rule.took, l.rule.err = false, true, r.took, r.err
	if r.request.set {
		l.observe(Attempt{Enable: r.request.enable, Reason: r.request.reason, Took: r.took, Err: r.err})
	}
	if r.err != nil {
		l.rule.usable = false
		l.rule.retry.Fail(now)
		if r.request.set {
			l.rule.rewrite.Fail(now)
			l.rule.writeErr = r.err
			l.rule.unanswered, l.rule.unansweredWrite = true, r.request
		}
	} else {
		l.rule.retry.Reset()
		l.rule.usable, l.rule.unseen = true, true
		l.rule.readAt = now + l.cfg.RuleEvery
		if l.cfg.DryRun && first {
			l.rule.dryRunEnabled = r.enabled
		}
		l.confirm(r)
	}
	l.reportFailure(PartRule, l.rule.failure())
}

// confirm records the rule as read. If it differs from what was known, the law
// decides again before it is written.
func (l *Loop) confirm(r result) {
	ours, by := r.request.set, r.request.reason
	if l.rule.unanswered && r.enabled == l.rule.unansweredWrite.enable {
		ours, by = true, l.rule.unansweredWrite.reason
	}
	if l.rule.ours = ours; ours {
		l.rule.writeDone()
	}
	// A rule that is enabled without a memory of having enabled it was enabled by
	// somebody else. A dry run has no memory.
	changed := r.enabled != l.rule.enabled && (l.rule.known || !l.cfg.DryRun)
	if r.enabled != l.rule.enabled {
		l.decided = false
	}
	l.rule.enabled, l.rule.known, l.rule.unanswered = r.enabled, true, false
	if !changed {
		return
	}
	switch {
	case !ours:
		l.recordForeign(r.enabled)
	case !l.cfg.DryRun:
		l.recordTransition(r.enabled, by)
	}
}

// recordForeign records a change that somebody else made. It is no transition of ours.
func (l *Loop) recordForeign(enabled bool) {
	l.rule.foreignAt = time.Now()
	if !l.cfg.DryRun {
		now := l.now()
		l.transitionTime = now
		l.step(now, 0, false)
	}
	l.observe(ExternalChange{Enabled: enabled, DryRun: l.cfg.DryRun})
}

// recordTransition records a transition and steps the law at once: hold-down counts
// from here, and the law's memory may be the last thing that is saved.
func (l *Loop) recordTransition(steered bool, why steering.Reason) {
	now := l.now()
	l.transitionAt, l.transitionTime = time.Now(), now
	t := Transition{At: l.transitionAt, Steered: steered, Reason: why}
	l.transitions.add(t)
	l.step(now, 0, false)
	l.observe(t)
}
