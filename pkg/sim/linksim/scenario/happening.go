package scenario

import (
	"math/rand/v2"
	"time"
)

// happening is one of a series of moments at which a link becomes another.
type happening struct {
	at   time.Duration
	n    int     // its number, 0 for the start
	draw float64 // 0..1, what it brought
	gift float64 // likewise
}

// happenings is a series of moments; the distance from one to the next is drawn
// by gap. The function returns the last one before a time.
func happenings(seed uint64, gap func(*rand.Rand) time.Duration) func(time.Duration) happening {
	rng := rand.New(rand.NewPCG(seed, 0x6861707065))
	series := []happening{{draw: 0.5, gift: 0.5}}
	next := gap(rng)
	i := 0
	return func(t time.Duration) happening {
		for next <= t {
			series = append(series, happening{next, len(series), rng.Float64(), rng.Float64()})
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
