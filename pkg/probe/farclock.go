package probe

import (
	"math/bits"
	"time"
)

const (
	// dayMS is where the standard timestamp, the milliseconds since midnight UT,
	// starts again; the other kind has the high bit set and at most 31 more.
	dayMS   = 86_400_000
	otherMS = 1 << 31

	// enoughAnswers, or mostAnswers where their clock looks coarse, settle
	// whether a host has a clock to go by.
	enoughAnswers = 5
	mostAnswers   = 12
	// leastSpan between asking last and having heard first makes sure that a
	// clock that stands still cannot pass.
	leastSpan = 200 * time.Millisecond
	// clockSlack is what a bad clock gains or loses while it is on trial, and the
	// millisecond by which reading it may be off.
	clockSlack = 2 * time.Millisecond
	// coarseMS is the step of a clock too coarse to be of use.
	coarseMS = 4
)

// reading is how a host means its timestamps.
type reading struct {
	swapped bool  // it does not know of network byte order
	period  int64 // ms, after which its clock starts again
}

func (r reading) ms(v uint32) int64 {
	if r.swapped {
		v = bits.ReverseBytes32(v)
	}
	return int64(v) % r.period
}

// fits reports whether v can be meant so.
func (r reading) fits(v uint32) bool {
	if r.swapped {
		v = bits.ReverseBytes32(v)
	}
	return r.period != dayMS || v < dayMS
}

// between returns the time from one timestamp to another, at most half a period
// either way.
func (r reading) between(from, to int64) time.Duration {
	return wrap(time.Duration(to-from)*time.Millisecond, time.Duration(r.period)*time.Millisecond)
}

// wrap brings d to within half a period of 0.
func wrap(d, period time.Duration) time.Duration {
	d %= period
	switch {
	case d >= period/2:
		d -= period
	case d < -period/2:
		d += period
	}
	return d
}

// answer is one exchange with a host.
type answer struct {
	sent, arrived     time.Duration // on our clock
	receive, transmit uint32        // as it came
}

// farClock is the clock of a host as it is read here.
type farClock struct {
	reading
	zero time.Duration // what it showed when ours was 0, about
}

// delays returns how long the request and the reply of a took, both off by the
// same unknown amount in opposite directions, and whether a makes sense: a host
// does not take longer to answer than the exchange lasted.
func (c farClock) delays(a answer) (up, down time.Duration, ok bool) {
	receive, transmit := c.ms(a.receive), c.ms(a.transmit)
	if held := c.between(receive, transmit); held < 0 || held > a.arrived-a.sent+clockSlack {
		return 0, 0, false
	}
	period := time.Duration(c.period) * time.Millisecond
	up = wrap(time.Duration(receive)*time.Millisecond-a.sent-c.zero, period)
	down = wrap(a.arrived-time.Duration(transmit)*time.Millisecond+c.zero, period)
	return up, down, true
}

// trial collects answers until it is plain how the host means them, if at all.
type trial struct {
	answers [mostAnswers]answer
	n       int
}

func (t *trial) add(a answer) {
	if t.n < len(t.answers) {
		t.answers[t.n] = a
		t.n++
	}
}

// verdict returns the host's clock. What a host puts into its answers must be
// readable so that every request was received after it was sent, and every reply
// sent before it arrived: a copy of what was asked, a constant, random numbers
// and seconds are not.
func (t *trial) verdict() (c farClock, ok bool) {
	if t.n < enoughAnswers || t.answers[t.n-1].sent-t.answers[0].arrived < leastSpan {
		return c, false
	}
	for _, r := range []reading{{false, dayMS}, {true, dayMS}, {false, otherMS}, {true, otherMS}} {
		if t.consistent(r) && !t.coarse(r) {
			best := t.answers[0]
			for _, a := range t.answers[:t.n] {
				if a.arrived-a.sent < best.arrived-best.sent {
					best = a
				}
			}
			c = farClock{reading: r}
			c.zero = time.Duration(r.ms(best.receive))*time.Millisecond - (best.sent+best.arrived)/2
			return c, true
		}
	}
	return c, false
}

// consistent reports whether there is a difference of the two clocks that makes
// sense of all answers read as r.
func (t *trial) consistent(r reading) bool {
	first := t.answers[0]
	lo, hi := -time.Duration(r.period)*time.Millisecond, time.Duration(r.period)*time.Millisecond
	for _, a := range t.answers[:t.n] {
		if !r.fits(a.receive) || !r.fits(a.transmit) {
			return false
		}
		if held := r.between(r.ms(a.receive), r.ms(a.transmit)); held < 0 || held > a.arrived-a.sent+clockSlack {
			return false
		}
		for _, v := range []uint32{a.receive, a.transmit} {
			shown := r.between(r.ms(first.receive), r.ms(v))
			lo = max(lo, shown-(a.arrived-first.sent))
			hi = min(hi, shown-(a.sent-first.sent))
		}
	}
	return lo <= hi+clockSlack
}

// coarse reports whether all timestamps lie on the steps of a slow ticker. The
// requests are sent at irregular times, so that this is no accident.
func (t *trial) coarse(r reading) bool {
	var step int64
	for _, a := range t.answers[1:t.n] {
		step = gcd(step, int64(r.between(r.ms(t.answers[0].receive), r.ms(a.receive))/time.Millisecond))
	}
	return step >= coarseMS || step == 0
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}
