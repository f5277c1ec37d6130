package steering

import (
	"math"
	"time"
)

const (
	// meterPatience is how long a reading stands while there is no newer one,
	// and how long after the start one is waited for.
	meterPatience = 2 * time.Second
	// wrapped is the most a 32-bit counter that started over is believed to have
	// counted meanwhile. A smaller number is a reboot otherwise, or a reset.
	wrapped = 1 << 20
)

// meter makes samples out of the router's counters.
type meter struct {
	based  bool // last is a reading
	last   [2]Counters
	seeded bool
	at     time.Duration // of the newest reading
	pace   time.Duration // between the two newest

	drops, depth      int
	dropsEWMA, smooth float64 // packets; the latter of depth
}

// counts reports whether drops and depth, as of t, take part in the judgement.
// Just after the start they do so unread, as none: the delay alone is to decide
// where there are no counters, not where they are a moment late.
func (m *meter) counts(t time.Duration) bool {
	var newest time.Duration // the start, at first
	if m.seeded {
		newest = max(newest, m.at)
	}
	return t-newest <= patience(meterPatience, m.pace)
}

// read takes in a reading. A difference to one that is long past says how much
// was dropped in all that time, which is nothing to judge this moment by.
func (m *meter) read(t time.Duration, queues [2]Counters, alpha float64) {
	gap := !m.seeded || t-m.at > patience(meterPatience, m.pace)
	m.drops, m.depth = 0, 0
	for i, q := range queues {
		if m.based && !gap {
			m.drops += dropped(m.last[i].Dropped, q.Dropped)
		}
		// A packet waits in one queue only: the longer one is what it feels.
		m.depth = max(m.depth, int(min(q.QueuedPackets, most)))
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

// dropped is how many packets a counter counted between two readings; none if
// it started over.
func dropped(before, now uint64) int {
	switch {
	case now >= before:
		if n := now - before; n <= most {
			return int(n)
		}
		return 0 // not the same counter
	case before <= math.MaxUint32 && now+(1<<32)-before <= wrapped:
		return int(now + (1 << 32) - before)
	}
	return 0
}
