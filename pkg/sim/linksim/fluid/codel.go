package fluid

import (
	"math"
	"time"
)

const (
	codelTarget   = 5 * time.Millisecond
	codelInterval = 100 * time.Millisecond
)

// CoDel decides which packets of a queue to drop, by how long they have waited
// (RFC 8289).
type CoDel struct {
	above    time.Duration // when the sojourn time first stayed above target
	dropping bool
	next     time.Duration
	count    int
}

// Drop removes what is to be dropped from q at now, a packet a call: call it until
// it returns 0.
func (c *CoDel) Drop(now time.Duration, q *Queue) (flow int, bytes float64) {
	if q.bytes < 2*Packet || q.Sojourn(now) < codelTarget {
		c.above, c.dropping = 0, false
		return 0, 0
	}
	if c.above == 0 {
		c.above = now + codelInterval
		return 0, 0
	}
	if now < c.above {
		return 0, 0
	}
	if !c.dropping {
		c.dropping, c.next = true, now
		c.count = max(1, c.count/2)
	}
	if now < c.next {
		return 0, 0
	}
	c.count++
	c.next += time.Duration(float64(codelInterval) / math.Sqrt(float64(c.count)))
	return q.Take(Packet)
}
