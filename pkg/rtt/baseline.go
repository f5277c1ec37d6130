package rtt

import "time"

const (
	// baselineWindow is how many seconds of clean samples bear on a baseline.
	baselineWindow = 30
	// rebaseAfter is how long an unloaded path must show nothing but high
	// delay before that delay is taken for the new idle RTT: long enough for a
	// burst to end, short enough that a route change is over in seconds.
	rebaseAfter = 3
)

// Baseline estimates the idle round-trip time of one reflector: the lowest RTT
// of the last baselineWindow seconds in which the link was clean (unloaded, or
// proven free of a queue of ours).
//
// It follows downwards at once, since no queue makes a path faster; at once is
// with the second sample that agrees, so that an odd one alone does nothing.
// Upwards it
// only moves on clean seconds: seconds under load age nothing, so a standing
// queue cannot leak into the baseline however long it stands.
type Baseline struct {
	value   time.Duration
	minima  [baselineWindow]time.Duration // per clean second, newest at next-1
	filled  int
	next    int
	current time.Duration // minimum of the second in progress
	runner  time.Duration // second lowest of it
	second  time.Duration // when that second began
	dirty   bool          // that second saw load
}

// Value returns the estimate, or 0 before the first sample.
func (b *Baseline) Value() time.Duration { return b.value }

// Reset makes v the estimate and forgets the past.
func (b *Baseline) Reset(v time.Duration) { *b = Baseline{value: v} }

// Add takes in one RTT, measured at now while the link was clean or not.
func (b *Baseline) Add(now, v time.Duration, clean bool) {
	if v <= 0 {
		return
	}
	if now-b.second >= time.Second {
		b.closeSecond(now)
	}
	switch {
	case b.current == 0:
		b.current = v
	case v < b.current:
		b.current, b.runner = v, b.current
	case b.runner == 0 || v < b.runner:
		b.runner = v
	}
	switch {
	case b.value == 0:
		b.value = v
	case b.runner > 0 && b.runner < b.value:
		b.value = b.runner
	}
	if !clean {
		b.dirty = true
	}
}

// recent returns the lowest RTT of the second in progress, or other.
func (b *Baseline) recent(other time.Duration) time.Duration {
	if b.current > 0 {
		return max(b.current, b.runner)
	}
	return other
}

func (b *Baseline) closeSecond(now time.Duration) {
	if b.current > 0 && !b.dirty {
		b.minima[b.next] = max(b.current, b.runner)
		b.next = (b.next + 1) % baselineWindow
		b.filled = min(b.filled+1, baselineWindow)
		b.rise()
	}
	b.current, b.runner, b.dirty, b.second = 0, 0, false, now
}

// rise lifts the estimate to the lowest clean second of the window once the
// window is full, or to the lowest of the last few when all of those lie far
// above it: a joint jump at low load is another route, not a queue.
func (b *Baseline) rise() {
	if b.filled >= rebaseAfter {
		if recent := b.lowest(rebaseAfter); recent > b.value+b.value/16+3*time.Millisecond {
			b.value = recent
			return
		}
	}
	if b.filled == baselineWindow {
		b.value = max(b.value, b.lowest(baselineWindow))
	}
}

// lowest returns the minimum of the newest n clean seconds.
func (b *Baseline) lowest(n int) time.Duration {
	low := time.Duration(0)
	for i := 1; i <= n; i++ {
		m := b.minima[(b.next-i+baselineWindow)%baselineWindow]
		if low == 0 || m < low {
			low = m
		}
	}
	return low
}
