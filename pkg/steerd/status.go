package steerd

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// Status is the state of a Loop at one moment.
type Status struct {
	At      time.Time // when this was true
	DryRun  bool
	Law     steering.Config // in force
	Steps   uint64
	Skipped uint64 // steps that were not run, being too late

	// Decision is the newest one; Steps is 0 when there is none. HoldUntil and
	// PenaltyUntil are its times on the wall clock, zero when they do not apply.
	Decision     steering.Decision
	HoldUntil    time.Time
	PenaltyUntil time.Time

	Steered        bool          // new connections go to the other WAN; in a dry run, would go
	LastTransition time.Time     // of ours; zero: not known
	InState        time.Duration // since the last change of the rule, or else since the start

	Path      PathStatus
	Counters  CounterStatus
	Rule      RuleStatus
	Alternate AlternateReading // zero: not known
}

// PathStatus is the state of the round-trip time of the primary WAN.
type PathStatus struct {
	Reading  Reading       // newest
	Known    bool          // Reading is recent
	Age      time.Duration // of Reading
	Failures int           // in a row
	Err      error         // of the newest attempt
}

// CounterStatus is the state of the counters of the primary WAN's queues.
type CounterStatus struct {
	Wanted   bool // there is a Meter
	Known    bool // they were read a moment ago
	Failures int  // in a row
	Err      error
}

// RuleStatus is the state of the mangle rule.
type RuleStatus struct {
	Known      bool // it was read at least once
	Enabled    bool // as last read, also in a dry run
	Changeable bool // the newest call worked
	Failures   int  // calls that failed in a row, writes counted apart from readings
	Err        error
	Took       time.Duration // by the newest call
	// ByHand reports that somebody else made the rule what it is, and that it is left
	// alone therefore; in a dry run, that somebody else changed it. Since is when that
	// was first seen.
	ByHand bool
	Since  time.Time
}

// Record is a Status with everything else that a state file holds.
type Record struct {
	Status
	Memory  steering.Memory // as of At
	History History
}

type query struct {
	all   bool // else the status alone
	reply chan<- Record
}

func (l *Loop) answer(all bool) Record {
	r := Record{Status: l.status()}
	if all {
		r.Memory = l.law.Remember(l.now())
		r.Memory.Unconfirmed = l.rule.unanswered
		r.History = History{
			RTT: l.rtts.list(), Excess: l.excess.list(), Drops: l.drops.list(), Depth: l.depths.list(),
			Transitions: l.transitions.list(),
		}
	}
	return r
}

func (l *Loop) status() Status {
	now, at := l.now(), time.Now()
	s := Status{
		At: at, DryRun: l.cfg.DryRun, Law: l.cfg.Law, Steps: l.steps, Skipped: l.skipped,
		Decision: l.dec, Steered: l.steered(), LastTransition: l.transitionAt, InState: now - l.transitionTime,
		Path: PathStatus{
			Reading: l.path.value, Known: l.path.known(now, l.stale),
			Failures: l.path.failures, Err: l.path.err,
		},
		Counters: CounterStatus{
			Wanted: l.meter.fetch != nil, Known: l.meter.failures == 0 && l.meter.valid,
			Failures: l.meter.failures, Err: l.meter.err,
		},
		Rule: RuleStatus{
			Known: l.rule.known, Enabled: l.rule.enabled, Changeable: l.rule.usable,
			Failures: max(l.rule.retry.Failures(), l.rule.rewrite.Failures()), Err: l.rule.failure(), Took: l.rule.took,
		},
	}
	if l.path.valid {
		s.Path.Age = now - l.path.at
	}
	if l.alternate.known(now, l.stale) {
		s.Alternate = l.alternate.value
	}
	switch {
	case l.cfg.DryRun:
		s.Rule.ByHand, s.Rule.Since = !l.rule.foreignAt.IsZero(), l.rule.foreignAt
	case l.dec.ByHand:
		s.Rule.ByHand, s.Rule.Since = true, at.Add(-l.dec.ByHandFor-(now-l.dec.At))
	}
	if l.dec.HoldUntil > now {
		s.HoldUntil = at.Add(l.dec.HoldUntil - now)
	}
	if l.dec.PenaltyUntil > now {
		s.PenaltyUntil = at.Add(l.dec.PenaltyUntil - now)
	}
	return s
}

// Status returns the state of the loop. The loop's goroutine answers between two
// ticks, without a lock; an error of ctx means that the loop is not running yet, or
// hangs. After the end of the loop Status returns the last state.
func (l *Loop) Status(ctx context.Context) (Status, error) {
	r, err := l.query(ctx, false)
	return r.Status, err
}

// Record is Status with the memory of the law and the histories, which it copies: call
// it every few seconds at most.
func (l *Loop) Record(ctx context.Context) (Record, error) { return l.query(ctx, true) }

func (l *Loop) query(ctx context.Context, all bool) (Record, error) {
	reply := make(chan Record, 1)
	select {
	case l.queries <- query{all: all, reply: reply}:
		return <-reply, nil
	case <-l.ended:
		return l.answer(all), nil
	case <-ctx.Done():
		return Record{}, ctx.Err()
	}
}
