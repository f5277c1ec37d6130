package rtt

import "time"

const (
	// pendingRing bounds the probes in flight that are remembered per
	// reflector: at the fastest interval of 10 ms it covers more than a second.
	pendingRing = 128
	// aliveAtLeast is how long a reflector counts as alive after its last reply,
	// longer where it is asked seldom.
	aliveAtLeast = time.Second
)

// Reflector follows one probed host: its baseline, its newest excess delay, by
// direction where it tells its clock, and the probe that has been waiting
// longest.
type Reflector struct {
	base Baseline
	ways oneWay

	sent      [pendingRing]time.Duration
	firstSeq  uint32 // oldest probe that may still be pending
	nextSeq   uint32 // one past the newest probe sent
	lastReply time.Duration
	lastRTT   time.Duration
	replied   bool
	fresh     bool // a reply since the last Excess
}

// Baseline returns the idle RTT, 0 when unknown.
func (r *Reflector) Baseline() time.Duration { return r.base.Value() }

// Rebase makes v the idle RTT. Another route is longer in one direction or in
// both, so the clocks have to be compared again.
func (r *Reflector) Rebase(v time.Duration) {
	r.base.Reset(v)
	r.ways.forget()
}

// RTT returns the newest reply's round-trip time, 0 when there was none.
func (r *Reflector) RTT() time.Duration { return r.lastRTT }

// alive reports whether a reply came recently enough, for a reflector that is
// asked once an interval, for it to have a say.
func (r *Reflector) alive(now, interval time.Duration) bool {
	return r.replied && now-r.lastReply < max(aliveAtLeast, 3*interval)
}

// Observe takes in one event. clean says that the link carries too little to
// have a queue, so that the sample may raise the baseline.
func (r *Reflector) Observe(e Event, clean bool) {
	switch e.Kind {
	case Sent:
		r.sent[e.Seq%pendingRing] = e.At
		if r.nextSeq == 0 {
			r.firstSeq = e.Seq
		}
		r.nextSeq = e.Seq + 1
	case Reply:
		if e.RTT <= 0 {
			return
		}
		// What was sent before an answered probe is lost or reordered; it no
		// longer tells of a queue.
		if e.Seq >= r.firstSeq {
			r.firstSeq = e.Seq + 1
		}
		// A reply that took very long says what the queue was when it was
		// sent, and a later one may have overtaken it.
		if e.At >= r.lastReply {
			r.lastReply, r.lastRTT = e.At, e.RTT
			r.replied, r.fresh = true, true
		}
		r.base.Add(e.At, e.RTT, clean)
		r.ways.compare(e.At, float64(e.RTT-r.base.Value()))
	case OneWay:
		if r.replied {
			r.ways.observe(e, r.base.Value(), r.lastRTT, r.lastReply)
		}
	case Lost:
	}
}

// Excess returns the newest RTT above the baseline and whether it is new since
// the last call.
func (r *Reflector) Excess() (excess time.Duration, fresh bool) {
	fresh, r.fresh = r.fresh, false
	return r.lastRTT - r.base.Value(), fresh
}

// Waiting returns by how much the oldest unanswered probe has already exceeded
// the baseline: a reply cannot come with less than that any more. It is 0 when
// nothing is overdue.
func (r *Reflector) Waiting(now time.Duration) time.Duration {
	if !r.replied || r.firstSeq >= r.nextSeq {
		return 0
	}
	first := r.firstSeq
	if r.nextSeq-first > pendingRing {
		first = r.nextSeq - pendingRing
	}
	return max(0, now-r.sent[first%pendingRing]-r.base.Value())
}
