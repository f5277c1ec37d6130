package actuate

import (
	"slices"
	"time"
)

// presumedLatency is taken for the router's before its first answer.
const presumedLatency = 20 * time.Millisecond

// latency keeps how long the last few calls for limits took.
type latency struct {
	took [16]time.Duration
	n    int
}

func (l *latency) add(d time.Duration) {
	l.took[l.n%len(l.took)] = d
	l.n++
}

// p90 returns the 90th percentile.
func (l *latency) p90() time.Duration {
	n := min(l.n, len(l.took))
	if n == 0 {
		return presumedLatency
	}
	sorted := l.took
	slices.Sort(sorted[:n])
	return sorted[min(n-1, n*9/10)]
}
