package history

import (
	"math"
	"time"
)

// Buckets of a Histogram: linearWidth each up to linearEnd, then 3 % of the value, up
// to 8 s, which is where the last one begins.
const (
	buckets       = 257
	linearBuckets = 32
	linearWidth   = 250 * time.Microsecond
	linearEnd     = linearBuckets * linearWidth
	perOctave     = 22.4
)

// Histogram counts delays in buckets that are a quarter of a millisecond wide up to 8 ms
// and 3 % of the value beyond. Histograms merge without loss; the zero value is empty.
type Histogram [buckets]uint32

func bucketOf(d time.Duration) int {
	if d < linearEnd {
		return max(int(d/linearWidth), 0)
	}
	return min(linearBuckets+int(math.Log2(float64(d)/float64(linearEnd))*perOctave), buckets-1)
}

// bucketStart returns the lowest delay in bucket i.
func bucketStart(i int) time.Duration {
	if i <= linearBuckets {
		return time.Duration(i) * linearWidth
	}
	return time.Duration(float64(linearEnd) * math.Exp2(float64(i-linearBuckets)/perOctave))
}

// Add counts a delay; a negative one counts as 0.
func (h *Histogram) Add(d time.Duration) { h[bucketOf(d)]++ }

// Merge adds what other has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// Count returns how many delays were counted.
func (h *Histogram) Count() int {
	n := 0
	for _, x := range h {
		n += int(x)
	}
	return n
}

// Quantile returns the delay that the share q of the counted ones does not exceed, 0
// without any. Within a bucket the delays are taken to be spread evenly.
func (h *Histogram) Quantile(q float64) time.Duration {
	total := h.Count()
	if total == 0 {
		return 0
	}
	rank := q * float64(total)
	seen := 0.0
	for i, n := range h {
		if n == 0 || seen+float64(n) < rank {
			seen += float64(n)
			continue
		}
		start, end := bucketStart(i), bucketStart(i+1)
		return start + time.Duration((rank-seen)/float64(n)*float64(end-start))
	}
	return bucketStart(buckets)
}

// Mean returns the mean of what was counted, 0 without any, as if the delays of a bucket
// were at its middle.
func (h *Histogram) Mean() time.Duration {
	var sum, total float64
	for i, n := range h {
		if n > 0 {
			sum += float64(n) * float64(bucketStart(i)+bucketStart(i+1)) / 2
			total += float64(n)
		}
	}
	if total == 0 {
		return 0
	}
	return time.Duration(sum / total)
}
