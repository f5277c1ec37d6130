package steerd

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// Status is what a Loop says of itself when asked.
type Status struct {
	At      time.Time // when this was true
	DryRun  bool
	Law     steering.Config // in force
	Steps   uint64
	Skipped uint64 // steps that came too late to be run

	// Decision is the newest one; Steps is 0 when there is none. HoldUntil and
	// PenaltyUntil are its times on the calendar, zero when no brake holds.
	Decision     steering.Decision
	HoldUntil    time.Time
	PenaltyUntil time.Time

	Steered        bool          // new connections go to the other WAN; pretended in a dry run
	LastTransition time.Time     // zero: not known
	InState        time.Duration // since then, or else since the start

	Path      PathStatus
	Counters  CounterStatus
	Rule      RuleStatus
	Alternate steering.Alternate
}

// PathStatus tells of the round-trip time of the primary WAN.
type PathStatus struct {
	Reading  Reading       // newest
	Known    bool          // Reading is recent
	Age      time.Duration // of Reading
	Failures int           // in a row
	Err      error         // of the newest attempt
}

// CounterStatus tells of the counters of the primary WAN's queues.
type CounterStatus struct {
	Wanted   bool // there is a Meter
	Known    bool // they were read a moment ago
	Failures int  // in a row
	Err      error
}

// RuleStatus tells of the mangle rule.
type RuleStatus struct {
	Known      bool // it was read at least once
	Enabled    bool // as last read, also in a dry run
	Changeable bool // the newest call worked
	Failures   int  // calls that failed in a row, writes counted apart from readings
	Err        error
	Took       time.Duration // by the newest call
}

// Record is a Status with all that a state file wants to know beside it.
type Record struct {
	Status
	Memory  steering.Memory // as of At
	History History
}

type ask struct {
	all   bool // else the status alone
	reply chan<- Record
}

func (l *Loop) answer(all bool) Record {
	r := Record{Status: l.status()}
	if all {
		r.Memory = l.law.Remember(l.now())
		r.History = History{
			RTT: l.rtts.list(), Excess: l.excess.list(), Drops: l.drops.list(), Depth: l.depths.list(),
			Transitions: l.moves.list(),
		}
	}
	return r
}

func (l *Loop) status() Status {
	now, at := l.now(), time.Now()
	s := Status{
		At: at, DryRun: l.cfg.DryRun, Law: l.cfg.Law, Steps: l.steps, Skipped: l.skipped,
		Decision: l.dec, Steered: l.steered(), LastTransition: l.moved, InState: now - l.since,
		Path: PathStatus{
			Reading: l.path.value, Known: l.path.known(now, l.stale),
			Failures: l.path.failures, Err: l.path.err,
		},
		Counters: CounterStatus{
			Wanted: l.meter.find != nil, Known: l.meter.failures == 0 && l.meter.ever,
			Failures: l.meter.failures, Err: l.meter.err,
		},
		Rule: RuleStatus{
			Known: l.rule.known, Enabled: l.rule.enabled, Changeable: l.rule.sound,
			Failures: max(l.rule.retry.Failures(), l.rule.rewrite.Failures()), Err: l.rule.trouble(), Took: l.rule.took,
		},
	}
	if l.path.ever {
		s.Path.Age = now - l.path.at
	}
	if l.neighbour.known(now, l.stale) {
		s.Alternate = l.neighbour.value
	}
	if l.dec.HoldUntil > now {
		s.HoldUntil = at.Add(l.dec.HoldUntil - now)
	}
	if l.dec.PenaltyUntil > now {
		s.PenaltyUntil = at.Add(l.dec.PenaltyUntil - now)
	}
	return s
}

// Status asks the loop. The answer comes from its own goroutine, between two
// ticks, so it costs the loop no lock; no answer within ctx means that the
// loop is not running yet, or stands still. After its end it is the last one.
func (l *Loop) Status(ctx context.Context) (Status, error) {
	r, err := l.question(ctx, false)
	return r.Status, err
}

// Record asks the loop for all it could tell, as Status does. It copies the
// histories: a question for once a few seconds.
func (l *Loop) Record(ctx context.Context) (Record, error) { return l.question(ctx, true) }

func (l *Loop) question(ctx context.Context, all bool) (Record, error) {
	reply := make(chan Record, 1)
	select {
	case l.asks <- ask{all: all, reply: reply}:
		return <-reply, nil
	case <-l.ended:
		return l.answer(all), nil
	case <-ctx.Done():
		return Record{}, ctx.Err()
	}
}
