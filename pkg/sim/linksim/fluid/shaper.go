package fluid

import "time"

// Shaper stands in for a CAKE queue on the router: CoDel on the bulk that
// waits, and no delay for sparse flows, which it isolates. Acknowledgements of
// the other direction are such flows; they wait apart.
type Shaper struct {
	Queue
	Acks float64 // bytes of acknowledgements waiting

	Sent    float64 // bytes
	Dropped uint64  // packets

	codel CoDel
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
	flow, bytes = s.codel.Drop(now, &s.Queue)
	if bytes > 0 {
		s.Dropped++
	}
	return flow, bytes
}
