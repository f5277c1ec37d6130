package linksim

import (
	"slices"
	"time"
)

// Summary is the distribution of an excess delay over time.
type Summary struct {
	P50, P95, P99 time.Duration
	Above30       float64 // share of the samples above 30 ms
}

// Summarise sorts samples in place.
func Summarise(samples []time.Duration) Summary {
	n := len(samples)
	if n == 0 {
		return Summary{}
	}
	slices.Sort(samples)
	i, _ := slices.BinarySearch(samples, 30*time.Millisecond)
	return Summary{
		P50: samples[n/2], P95: samples[n*95/100], P99: samples[n*99/100],
		Above30: float64(n-i) / float64(n),
	}
}
