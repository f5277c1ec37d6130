package steering

import "time"

const (
	// absurd is a round-trip time that no path has: such a sample is a mistake
	// of somebody's, not a measurement.
	absurd = 10 * time.Second
	// delayPatience is how long a smoothed delay outlives its last sample.
	delayPatience = 10 * time.Second
	// slowest is the longest interval between samples that is meant to be one.
	slowest = time.Minute
)

// patience is how long after the last sample the next is still its successor:
// at least a while, and longer where samples are rare by intent.
func patience(least, pace time.Duration) time.Duration {
	return max(least, 3*min(pace, slowest))
}

// delay smooths the excess of the round-trip time over its baseline.
type delay struct {
	seeded bool
	at     time.Duration // of the newest sample
	pace   time.Duration // between the two newest
	newest time.Duration
	smooth float64 // nanoseconds
}

// usable reports whether in has a round-trip time to go by.
func usable(in Input) bool {
	return in.RTTKnown && in.Baseline > 0 && in.Baseline <= absurd && in.RTT > 0 && in.RTT <= absurd
}

// stale reports whether what is known at t is too old to go on from.
func (d *delay) stale(t time.Duration) bool {
	return !d.seeded || t-d.at > patience(delayPatience, d.pace)
}

// add takes in a sample. After a long silence it starts afresh: what a line
// was like before a pause has no weight in what it is like now.
func (d *delay) add(t, excess time.Duration, alpha float64) {
	if d.stale(t) {
		d.smooth = float64(excess)
	} else {
		d.smooth += alpha * (float64(excess) - d.smooth)
	}
	if d.seeded {
		d.pace = t - d.at
	}
	d.seeded, d.at, d.newest = true, t, excess
}

func (d *delay) ewma() time.Duration { return time.Duration(d.smooth) }
