package steering

import "time"

const (
	// delayWeight of the score is for the delay, which is what users feel; the
	// rest is for the queues, which say that the delay is the load's doing.
	delayWeight  = 60
	queuesWeight = 100 - delayWeight
	// strongerShare is the share of the stronger of the two signs of the queues: with
	// drops the queue is often short, and a long one need not drop.
	strongerShare = 0.75
)

// curve is a broken line that rises from its first point to its last and is
// flat outside.
type curve []point

type point struct{ x, y float64 }

// at returns the height at x; where two points stand on one another, that of
// the upper one.
func (c curve) at(x float64) float64 {
	i := 0
	for i < len(c) && c[i].x <= x {
		i++
	}
	switch i {
	case 0:
		return c[0].y
	case len(c):
		return c[i-1].y
	}
	a, b := c[i-1], c[i]
	return a.y + (b.y-a.y)*(x-a.x)/(b.x-a.x)
}

// scales turn the signs of congestion into shares of their weight.
type scales struct{ delay, drops, depth curve }

// scales fits the curves to the thresholds. What is well within GREEN counts for
// nothing, so that a calm line scores 0, noise or not. With the default
// thresholds, delay and either sign of the queues at their thresholds for RED give
// 57, just above the default steer threshold of 55. Delay alone gets there at some
// three and a half times RedRTT, the queues alone never do. What is GREEN stays
// below 20.
func (c *Config) scales() scales {
	low, middle, high := c.GreenRTT, c.YellowRTT, c.RedRTT
	if !c.CakeAware {
		low, middle, high = c.Recovery, c.Bad, c.Bad
	}
	drops, queue := float64(max(c.MinDropsRed, 1)), float64(max(c.MinQueueRed, c.MinQueueYellow))
	return scales{
		delay: curve{{float64(low) / 2, 0}, {float64(low), 0.17}, {float64(middle), 0.5}, {float64(high), 0.6}, {4 * float64(high), 1}},
		drops: curve{{drops / 2, 0}, {drops, 0.7}, {10 * drops, 1}},
		depth: curve{{float64(c.MinQueueYellow) / 2, 0}, {float64(c.MinQueueYellow), 0.35}, {queue, 0.7}, {4 * queue, 1}},
	}
}

// score weighs the smoothed delay, drops and depth, 0 to 100. Without counters
// the delay has all points; uncountedDepth, of queues whose drops are not counted, has those of both.
func (s *scales) score(delay time.Duration, counted bool, drops, depth, uncountedDepth float64) float64 {
	d := s.delay.at(float64(delay))
	if !counted {
		return 100 * d
	}
	p, q := s.drops.at(drops), s.depth.at(depth)
	queues := max(strongerShare*max(p, q)+(1-strongerShare)*min(p, q), s.depth.at(uncountedDepth))
	return delayWeight*d + queuesWeight*queues
}
