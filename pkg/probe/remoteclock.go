package probe

import (
	"math/bits"
	"time"
)

const (
	// dayMS is where the standard timestamp, the milliseconds since midnight UT,
	// starts again; the other kind has the high bit set and at most 31 more.
	dayMS         = 86_400_000
	nonStandardMS = 1 << 31

	// minAnswers suffice to detect a usable clock. Up to maxAnswers are collected
	// where it looks coarse.
	minAnswers = 5
	maxAnswers = 12
	// minSpan is the least time between the first answer and the last request: a
	// clock that stands still fails the test then.
	minSpan = 200 * time.Millisecond
	// clockSlack allows for what a bad clock gains or loses during detection and
	// for the millisecond that a timestamp is rounded by.
	clockSlack = 2 * time.Millisecond
	// coarseMS is the step from which a clock is too coarse to be useful.
	coarseMS = 4
)

// timestampFormat is the encoding of a host's timestamps.
type timestampFormat struct {
	swapped bool  // little-endian, against RFC 792
	period  int64 // ms until the clock wraps
}

func (r timestampFormat) ms(v uint32) int64 {
	if r.swapped {
		v = bits.ReverseBytes32(v)
	}
	return int64(v) % r.period
}

// valid reports whether v is within the range of the format.
func (r timestampFormat) valid(v uint32) bool {
	if r.swapped {
		v = bits.ReverseBytes32(v)
	}
	return r.period != dayMS || v < dayMS
}

// elapsed returns the time from one timestamp to another, at most half a period
// either way.
func (r timestampFormat) elapsed(from, to int64) time.Duration {
	return wrap(time.Duration(to-from)*time.Millisecond, time.Duration(r.period)*time.Millisecond)
}

// wrap returns d modulo period, within half a period of 0.
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

// answer is one completed exchange with a host.
type answer struct {
	sent, arrived     time.Duration // on our clock
	receive, transmit uint32        // as received
}

// remoteClock is the clock of a host.
type remoteClock struct {
	timestampFormat
	offset time.Duration // its time at our time 0, estimated
}

// delays returns how long the request and the reply of a took, both off by the
// same unknown amount in opposite directions. It returns ok=false for an answer
// that claims a longer processing time than the whole exchange took.
func (c remoteClock) delays(a answer) (up, down time.Duration, ok bool) {
	receive, transmit := c.ms(a.receive), c.ms(a.transmit)
	if held := c.elapsed(receive, transmit); held < 0 || held > a.arrived-a.sent+clockSlack {
		return 0, 0, false
	}
	period := time.Duration(c.period) * time.Millisecond
	up = wrap(time.Duration(receive)*time.Millisecond-a.sent-c.offset, period)
	down = wrap(a.arrived-time.Duration(transmit)*time.Millisecond+c.offset, period)
	return up, down, true
}

// clockDetector finds the timestamp format of a host from its first answers.
type clockDetector struct {
	answers [maxAnswers]answer
	n       int
}

func (d *clockDetector) add(a answer) {
	if d.n < len(d.answers) {
		d.answers[d.n] = a
		d.n++
	}
}

// detect returns the host's clock, and false until one is found. In the right
// format every request was received after it was sent and every reply was sent
// before it arrived. A copy of the request, a constant, random numbers and seconds
// fit no format.
func (d *clockDetector) detect() (c remoteClock, ok bool) {
	if d.n < minAnswers || d.answers[d.n-1].sent-d.answers[0].arrived < minSpan {
		return c, false
	}
	for _, r := range []timestampFormat{{false, dayMS}, {true, dayMS}, {false, nonStandardMS}, {true, nonStandardMS}} {
		if d.consistent(r) && !d.coarse(r) {
			best := d.answers[0]
			for _, a := range d.answers[:d.n] {
				if a.arrived-a.sent < best.arrived-best.sent {
					best = a
				}
			}
			c = remoteClock{timestampFormat: r}
			c.offset = time.Duration(r.ms(best.receive))*time.Millisecond - (best.sent+best.arrived)/2
			return c, true
		}
	}
	return c, false
}

// consistent reports whether some offset between the two clocks explains all
// answers in format r.
func (d *clockDetector) consistent(r timestampFormat) bool {
	first := d.answers[0]
	lo, hi := -time.Duration(r.period)*time.Millisecond, time.Duration(r.period)*time.Millisecond
	for _, a := range d.answers[:d.n] {
		if !r.valid(a.receive) || !r.valid(a.transmit) {
			return false
		}
		if held := r.elapsed(r.ms(a.receive), r.ms(a.transmit)); held < 0 || held > a.arrived-a.sent+clockSlack {
			return false
		}
		for _, v := range []uint32{a.receive, a.transmit} {
			shown := r.elapsed(r.ms(first.receive), r.ms(v))
			lo = max(lo, shown-(a.arrived-first.sent))
			hi = min(hi, shown-(a.sent-first.sent))
		}
	}
	return lo <= hi+clockSlack
}

// coarse reports whether all timestamps are multiples of a large step. Requests are
// sent at irregular times, so a fine clock does not do that by chance.
func (d *clockDetector) coarse(r timestampFormat) bool {
	var step int64
	for _, a := range d.answers[1:d.n] {
		step = gcd(step, int64(r.elapsed(r.ms(d.answers[0].receive), r.ms(a.receive))/time.Millisecond))
	}
	return step >= coarseMS || step == 0
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}
