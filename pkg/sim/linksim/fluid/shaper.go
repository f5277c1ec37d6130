package fluid

import (
	"math"
	"time"
)

const (
	codelTarget   = 5 * time.Millisecond
	codelInterval = 100 * time.Millisecond
)

// Shaper stands in for a CAKE queue on the router: CoDel on the bulk that
// waits, and no delay for sparse flows, which it isolates. Acknowledgements of
// the other direction are such flows; they wait apart.
type Shaper struct {
	Queue
	Acks float64 // bytes of acknowledgements waiting

	Sent    float64 // bytes
	Dropped uint64  // packets

	// CoDel, RFC 8289.
	above    time.Duration // when the sojourn time first stayed above target
	dropping bool
	next     time.Duration
	count    int
}

// TakeAcks sends waiting acknowledgements ahead of the bulk, up to half of the
// budget while there is bulk: CAKE gives every flow its share.
func (s *Shaper) TakeAcks(budget float64) float64 {
	if s.Acks <= 0 {
		return 0
	}
	if !s.Empty() {
		budget /= 2
	}
	n := min(s.Acks, budget)
	s.Acks -= n
	s.Sent += n
	return n
}

// Drop removes by CoDel what is to be dropped at now, a packet a call: call it
// until it returns 0.
func (s *Shaper) Drop(now time.Duration) (flow int, bytes float64) {
	if s.bytes < 2*Packet || s.Sojourn(now) < codelTarget {
		s.above, s.dropping = 0, false
		return 0, 0
	}
	if s.above == 0 {
		s.above = now + codelInterval
		return 0, 0
	}
	if now < s.above {
		return 0, 0
	}
	if !s.dropping {
		s.dropping, s.next = true, now
		s.count = max(1, s.count/2)
	}
	if now < s.next {
		return 0, 0
	}
	s.Dropped++
	s.count++
	s.next += time.Duration(float64(codelInterval) / math.Sqrt(float64(s.count)))
	return s.Take(Packet)
}
