package steering

import "time"

const (
	// maxRTT is a round-trip time that no path has: a sample above it is an error
	// of measurement.
	maxRTT = 10 * time.Second
	// delayTimeout is how long a smoothed delay outlives its last sample.
	delayTimeout = 10 * time.Second
	// maxInterval is the longest plausible interval between samples.
	maxInterval = time.Minute
)

// maxGap returns how long after the last sample the next still continues it: least,
// or three intervals where samples are rare by design.
func maxGap(least, pace time.Duration) time.Duration {
	return max(least, 3*min(pace, maxInterval))
}

// delay smooths the excess of the round-trip time over its baseline.
type delay struct {
	seeded bool
	at     time.Duration // of the newest sample
	pace   time.Duration // between the two newest
	newest time.Duration
	smooth float64 // nanoseconds
}

// usable reports whether in has a plausible round-trip time.
func usable(in Input) bool {
	return in.RTTKnown && in.Baseline > 0 && in.Baseline <= maxRTT && in.RTT > 0 && in.RTT <= maxRTT
}

// stale reports whether the smoothed delay is too old at t to be continued.
func (d *delay) stale(t time.Duration) bool {
	return !d.seeded || t-d.at > maxGap(delayTimeout, d.pace)
}

// add adds a sample. After a long pause smoothing starts afresh: the line before
// the pause says nothing about the line now.
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
