package autorate

import (
	"slices"
	"time"
)

// How a loop treats a router, the live one and the one of the simulator alike.
const (
	// PollBase is the counter polling interval on a router that answers fast,
	// PollQuiet the one while nothing happens.
	PollBase  = 100 * time.Millisecond
	PollQuiet = 200 * time.Millisecond
)

// Quiet reports that neither direction carries anything worth counting.
func (dec Decision) Quiet() bool {
	down, up := dec.Directions[Download].Load, dec.Directions[Upload].Load
	return dec.Excess < dec.Threshold && down >= 0 && down < 0.05 && up >= 0 && up < 0.05
}

// Latency keeps the last few write times.
type Latency struct {
	took [16]time.Duration
	n    int
}

// Add takes in how long a write took.
func (l *Latency) Add(d time.Duration) {
	l.took[l.n%len(l.took)] = d
	l.n++
}

// P90 returns the 90th percentile, or a guess before the first write.
func (l *Latency) P90() time.Duration {
	n := min(l.n, len(l.took))
	if n == 0 {
		return 20 * time.Millisecond
	}
	sorted := l.took
	slices.Sort(sorted[:n])
	return sorted[min(n-1, n*9/10)]
}
