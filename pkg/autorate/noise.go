package autorate

import "time"

const (
	noiseFloor = 3 * time.Millisecond
	noiseStep  = 200 * time.Microsecond
)

// noise tracks the 90th percentile of the excess delay that the link shows
// when no queue of ours stands, by the usual asymmetric steps. Thresholds
// follow from it, so that a cable line with its request-grant jitter and a
// fibre line need no settings of their own.
type noise struct{ p90 time.Duration }

func (n *noise) add(x time.Duration) {
	if x > n.p90 {
		n.p90 += noiseStep * 9 / 10
	} else {
		n.p90 = max(0, n.p90-noiseStep/10)
	}
}

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
