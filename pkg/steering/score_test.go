package steering

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func defaults() Config {
	return Config{
		CakeAware: true,
		GreenRTT:  5 * time.Millisecond, YellowRTT: 15 * time.Millisecond, RedRTT: 15 * time.Millisecond,
		Recovery: 12 * time.Millisecond, Bad: 25 * time.Millisecond,
		MinDropsRed: 1, MinQueueYellow: 10, MinQueueRed: 50,
	}
}

// What the default thresholds, 55 and 20, have to tell apart.
func TestScore(t *testing.T) {
	for _, tt := range []struct {
		name         string
		excess       time.Duration // ms
		counted      bool
		drops, depth float64
		uncounted    float64
		low, high    float64
	}{
		{"idle", 0, true, 0, 0, 0, 0, 0},
		{"still green", 5, true, 0, 9, 0, 10, 20},
		{"delay at red, no queue", 15, true, 0, 0, 0, 30, 40},
		{"delay at red, drops", 15, true, 1, 0, 0, 55, 60},
		{"delay at red, a queue", 15, true, 0, 50, 0, 55, 60},
		{"delay at red, both", 15, true, 1, 50, 0, 60, 70},
		{"delay below red, drops and a queue", 12, true, 1, 50, 0, 45, 55},
		{"a saturated line without delay", 0, true, 100, 500, 0, 40, 40},
		{"severe delay, no queue", 52, true, 0, 0, 0, 55, 60},
		{"everything", 60, true, 10, 200, 0, 100, 100},
		{"drops not counted, still green", 5, true, 0, 9, 9, 15, 25},
		{"drops not counted, delay at red, a short queue", 15, true, 0, 12, 12, 45, 55},
		{"drops not counted, delay above red, a short queue", 25, true, 0, 12, 12, 55, 60},
		{"drops not counted, delay at red, a queue", 15, true, 0, 50, 50, 60, 70},
		{"drops not counted, no delay", 0, true, 0, 500, 500, 40, 40},
		{"delay alone, green", 5, false, 0, 0, 0, 15, 20},
		{"delay alone, red", 15, false, 0, 0, 0, 55, 65},
		{"delay alone, severe", 60, false, 0, 0, 0, 100, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := defaults()
			s := c.scales()
			if got := s.score(tt.excess*time.Millisecond, tt.counted, tt.drops, tt.depth, tt.uncounted); got < tt.low || got > tt.high {
				t.Errorf("score %v, want %v to %v", got, tt.low, tt.high)
			}
		})
	}
	c := defaults()
	c.CakeAware = false
	s := c.scales()
	if good, bad := s.score(12*time.Millisecond, false, 0, 0, 0), s.score(25*time.Millisecond, false, 0, 0, 0); good > 20 || bad < 55 {
		t.Errorf("not cake aware: %v at recovery, %v at bad", good, bad)
	}
}

// More delay, drops or queue never makes the score lower, whatever the
// thresholds, and it stays within its range.
func TestScoreIsMonotone(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	anyTime := func() time.Duration { return time.Duration(math.Exp(rng.Float64()*12) * 1e4) } // 10 µs to 1.6 s
	anyCount := func() int { return int(math.Exp(rng.Float64()*8) - 1) }
	for range 20_000 {
		c := Config{
			CakeAware: rng.IntN(4) > 0, GreenRTT: anyTime(), YellowRTT: anyTime(), RedRTT: anyTime(), Recovery: anyTime(), Bad: anyTime(),
			MinDropsRed: anyCount(), MinQueueYellow: anyCount(), MinQueueRed: anyCount(),
		}.normalized()
		s := c.scales()
		delay, drops, depth, counted := anyTime(), float64(anyCount()), float64(anyCount()), rng.IntN(3) > 0
		uncounted := depth * float64(rng.IntN(2))
		if rng.IntN(5) == 0 {
			delay = []time.Duration{0, c.GreenRTT, c.YellowRTT, c.RedRTT, c.Bad}[rng.IntN(5)]
		}
		less := s.score(delay, counted, drops, depth, uncounted)
		delay += time.Duration(rng.Float64() * float64(anyTime()))
		drops += rng.Float64() * float64(anyCount())
		depth += rng.Float64() * float64(anyCount())
		uncounted = max(uncounted, depth*float64(rng.IntN(2)))
		more := s.score(delay, counted, drops, depth, uncounted)
		if more < less-1e-9 || less < 0 || more > 100 || math.IsNaN(less+more) {
			t.Fatalf("%+v: score %v, and %v with %v, %v drops, depth %v", c, less, more, delay, drops, depth)
		}
	}
}
