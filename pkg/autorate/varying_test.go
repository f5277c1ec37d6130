package autorate_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// satelliteNoise is the jitter of a line on which a few milliseconds more are
// easily overlooked.
func satelliteNoise(rng *rand.Rand) time.Duration {
	return time.Duration(rng.Float64() * float64(5*time.Millisecond))
}

// varying is a line that one direction has loaded for a while, far below its ceiling.
func varying(seed uint64, d autorate.Direction) *line {
	l := newLine(plainConfig(), seed)
	l.noise = satelliteNoise
	for i := range l.capacity {
		l.capacity[i] = 0.7 * float64(l.cfg.Directions[i].Ceiling)
	}
	l.run(5*time.Second, nil)
	l.demand[d] = greedy
	l.run(20*time.Second, nil)
	return l
}

// share is the part of what the line carries that d's limit lets through, on
// average over some time.
func (l *line) share(d autorate.Direction, over time.Duration) float64 {
	sum, n := 0.0, 0
	l.run(over, func(autorate.Decision) {
		sum += min(1, float64(l.inForce[d])/l.capacity[d])
		n++
	})
	return sum / float64(n)
}

// A route that becomes a little longer, by about as much as makes a queue, is no
// reason to go down step by step for as long as it lasts.
func TestSlightlyLongerRouteIsNoReasonToCut(t *testing.T) {
	for _, d := range autorate.Directions {
		for longer := 3 * time.Millisecond; longer <= 12*time.Millisecond; longer += time.Millisecond {
			var shares []float64
			for seed := range uint64(5) {
				l := varying(seed, d)
				l.base += longer
				l.run(15*time.Second, nil)
				shares = append(shares, l.share(d, 30*time.Second))
			}
			if got := median(shares); got < 0.85 {
				t.Errorf("%v, %v longer: %.2f of the capacity is left, of five %.2f", d, longer, got, shares)
			}
		}
	}
}

// A line that stops for a moment, and leaves a queue behind, has not become slower.
func TestLineThatStopsKeepsItsCapacity(t *testing.T) {
	for _, d := range autorate.Directions {
		for _, stop := range []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 150 * time.Millisecond} {
			for _, slower := range []float64{4, 10, 50} {
				var shares []float64
				for seed := range uint64(9) {
					l := varying(seed, d)
					whole := l.capacity
					for i := range l.capacity {
						l.capacity[i] /= slower
					}
					l.run(stop, nil)
					l.capacity = whole
					shares = append(shares, l.share(d, 3*time.Second))
				}
				if got := median(shares); got < 0.8 {
					t.Errorf("%v, %v at a %vth: %.2f of the capacity was left in the three seconds after, of nine %.2f", d, stop, slower, got, shares)
				}
			}
		}
	}
}
