package autorate

import (
	"slices"
	"time"
)

// slope estimates how fast the queue grows, as milliseconds of delay per
// millisecond of time, by the Theil-Sen estimator (the median of all pairwise
// slopes) over the last few samples: one absurd sample does not move it.
type slope struct {
	at [slopePoints]time.Duration
	x  [slopePoints]time.Duration
	n  int
}

func (s *slope) add(now, x time.Duration) {
	s.at[s.n%slopePoints], s.x[s.n%slopePoints] = now, x
	s.n++
}

func (s *slope) reset() { s.n = 0 }

// value returns the slope, 0 with fewer than three samples.
func (s *slope) value() float64 {
	n := min(s.n, slopePoints)
	if n < slopeLeast {
		return 0
	}
	var pairs [slopePoints * (slopePoints - 1) / 2]float64
	k := 0
	for i := range n {
		for j := range i {
			if dt := s.at[i] - s.at[j]; dt != 0 {
				pairs[k] = float64(s.x[i]-s.x[j]) / float64(dt)
				k++
			}
		}
	}
	if k == 0 {
		return 0
	}
	slices.Sort(pairs[:k])
	if k%2 == 1 {
		return pairs[k/2]
	}
	return (pairs[k/2-1] + pairs[k/2]) / 2
}
