package rtt

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// quantile is the definition that Histogram approximates.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
}

func checkAgainstSorting(t *testing.T, samples []time.Duration) {
	t.Helper()
	var h Histogram
	for _, d := range samples {
		h.Add(d)
	}
	slices.Sort(samples)
	if h.Count() != uint64(len(samples)) || h.Min() != samples[0] || h.Max() != samples[len(samples)-1] {
		t.Errorf("count, min, max = %d, %v, %v", h.Count(), h.Min(), h.Max())
	}
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1} {
		got, want := h.Quantile(q), quantile(samples, q)
		if diff := math.Abs(float64(got - want)); diff > float64(want)/100 {
			t.Errorf("quantile %v = %v, want %v within 1 %%", q, got, want)
		}
	}
}

func TestHistogramIsWithinOnePercent(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
	for _, tt := range []struct {
		name string
		n    int
		draw func() time.Duration
	}{
		{"one", 1, func() time.Duration { return 12345678 }},
		{"two", 2, func() time.Duration { return upTo(time.Second) }},
		{"loopback", 1000, func() time.Duration { return 30*time.Microsecond + upTo(20*time.Microsecond) }},
		{"nanoseconds", 1000, func() time.Duration { return upTo(200 * time.Nanosecond) }},
		{"line with a long tail", 20000, func() time.Duration {
			return time.Duration(float64(8*time.Millisecond) * math.Exp(rng.ExpFloat64()))
		}},
		{"up to an hour", 5000, func() time.Duration { return upTo(time.Hour) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			samples := make([]time.Duration, tt.n)
			for i := range samples {
				samples[i] = tt.draw()
			}
			checkAgainstSorting(t, samples)
		})
	}
}

func TestHistogramBucketsAreInOrder(t *testing.T) {
	last := -1
	for shift := range 63 {
		for sub := range uint64(256) {
			low := uint64(1) << shift
			v := low | low>>8*sub // 256 steps to the next power of two
			if shift < 8 {
				v = low | low*sub>>8
			}
			i := bucket(time.Duration(v))
			if i < last {
				t.Fatalf("bucket(%d) = %d after %d", v, i, last)
			}
			last = i
		}
	}
}

func TestHistogramEdges(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Mean() != 0 || h.Min() != 0 || h.Max() != 0 {
		t.Error("an empty histogram is not zero")
	}
	h.Add(-time.Second)
	h.Add(math.MaxInt64)
	if h.Min() != 0 || h.Max() != math.MaxInt64 || h.Quantile(1) != math.MaxInt64 || h.Quantile(0) != 0 {
		t.Errorf("min %v, max %v", h.Min(), h.Max())
	}
	if got := h.Quantile(math.NaN()); got < 0 {
		t.Errorf("quantile NaN = %v", got)
	}
	var m Histogram
	m.Add(10 * time.Millisecond)
	m.Add(20 * time.Millisecond)
	if got := m.Mean(); got != 15*time.Millisecond {
		t.Errorf("mean %v", got)
	}
}

func FuzzHistogram(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200}, uint8(20))
	f.Fuzz(func(t *testing.T, data []byte, shift uint8) {
		if len(data) == 0 {
			t.Skip()
		}
		samples := make([]time.Duration, len(data))
		for i, b := range data {
			samples[i] = time.Duration(b) << (shift % 32)
		}
		checkAgainstSorting(t, samples)
	})
}

func BenchmarkHistogramAdd(b *testing.B) {
	var h Histogram
	b.ReportAllocs()
	for b.Loop() {
		h.Add(12345678)
	}
}
