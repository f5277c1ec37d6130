package steering

import (
	"math"
	"time"
)

// most bounds counts and packets, so that nonsense stays countable.
const most = 1 << 20

// sane returns c with what the law's arithmetic relies on made true: the
// caller has validated c, but a law that divides by zero or that can never come
// back is not how a mistake there should be found out.
func (c Config) sane() Config {
	alpha := func(a *float64) {
		if !(*a > 0 && *a <= 1) { // NaN too
			*a = 1
		}
	}
	alpha(&c.RTTAlpha)
	alpha(&c.QueueAlpha)

	// An excess of nothing is below GreenRTT and Recovery, whatever they are.
	c.GreenRTT = max(c.GreenRTT, time.Microsecond)
	c.RedRTT = max(c.RedRTT, c.GreenRTT)
	c.Recovery = max(c.Recovery, time.Microsecond)
	c.Bad = max(c.Bad, c.Recovery)

	c.MinDropsRed = min(max(c.MinDropsRed, 0), most)
	c.MinQueueYellow = min(max(c.MinQueueYellow, 1), most)
	c.MinQueueRed = min(max(c.MinQueueRed, 0), most)
	for _, n := range []*int{&c.RedSamples, &c.GreenSamples, &c.BadSamples, &c.GoodSamples} {
		*n = min(max(*n, 1), most)
	}

	f := &c.Confidence
	f.SteerThreshold = within(f.SteerThreshold, 0, 100)
	f.RecoveryThreshold = within(f.RecoveryThreshold, 0, f.SteerThreshold)
	f.PenaltyThreshold = within(f.PenaltyThreshold, 0, 100)
	f.MaxToggles = min(max(f.MaxToggles, 0), most)
	for _, d := range []*time.Duration{&f.Sustain, &f.RecoverySustain, &f.HoldDown, &f.FlapWindow, &f.Penalty} {
		*d = min(max(*d, 0), ages)
	}
	return c
}

// within returns x bounded to [low, high], and low for what is no number.
func within(x, low, high float64) float64 {
	if math.IsNaN(x) {
		return low
	}
	return min(max(x, low), high)
}
