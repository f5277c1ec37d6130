package rtt

import "time"

const (
	// pendingRing bounds the probes in flight that are remembered per
	// reflector: at the fastest interval of 10 ms it covers more than a second.
	pendingRing = 128
	// aliveAtLeast is how long a reflector counts as alive after its last reply,
	// longer where it is asked seldom.
	aliveAtLeast = time.Second

	// An overdue probe is evidence of a queue only where nearly every probe is
	// answered: at most maxMissed of the newest missedOver or so are not. Behind a
	// firewall that lets few echo replies through, probes are overdue all the time.
	maxMissed  = 0.2
	missedOver = 40
	// maxMissedRun bounds what one run of unanswered probes counts for: an outage
	// is one event, however long it lasts, and the probes after it are evidence again.
	maxMissedRun = 8
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
	fresh     bool    // a reply since the last Excess
	missed    float64 // share of unanswered probes, of the newest missedOver or so
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
			r.countAnswer(e.Seq - r.firstSeq)
			r.firstSeq = e.Seq + 1
		} else {
			r.missed = max(0, r.missed-1.0/missedOver)
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

// countAnswer counts an answered probe and the unanswered ones before it.
func (r *Reflector) countAnswer(unanswered uint32) {
	for range min(unanswered, maxMissedRun) {
		r.missed += (1 - r.missed) / missedOver
	}
	r.missed -= r.missed / missedOver
}

// AnswerRate returns the share of the newest probes that were answered, 0 to 1. A
// long run of unanswered ones counts as a short one.
func (r *Reflector) AnswerRate() float64 { return 1 - r.missed }

// Waiting returns by how much the oldest unanswered probe has already exceeded
// the baseline: a reply cannot come with less than that any more. It is 0 when
// nothing is overdue, and for a reflector that leaves many probes unanswered.
func (r *Reflector) Waiting(now time.Duration) time.Duration {
	if !r.replied || r.missed > maxMissed || r.firstSeq >= r.nextSeq {
		return 0
	}
	first := r.firstSeq
	if r.nextSeq-first > pendingRing {
		first = r.nextSeq - pendingRing
	}
	return max(0, now-r.sent[first%pendingRing]-r.base.Value())
}
