package steering

import (
	"math"
	"time"
)

// maxCount bounds counts and packets, so that sums of them cannot overflow.
const maxCount = 1 << 20

// normalized returns c with the invariants that the law's arithmetic relies on.
// The caller has validated c; a mistake there must not make the law divide by zero
// or steer for ever.
func (c Config) normalized() Config {
	alpha := func(a *float64) {
		if !(*a > 0 && *a <= 1) { // NaN too
			*a = 1
		}
	}
	alpha(&c.RTTAlpha)
	alpha(&c.QueueAlpha)

	// An excess of 0 is below GreenRTT and Recovery, whatever they are.
	c.GreenRTT = max(c.GreenRTT, time.Microsecond)
	c.RedRTT = max(c.RedRTT, c.GreenRTT)
	c.Recovery = max(c.Recovery, time.Microsecond)
	c.Bad = max(c.Bad, c.Recovery)

	c.MinDropsRed = min(max(c.MinDropsRed, 0), maxCount)
	c.MinQueueYellow = min(max(c.MinQueueYellow, 1), maxCount)
	c.MinQueueRed = min(max(c.MinQueueRed, 0), maxCount)
	for _, n := range []*int{&c.RedSamples, &c.GreenSamples, &c.BadSamples, &c.GoodSamples} {
		*n = min(max(*n, 1), maxCount)
	}

	f := &c.Confidence
	f.SteerThreshold = clamp(f.SteerThreshold, 0, 100)
	f.RecoveryThreshold = clamp(f.RecoveryThreshold, 0, f.SteerThreshold)
	f.PenaltyThreshold = clamp(f.PenaltyThreshold, 0, 100)
	f.MaxToggles = min(max(f.MaxToggles, 0), maxCount)
	for _, d := range []*time.Duration{&f.Sustain, &f.RecoverySustain, &f.HoldDown, &f.FlapWindow, &f.Penalty} {
		*d = min(max(*d, 0), maxAge)
	}
	return c
}

// clamp returns x bounded to [low, high], and low for NaN.
func clamp(x, low, high float64) float64 {
	if math.IsNaN(x) {
		return low
	}
	return min(max(x, low), high)
}
