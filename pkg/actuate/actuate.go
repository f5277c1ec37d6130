// Package actuate decides when a router is called: when a limit that a control
// law asks for is written, when the limits in force are read back, when the
// counters are polled, and how long to wait after a failure.
//
// It holds what is known of the router's limits, and is pure: no clock, no
// goroutine, no I/O. Its callers do the calls and pass the time in, so that the
// live control loop, simulated runs and replays of traces treat a router in
// exactly the same way. It never decides what a limit should be.
package actuate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// standsOut times the threshold is a delay that the noise of an idle line does not show
// all the time, as it does the threshold: that follows from a percentile.
const standsOut = 3

// readBackEvery is how often the limits in force are read, so that changes that
// somebody else makes are noticed.
const readBackEvery = 10 * time.Second

// Limits holds one rate for each autorate.Direction. In a write 0 leaves a
// limit as it is; in a reading it is unlimited.
type Limits = [2]bitrate.Rate

// Bounds are the lowest and highest limit of a direction that may stay in force.
// The zero value allows any.
type Bounds struct {
	Min, Max bitrate.Rate
}

func (b Bounds) allow(r bitrate.Rate) bool {
	return b == Bounds{} || r >= b.Min && r <= b.Max
}

// LawBounds returns the bounds that a law keeps its limits within.
func LawBounds(cfg autorate.Config) (b [2]Bounds) {
	for d, dir := range cfg.Directions {
		b[d] = Bounds{Min: dir.Lowest(), Max: dir.Ceiling}
	}
	return b
}

// Config describes an Actuator.
type Config struct {
	Start     Limits        // the limits in force at the start, as just read
	Faults    [2]Fault      // of the queues then
	Tick      time.Duration // between two decisions
	Bounds    [2]Bounds
	DryRun    bool // limits are never written, and what is read is not compared
	Unmetered bool // no write budget: for controllers that have none
	// SlowProbes is the time between two probes of a reflector on an idle line; 0: probes
	// never slow down.
	SlowProbes       time.Duration
	ProbeBytesPerDay uint64 // that probes may carry; 0: any
}

// Op is a kind of call for limits.
type Op uint8

// Kinds of calls.
const (
	None  Op = iota
	Read     // read both limits
	Write    // write those limits that are not 0
)

// Job is the next call for limits.
type Job struct {
	Op   Op
	Want Limits // of a Write
	// Deferred marks the directions in which a raise has just begun to wait
	// for the write budget. It may be set with any Op.
	Deferred [2]bool
}

// Actuator is the state of the calls to one router: at most one call for limits
// and one poll are under way at a time. There is no queue: when the router is
// free, what the newest decision asks for is written. It is not safe for
// concurrent use. Make it with New.
type Actuator struct {
	cfg     Config
	inForce Limits   // as confirmed by the router, or pretended in a dry run
	faults  [2]Fault // of the queues when they were last read

	// The newest decision.
	want     Limits
	decided  bool // it was made knowing the limits in force and the bounds
	queueing bool
	idle     bool

	budget   WriteBudget
	deferred [2]bool // a raise is waiting for the budget
	busy     bool    // a call for limits is under way
	retry    backoff.Backoff
	stalls   backoff.Backoff    // of writes without an answer; an answered read does not end it
	refusals [2]backoff.Backoff // of writes; a refusal holds back its own direction alone
	readAt   time.Duration      // when limits are read back next
	unsure   bool               // the last call failed: read before writing
	asked    Limits             // of a write whose outcome is unknown
	latency  latency
	poller   poller
	pace     rtt.Pace
	probes   int // that have left since the last decision
	data     rtt.Budget
}

// New returns the Actuator of a router that was read at now.
func New(now time.Duration, cfg Config) *Actuator {
	return &Actuator{
		cfg: cfg, inForce: cfg.Start, faults: cfg.Faults,
		budget: WriteBudget{Unmetered: cfg.Unmetered},
		readAt: now + readBackEvery, poller: newPoller(cfg.Tick), data: rtt.Budget{PerDay: cfg.ProbeBytesPerDay},
	}
}

// Input returns what the router contributes to the law's next step. Its
// readings are valid until Decide.
func (a *Actuator) Input() autorate.Input {
	in := autorate.Input{Readings: a.poller.readings, Applied: a.inForce, WriteLatency: a.latency.p90()}
	if a.pace.Slow() {
		in.SlowProbes = a.cfg.SlowProbes
	}
	return in
}

// Decide records the decision that was made from Input.
func (a *Actuator) Decide(dec autorate.Decision) {
	for d := range a.want {
		a.want[d] = dec.Directions[d].Limit
	}
	a.decided, a.queueing, a.idle = true, dec.Excess > dec.Threshold, idle(dec)
	a.poller.readings = a.poller.readings[:0]
	if a.cfg.SlowProbes > 0 {
		a.pace.Update(dec.At, loaded(dec), dec.Excess > standsOut*dec.Threshold || dec.Alive == 0, a.data.Spend(dec.At, a.probes))
		a.probes = 0
	}
}

// CountProbes counts the probes among the events of a step. It is to be called before
// Decide.
func (a *Actuator) CountProbes(events []rtt.Event) {
	for i := range events {
		switch events[i].Kind {
		case rtt.Sent, rtt.Spare, rtt.OneWay:
			a.probes++
		case rtt.Reply, rtt.Lost:
		}
	}
}

// SlowProbes reports whether probes are to be slow from now on, as nothing is loaded. It
// is to be asked after every Decide.
func (a *Actuator) SlowProbes() bool { return a.pace.Slow() }

// Faults returns what was wrong with the queues when they were last read.
func (a *Actuator) Faults() [2]Fault { return a.faults }

// InForce returns the limits that the router confirmed last.
func (a *Actuator) InForce() Limits { return a.inForce }

// Failures returns how many calls for limits failed in a row: calls that were not
// answered, writes that were not although reads are, or refused writes of one
// direction, whichever are most. The first unanswered write is settled by a read.
func (a *Actuator) Failures() int {
	return max(a.retry.Failures(), a.stalls.Failures()-1, a.refusals[0].Failures(), a.refusals[1].Failures())
}

// Refused returns how many writes of d were refused since the last one that
// worked.
func (a *Actuator) Refused(d autorate.Direction) int { return a.refusals[d].Failures() }

// SetBounds replaces the bounds. Nothing is written before the next decision:
// the last one may lie outside of them. Refused writes are tried again then.
func (a *Actuator) SetBounds(b [2]Bounds) {
	a.cfg.Bounds, a.decided = b, false
	a.stalls.Skip()
	for d := range a.refusals {
		a.refusals[d].Skip()
	}
}

// SetExternally records that the limit of d was changed to rate by somebody
// else. Nothing is written over it before the next decision.
func (a *Actuator) SetExternally(d autorate.Direction, rate bitrate.Rate) {
	a.inForce[d], a.decided = rate, false
}

// Next returns the call to make now, and counts it as under way until Done is
// called for it. It is to be called after every Decide and every Done.
func (a *Actuator) Next(now time.Duration) (j Job) {
	if a.busy || now < a.retry.Until() || !a.decided {
		return j
	}
	if a.unsure || now >= a.readAt {
		a.busy, a.readAt = true, now+readBackEvery
		j.Op = Read
		return j
	}
	for _, d := range autorate.Directions {
		if a.faults[d].Unwritable() || now < max(a.stalls.Until(), a.refusals[d].Until()) {
			a.deferred[d] = false
			continue
		}
		switch a.budget.Allow(now, d, a.inForce[d], a.want[d]) {
		case Send:
			j.Want[d] = a.want[d]
		case Defer:
			j.Deferred[d] = !a.deferred[d]
			a.deferred[d] = true
			continue
		case Drop:
			// However small the difference: no limit stays outside its bounds.
			if a.want[d] != a.inForce[d] && !a.cfg.Bounds[d].allow(a.inForce[d]) {
				j.Want[d] = a.want[d]
			}
		}
		a.deferred[d] = false
	}
	if j.Want != (Limits{}) {
		a.busy, j.Op = true, Write
	}
	return j
}

// Result is what became of a Job.
type Result struct {
	Job    Job
	Limits Limits   // in force, as read; meaningless when it failed
	Faults [2]Fault // of a Read; the limit of a queue that is Unwritable is meaningless
	Took   time.Duration
	Failed bool // no usable answer: what a write has done is not known
	// Refused marks the directions of a write that the router has answered, but not
	// done. The same again is answered in the same way, until somebody changes the
	// router.
	Refused [2]bool
}

// Done takes in the result of a job at now. It reports which limits turn out to
// have been changed by somebody else; they are in force from here on.
func (a *Actuator) Done(now time.Duration, r Result) (external [2]bool) {
	a.busy = false
	if r.Failed {
		a.retry.Fail(now)
		a.unsure = true
		if r.Job.Op == Read {
			a.stalls.Skip() // it is out of reach altogether: once it is back, writes may work
		}
	} else {
		a.retry.Reset()
		if !a.cfg.DryRun || r.Job.Op == Read {
			a.latency.add(r.Took)
		}
	}
	switch {
	case r.Job.Op == Write:
		a.written(now, r)
	case !r.Failed:
		external = a.compare(r.Limits, r.Faults)
	}
	return external
}

// written takes in the result of a write, for each direction by itself.
func (a *Actuator) written(now time.Duration, r Result) {
	if r.Failed {
		a.stalls.Stall(now)
	} else {
		a.stalls.Reset()
	}
	for d, want := range r.Job.Want {
		switch {
		case want == 0:
		case r.Refused[d]:
			a.refusals[d].Refuse(now)
			a.readAt = now // what the limit is now, though the router did not do as asked
		case r.Failed:
			a.asked[d] = want
		default:
			a.refusals[d].Reset()
			a.inForce[d] = r.Limits[d]
		}
	}
}

// compare takes in limits that were read. One that differs is external, unless
// it is what a write has asked for whose outcome was unknown. Writes to a queue that
// has come back are no longer held back by refusals.
func (a *Actuator) compare(read Limits, faults [2]Fault) (external [2]bool) {
	asked := a.asked
	a.unsure, a.asked = false, Limits{}
	for d, before := range a.faults {
		if before.Unwritable() && !faults[d].Unwritable() {
			a.refusals[d].Skip()
		}
	}
	a.faults = faults
	if a.cfg.DryRun {
		return external
	}
	for _, d := range autorate.Directions {
		switch {
		case faults[d].Unwritable() || read[d] == a.inForce[d]:
		case asked[d] != 0 && read[d] == asked[d]:
			a.inForce[d] = read[d]
			a.refusals[d].Reset()
			a.stalls.Reset() // it was done, though not answered
		default:
			external[d] = true
			a.SetExternally(d, read[d])
		}
	}
	return external
}

// PollDue reports whether the counters are to be polled now, and if so counts
// the poll as under way until Polled or PollFailed is called. It is to be called
// after every Decide.
func (a *Actuator) PollDue(now time.Duration) bool { return a.poller.start(now, a.queueing) }

// Polled takes in counters that came at now, after took.
func (a *Actuator) Polled(now, took time.Duration, counters [2]autorate.Counters) {
	a.poller.answered(now, took, counters, a.idle)
}

// PollFailed records that a poll failed at now, after took.
func (a *Actuator) PollFailed(now, took time.Duration) { a.poller.failed(now, took) }
