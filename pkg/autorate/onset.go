package autorate

import "time"

// onset is what a direction carried before a delay, or has carried since. While a queue
// stands it passes what its bottleneck carries: so it begins with a rise of throughput,
// where the capacity is what it was, and cannot outlast a fall of it.
type onset struct {
	rate float64 // mean without delay, while little is carried; the most since a delay has stood for onsetSpan
	rose bool    // the throughput was clearly above that when the delay began
}

// add notes what is carried, beside the probes, at now. calmAt is the time of the last
// sample without delay, 0 without any; idle, that it is too little to build a queue under
// the limit: what is more is not followed.
func (o *onset) add(now, elapsed, calmAt time.Duration, carried float64, idle bool) {
	weight, stood := min(1, elapsed.Seconds()/usualSpan.Seconds()), now-calmAt
	switch {
	case calmAt == now:
		o.rose = false
		if idle {
			o.rate += weight * (carried - o.rate)
		}
	case calmAt > 0 && stood < onsetSpan:
		o.rose = o.rose || carried > onsetRise*o.rate+negligibleRate
	case calmAt > 0 && stood-elapsed < onsetSpan:
		o.rate = 0
	case idle:
		o.rate += weight * max(0, carried-o.rate) // without the bursts
		o.rose = o.rose && !o.ended(carried)
	}
}

// ended reports that a delay that stands is no queue of the traffic it began with: what
// is left of that would have let it drain.
func (o *onset) ended(carried float64) bool { return carried < onsetEnded*o.rate }
