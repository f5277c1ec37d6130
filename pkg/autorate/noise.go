package autorate

import "time"

const (
	noiseFloor = 3 * time.Millisecond
	noiseStep  = 200 * time.Microsecond
	// noiseLoaded is how far noise may be learned while there is load, to
	// begin with: bursts that queue for a moment are not the link's noise.
	// Every alarm that turns out false allows foolStep more, up to foolMost.
	noiseLoaded = 5 * time.Millisecond
	foolStep    = time.Millisecond
	foolMost    = 2 * time.Millisecond
)

// noise tracks the 90th percentile of the excess delay that the link shows
// when no queue of ours stands, by the usual asymmetric steps. Thresholds
// follow from it, so that a cable line with its request-grant jitter and a
// fibre line need no settings of their own.
type noise struct {
	p90  time.Duration
	fool time.Duration // what false alarms have added to noiseLoaded
}

// add takes in a sample that is noise with a certainty of weight, 0 to 1.
func (n *noise) add(x time.Duration, weight float64, unloaded bool) {
	step := weight * float64(noiseStep)
	switch {
	case x <= n.p90:
		n.p90 = max(0, n.p90-time.Duration(0.1*step))
	case unloaded || n.p90 < noiseLoaded+n.fool:
		n.p90 += time.Duration(0.9 * step)
	}
}

// fooled notes an alarm whose cause was gone before the cut could act.
func (n *noise) fooled() { n.fool = min(n.fool+foolStep, foolMost) }

// threshold is the excess above which a sample counts as a sign of a queue:
// above the noise, plus what one full packet takes at limit bit/s, and never
// above cap, the user's idea of too much.
func (n *noise) threshold(limit float64, limitCap time.Duration) time.Duration {
	thr := max(noiseFloor, n.p90*12/10)
	if limit > 0 {
		thr += time.Duration(1514 * 8 / limit * float64(time.Second))
	}
	return min(thr, limitCap)
}

// hasty is the evidence that is enough where a queue is expected: little on a
// quiet link, as much as ever on one whose noise looks like a queue.
func (n *noise) hasty(threshold time.Duration) time.Duration {
	share := 0.6 + 1.4*min(1, max(0, float64(n.p90-noiseFloor)/float64(16*time.Millisecond)))
	return time.Duration(share * float64(threshold))
}
