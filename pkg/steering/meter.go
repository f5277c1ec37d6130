package steering

import (
	"math"
	"time"
)

const (
	// meterTimeout is how long a reading counts while there is no newer one, and
	// how long after the start the law waits for the first.
	meterTimeout = 2 * time.Second
	// maxWrapped is the largest increase that is taken for the overflow of a 32-bit
	// counter. Otherwise a smaller value means a reboot or a reset.
	maxWrapped = 1 << 20
)

// meter turns the router's counters into drops and queue depth.
type meter struct {
	based  bool // last is a reading
	last   [2]Counters
	seeded bool
	at     time.Duration // of the newest reading
	pace   time.Duration // between the two newest

	drops, depth      int
	dropsEWMA, smooth float64 // packets; the latter of depth
	queues            [2]queueMeter
}

const (
	// A queue that sent at least minSent bytes, over at least minCongested of
	// congestion, and dropped nothing has a drop counter that does not count.
	minSent      = 500_000
	minCongested = 5 * time.Second
)

// queueMeter finds out whether the drop counter of a queue counts.
type queueMeter struct {
	dropped   bool // it has counted a drop, so it counts
	congested time.Duration
	sent      uint64  // bytes meanwhile
	smooth    float64 // depth, packets
}

// notCounted reports whether drops of the queue are not counted. That they are
// absent then means nothing.
func (q *queueMeter) notCounted() bool {
	return !q.dropped && q.congested >= minCongested && q.sent >= minSent
}

// read adds what happened within dt: a queue that sent something while it was the
// longer one and the line congested should have dropped something, sooner or later.
func (q *queueMeter) read(before, now, other Counters, dt time.Duration, congested bool) (drops int) {
	drops = dropped(before.Dropped, now.Dropped)
	q.dropped = q.dropped || drops > 0
	if congested && now.Bytes > before.Bytes && now.QueuedPackets >= other.QueuedPackets {
		q.congested = min(q.congested+dt, maxAge)
		q.sent = min(q.sent+min(now.Bytes-before.Bytes, minSent), minSent)
	}
	return drops
}

// uncountedDepth returns the smoothed depth of the longer of the queues whose drops
// are not counted, 0 without one.
func (m *meter) uncountedDepth() float64 {
	depth := 0.0
	for i := range m.queues {
		if q := &m.queues[i]; q.notCounted() {
			depth = max(depth, q.smooth)
		}
	}
	return depth
}

// counts reports whether drops and depth are used at t. Just after the start they
// are, as 0, before the first reading: delay alone decides only where there are no
// counters, not where they are a moment late.
func (m *meter) counts(t time.Duration) bool {
	var newest time.Duration // the start, at first
	if m.seeded {
		newest = max(newest, m.at)
	}
	return t-newest <= maxGap(meterTimeout, m.pace)
}

// read adds a reading; congested is the line's state since the last one. The difference to one long ago covers all the time between,
// so it is not used.
func (m *meter) read(t time.Duration, queues [2]Counters, alpha float64, congested bool) {
	gap := !m.seeded || t-m.at > maxGap(meterTimeout, m.pace)
	m.drops, m.depth = 0, 0
	for i, q := range queues {
		state, depth := &m.queues[i], int(min(q.QueuedPackets, maxCount))
		if m.based && !gap {
			m.drops += state.read(m.last[i], q, queues[1-i], t-m.at, congested)
		}
		if gap {
			state.smooth = float64(depth)
		} else {
			state.smooth += alpha * (float64(depth) - state.smooth)
		}
		// A packet waits in one queue only: the longer one is what it feels.
		m.depth = max(m.depth, depth)
	}
	if gap {
		m.smooth, m.dropsEWMA = float64(m.depth), float64(m.drops)
	} else {
		m.smooth += alpha * (float64(m.depth) - m.smooth)
		m.dropsEWMA += alpha * (float64(m.drops) - m.dropsEWMA)
	}
	if m.seeded {
		m.pace = t - m.at
	}
	m.based, m.seeded, m.last, m.at = true, true, queues, t
}

// dropped returns the packets counted between two readings; 0 if the counter was
// reset.
func dropped(before, now uint64) int {
	switch {
	case now >= before:
		if n := now - before; n <= maxCount {
			return int(n)
		}
		return 0 // not the same counter
	case before <= math.MaxUint32 && now+(1<<32)-before <= maxWrapped:
		return int(now + (1 << 32) - before)
	}
	return 0
}
