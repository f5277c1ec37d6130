package rtt

import (
	"math"
	"math/bits"
	"time"
)

const (
	subBits    = 6            // 64 buckets for each doubling: 1/64 wide, at most half of that wrong
	subBuckets = 1 << subBits // exact below 64 ns
	maxOctaves = 36           // the last bucket ends at 2^42 ns, more than an hour
)

// Histogram counts round-trip times for percentiles in constant memory: its buckets
// have a constant relative width, so that a quantile is within 1 % of the true one.
// Minimum, maximum and mean are exact.
// The zero value is empty.
type Histogram struct {
	buckets  [(maxOctaves + 1) * subBuckets]uint64
	count    uint64
	sum      float64 // ns
	min, max time.Duration
}

// Add counts d. Negative durations count as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	if h.count == 0 || d < h.min {
		h.min = d
	}
	h.max = max(h.max, d)
	h.count++
	h.sum += float64(d)
	h.buckets[bucket(d)]++
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.count }

// Min returns the smallest duration, 0 when empty.
func (h *Histogram) Min() time.Duration { return h.min }

// Max returns the largest duration, 0 when empty.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean returns the arithmetic mean, 0 when empty.
func (h *Histogram) Mean() time.Duration {
	if h.count == 0 {
		return 0
	}
	return time.Duration(h.sum / float64(h.count))
}

// Quantile returns the q-quantile (0..1, nearest rank), 0 when empty.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank := uint64(math.Ceil(min(max(q, 0), 1) * float64(h.count)))
	rank = min(max(rank, 1), h.count)
	switch rank {
	case 1:
		return h.min
	case h.count:
		return h.max
	}
	var seen uint64
	for i, n := range h.buckets {
		if seen += n; seen >= rank {
			return min(max(middle(i), h.min), h.max)
		}
	}
	return h.max
}

// bucket returns the index for d: the position of its highest bit, and the
// subBits bits below that.
func bucket(d time.Duration) int {
	v := uint64(d)
	if v < subBuckets {
		return int(v)
	}
	octave := bits.Len64(v) - subBits // from 1
	i := octave<<subBits + int(v>>(octave-1)) - subBuckets
	return min(i, (maxOctaves+1)*subBuckets-1)
}

// middle returns the centre of bucket i.
func middle(i int) time.Duration {
	octave := i >> subBits
	if octave == 0 {
		return time.Duration(i)
	}
	low := uint64(i&(subBuckets-1)+subBuckets) << (octave - 1)
	return time.Duration(low + 1<<(octave-1)/2)
}
