package rtt

import "time"

const (
	// lateAtLeast is the lateness of a step from which measurements are discarded.
	lateAtLeast = 3 * time.Millisecond
	// lateAtMost is how long measurements are discarded in a row. A host that is
	// late for longer is always late, and must not be blind.
	lateAtMost = 2 * time.Second
)

// Lateness decides whether what was measured by a host that was busy, starved or
// suspended is discarded: a reply that waits for the host is measured too long.
type Lateness struct {
	since time.Duration // 0: the last step was in time
}

// Discard reports whether the measurements of a step at now are not used, because it,
// or the replies before it, were handled late by so much that it could pass for a queue.
func (l *Lateness) Discard(now, late, threshold time.Duration) bool {
	if late <= max(lateAtLeast, threshold/2) {
		l.since = 0
		return false
	}
	if l.since == 0 {
		l.since = now
	}
	return now-l.since < lateAtMost
}
