package delayline

import (
	"math"
	"math/rand/v2"
	"time"
)

// Jitter adds to the delay a value that stays the same for a Period, as the
// request-grant cycle of a cable modem or the scheduler of a base station do.
// A new value per packet would be no jitter at all in a line that keeps order:
// every packet would wait for the slowest before it.
type Jitter struct {
	Max    time.Duration // each period draws r uniformly from [0, 1) and adds Max * r^Power
	Power  float64       // 0: 1, uniform; 4: mostly small, seldom large
	Period time.Duration // 0: 10 ms
	Spike  time.Duration // with SpikeProbability, a period lasts this much longer instead
	// SpikeProbability is the share of periods that are spikes, 0 to 1.
	SpikeProbability float64
}

// draw returns the jitter of a new period.
func (j Jitter) draw(rng *rand.Rand) time.Duration {
	r, spike := rng.Float64(), rng.Float64() < j.SpikeProbability
	switch {
	case spike:
		return j.Spike
	case j.Power > 0:
		r = math.Pow(r, j.Power)
	}
	return time.Duration(r * float64(j.Max))
}
