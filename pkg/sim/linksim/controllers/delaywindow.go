package controllers

import "github.com/wanctl/wanctl/pkg/rtt"

const (
	windowSize = 6
	lateNeeded = 3
	lateMS     = 30.0  // of one-way delay, above which a sample is late
	rising     = 0.001 // share of a sample above the baseline that it takes in
	falling    = 0.9   // and of one below
)

// delayWindow holds the last few delays, each above the baseline of its reflector.
type delayWindow struct {
	baseline map[uint8]float64   // ms one way, by reflector
	recent   [windowSize]float64 // ms above it
	n        int
}

func (b *delayWindow) add(e rtt.Event) {
	owd := float64(e.RTT) / 2e6
	base, known := b.baseline[e.Reflector]
	switch {
	case !known:
		base = owd
	case owd > base:
		base += rising * (owd - base)
	default:
		base += falling * (owd - base)
	}
	b.baseline[e.Reflector] = base
	b.recent[b.n%windowSize] = owd - base
	b.n++
}

// delay returns the mean excess of the recent samples, and whether enough of them
// are late for that to be bufferbloat.
func (b *delayWindow) delay() (mean float64, bloat bool) {
	late := 0
	for _, x := range b.recent {
		mean += x / windowSize
		if x > lateMS {
			late++
		}
	}
	return mean, late >= lateNeeded
}
