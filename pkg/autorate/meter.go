package autorate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// meter turns counter readings of one queue into throughput and the signs of
// a busy shaper.
type meter struct {
	stale  time.Duration
	at     [readingRing]time.Duration
	count  [readingRing]Counters
	own    [readingRing]uint64 // bytes of our own probes until then
	probes uint64              // bytes of our own, so far
	n      int                 // readings ever taken since the last reset
	busy   time.Duration
	ever   bool // busy is valid
}

// add takes in one reading. A counter that went backwards (reboot, reset), or
// that has leapt, starts the history anew.
func (m *meter) add(at time.Duration, c Counters) {
	if m.n > 0 {
		last := (m.n - 1) % readingRing
		if at <= m.at[last] {
			return
		}
		leap := float64(c.Bytes-m.count[last].Bytes) > leapRate*max(at-m.at[last], leapSpan).Seconds()
		if c.Bytes < m.count[last].Bytes || c.Dropped < m.count[last].Dropped || leap {
			m.n = 0
		} else if c.Dropped > m.count[last].Dropped {
			m.busy, m.ever = at, true
		}
	}
	if c.QueuedBytes > backlogPackets*packetBytes {
		m.busy, m.ever = at, true
	}
	m.at[m.n%readingRing], m.count[m.n%readingRing], m.own[m.n%readingRing] = at, c, m.probes
	m.n++
}

// fresh reports whether the newest reading still describes now.
func (m *meter) fresh(now time.Duration) bool {
	return m.n >= 2 && now-m.at[(m.n-1)%readingRing] < m.stale
}

// rate returns the mean throughput in bit/s of the newest readings that span
// at least span, and the time at which that stretch began.
func (m *meter) rate(span time.Duration) (bps float64, since time.Duration) {
	bps, _, since = m.rates(span)
	return bps, since
}

// rates returns what of the throughput is our own probes, too.
func (m *meter) rates(span time.Duration) (bps, own float64, since time.Duration) {
	if m.n < 2 {
		return 0, 0, 0
	}
	last := (m.n - 1) % readingRing
	for back := 2; back <= min(m.n, readingRing); back++ {
		i := (m.n - back) % readingRing
		if dt := m.at[last] - m.at[i]; dt >= span || back == min(m.n, readingRing) {
			perSecond := 8 / dt.Seconds()
			return float64(m.count[last].Bytes-m.count[i].Bytes) * perSecond, float64(m.own[last]-m.own[i]) * perSecond, m.at[i]
		}
	}
	return 0, 0, 0
}

// busyWithin reports whether the shaper queued or dropped within d before now:
// then it, and nothing behind it, limits the flow.
func (m *meter) busyWithin(now, d time.Duration) bool { return m.ever && now-m.busy <= d }

// idleNow reports whether the newest reading shows an empty shaper that has
// not dropped since the one before.
func (m *meter) idleNow() bool {
	if m.n < 2 {
		return false
	}
	last, prev := (m.n-1)%readingRing, (m.n-2)%readingRing
	return m.count[last].QueuedBytes <= backlogPackets*packetBytes && m.count[last].Dropped == m.count[prev].Dropped
}

// limitHistory remembers the applied limit of one direction, one entry a tick,
// because a queue seen now was fed by the limit of some time ago.
type limitHistory struct {
	at   [readingRing]time.Duration
	rate [readingRing]float64
	n    int
}

func (h *limitHistory) add(now time.Duration, r bitrate.Rate) {
	h.at[h.n%readingRing], h.rate[h.n%readingRing] = now, float64(r)
	h.n++
}

// mean returns the mean limit over [from, to], or the oldest known one.
func (h *limitHistory) mean(from, to time.Duration) float64 {
	var sum, oldest float64
	n := 0
	for back := 1; back <= min(h.n, readingRing); back++ {
		i := (h.n - back) % readingRing
		oldest = h.rate[i]
		if h.at[i] > to {
			continue
		}
		if h.at[i] < from {
			break
		}
		sum += h.rate[i]
		n++
	}
	if n == 0 {
		return oldest
	}
	return sum / float64(n)
}

// lowest returns the lowest limit in force since from, the limit that was in
// force at from included.
func (h *limitHistory) lowest(from time.Duration) float64 {
	low := float64(0)
	for back := 1; back <= min(h.n, readingRing); back++ {
		i := (h.n - back) % readingRing
		if low == 0 || h.rate[i] < low {
			low = h.rate[i]
		}
		if h.at[i] <= from {
			break
		}
	}
	return low
}
