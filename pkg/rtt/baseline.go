package rtt

import "time"

const (
	// baselineWindow is how many unloaded seconds a baseline is the minimum of.
	baselineWindow = 30
	// rebaseAfter is how many unloaded seconds in a row must show a higher delay
	// before it becomes the new idle RTT: long enough for a burst to end, short
	// enough to follow a route change within seconds.
	rebaseAfter = 3
)

// Baseline estimates the idle round-trip time of one reflector: the lowest RTT of
// the last baselineWindow seconds in which the link was unloaded, or known to hold
// no queue of ours.
//
// It falls with the second sample that agrees, since no queue makes a path faster
// and a single outlier must have no effect. It rises on unloaded seconds only:
// loaded ones do not age the window, so a standing queue never becomes part of the
// baseline, however long it lasts.
type Baseline struct {
	value    time.Duration
	minima   [baselineWindow]time.Duration // of unloaded seconds, newest at next-1
	filled   int
	next     int
	current  time.Duration // minimum of the second in progress
	runnerUp time.Duration // second lowest of that second
	second   time.Duration // start of that second
	dirty    bool          // that second had load
}

// Value returns the estimate, or 0 before the first sample.
func (b *Baseline) Value() time.Duration { return b.value }

// Reset sets the estimate to v and discards the history.
func (b *Baseline) Reset(v time.Duration) { *b = Baseline{value: v} }

// Add adds one RTT, measured at now. unloaded reports whether the link had too little
// traffic for a queue.
func (b *Baseline) Add(now, v time.Duration, unloaded bool) {
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
		b.current, b.runnerUp = v, b.current
	case b.runnerUp == 0 || v < b.runnerUp:
		b.runnerUp = v
	}
	switch {
	case b.value == 0:
		b.value = v
	case b.runnerUp > 0 && b.runnerUp < b.value:
		b.value = b.runnerUp
	}
	if !unloaded {
		b.dirty = true
	}
}

// recent returns the lowest RTT of the second in progress, other without any.
func (b *Baseline) recent(other time.Duration) time.Duration {
	if b.current > 0 {
		return max(b.current, b.runnerUp)
	}
	return other
}

func (b *Baseline) closeSecond(now time.Duration) {
	if b.current > 0 && !b.dirty {
		b.minima[b.next] = max(b.current, b.runnerUp)
		b.next = (b.next + 1) % baselineWindow
		b.filled = min(b.filled+1, baselineWindow)
		b.rise()
	}
	b.current, b.runnerUp, b.dirty, b.second = 0, 0, false, now
}

// rise raises the estimate to the lowest unloaded second of the window once the
// window is full, or to the lowest of the last few when all of those are far above
// it: a jump at low load is another route, not a queue.
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

// lowest returns the minimum of the newest n unloaded seconds.
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
