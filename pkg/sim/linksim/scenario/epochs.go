package scenario

import (
	"math/rand/v2"
	"time"
)

// epoch is a stretch of time for which a link keeps its character: a cell of a
// mobile network, or a satellite.
type epoch struct {
	at           time.Duration
	n            int     // its number, 0 for the start
	rttDraw      float64 // 0..1, for its RTT
	capacityDraw float64 // 0..1, for its capacity
}

// epochs is a series of epochs whose lengths are drawn by gap. The function
// returns the one at a time.
func epochs(seed uint64, gap func(*rand.Rand) time.Duration) func(time.Duration) epoch {
	rng := rand.New(rand.NewPCG(seed, 0x6861707065))
	series := []epoch{{rttDraw: 0.5, capacityDraw: 0.5}}
	next := gap(rng)
	i := 0
	return func(t time.Duration) epoch {
		for next <= t {
			series = append(series, epoch{next, len(series), rng.Float64(), rng.Float64()})
			next += max(time.Millisecond, gap(rng))
		}
		for i+1 < len(series) && series[i+1].at <= t {
			i++
		}
		for series[i].at > t && i > 0 {
			i--
		}
		return series[i]
	}
}
