package rtt

import "time"

const (
	// pendingRing is how many probes in flight are recorded per reflector: more than
	// a second's at the shortest interval of 10 ms.
	pendingRing = 128
	// aliveAtLeast is how long a reflector counts as alive after its last reply; three
	// intervals if those are longer.
	aliveAtLeast = time.Second
	// answerAtLeast is how long the answer to a slow probe may take; twice the baseline
	// if that is longer.
	answerAtLeast = 200 * time.Millisecond

	// An overdue probe is evidence of a queue only where nearly every probe is
	// answered: at most a share maxMissed of about the newest missedOver are not.
	// Behind a firewall that limits echo replies, probes are overdue all the time.
	maxMissed  = 0.2
	missedOver = 40
	// maxMissedRun limits the weight of one run of unanswered probes: an outage is one
	// event, however long it lasts, and the probes after it are evidence again.
	maxMissedRun = 8
)

// Reflector is the state of one probed host: its baseline, its newest excess delay, by
// direction where it sends timestamps, and its oldest unanswered probe.
type Reflector struct {
	base   Baseline
	oneWay oneWay
	spare  spareState

	sent      [pendingRing]time.Duration
	firstSeq  uint32 // oldest probe that may still be pending
	nextSeq   uint32 // one past the newest probe sent
	lastReply time.Duration
	lastRTT   time.Duration
	replied   bool
	fresh     bool    // a reply since the last Excess
	missed    float64 // share of unanswered probes, of about the newest missedOver
}

// Baseline returns the idle RTT, 0 when unknown.
func (r *Reflector) Baseline() time.Duration { return r.base.Value() }

// Rebase sets the idle RTT to v. A new route is longer in one direction or in both,
// so the clock offset has to be measured again.
func (r *Reflector) Rebase(v time.Duration) {
	r.base.Reset(v)
	r.oneWay.forget()
}

// RTT returns the newest reply's round-trip time, 0 when there was none.
func (r *Reflector) RTT() time.Duration { return r.lastRTT }

// alive reports whether a reply arrived recently, for a reflector that is probed once
// an interval. One that is probed more slowly, once in slow, is alive until two probes
// in a row are not answered in time.
func (r *Reflector) alive(now, interval, slow time.Duration) bool {
	if !r.replied || r.spare.active {
		return false
	}
	return now-r.lastReply < max(aliveAtLeast, 3*interval) ||
		now-r.unansweredSince(now) < slow+max(answerAtLeast, 2*r.base.Value()) && now-r.lastSent() < max(aliveAtLeast, 2*slow)
}

// unansweredSince returns when the oldest unanswered probe was sent, now without one.
func (r *Reflector) unansweredSince(now time.Duration) time.Duration {
	if r.firstSeq >= r.nextSeq {
		return now
	}
	first := r.firstSeq
	if r.nextSeq-first > pendingRing {
		first = r.nextSeq - pendingRing
	}
	return r.sent[first%pendingRing]
}

// lastSent returns when the newest probe was sent.
func (r *Reflector) lastSent() time.Duration { return r.sent[(r.nextSeq-1)%pendingRing] }

// Observe adds one event. unloaded reports that the link carries too little traffic
// for a queue, so that the sample may raise the baseline.
func (r *Reflector) Observe(e Event, unloaded bool) {
	switch e.Kind {
	case Sent, Spare:
		r.sent[e.Seq%pendingRing] = e.At
		if r.nextSeq == 0 {
			r.firstSeq = e.Seq
		}
		r.nextSeq = e.Seq + 1
	case Reply:
		if e.RTT <= 0 {
			return
		}
		// Unanswered probes before an answered one are lost or reordered, and no
		// evidence of a queue any more.
		if e.Seq >= r.firstSeq {
			r.countAnswer(e.Seq - r.firstSeq)
			r.firstSeq = e.Seq + 1
		} else {
			r.missed = max(0, r.missed-1.0/missedOver)
		}
		// A very late reply shows the queue of the time it was sent, and a newer one
		// may have arrived before it.
		if e.At >= r.lastReply {
			r.lastReply, r.lastRTT = e.At, e.RTT
			r.replied, r.fresh = true, true
		}
		r.base.Add(e.At, e.RTT, unloaded)
		r.oneWay.compare(e.At, float64(e.RTT-r.base.Value()))
	case OneWay:
		if r.replied {
			r.oneWay.observe(e, r.base.Value(), r.lastRTT, r.lastReply)
		}
	case Lost:
	}
}

// excess returns the newest RTT above the baseline, never negative.
func (r *Reflector) excess() time.Duration { return max(0, r.lastRTT-r.base.Value()) }

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

// OverdueDelay returns by how much the age of the oldest unanswered probe exceeds the
// baseline, a lower bound of its excess delay. It is 0 when no probe is overdue, and
// for a reflector that leaves many probes unanswered.
func (r *Reflector) OverdueDelay(now time.Duration) time.Duration {
	if !r.replied || r.missed > maxMissed {
		return 0
	}
	return max(0, now-r.unansweredSince(now)-r.base.Value())
}
