package rival

import "github.com/wanctl/wanctl/pkg/rtt"

const (
	votes       = 6
	votesNeeded = 3
	lateMS      = 30.0  // of one-way delay, above which a sample votes
	rising      = 0.001 // share of a sample above the baseline that it takes in
	falling     = 0.9   // and of one below
)

// ballot is the delays of late, each above the baseline of its reflector.
type ballot struct {
	baseline map[uint8]float64 // ms one way, by reflector
	recent   [votes]float64    // ms above it
	n        int
}

func (b *ballot) hear(e rtt.Event) {
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
	b.recent[b.n%votes] = owd - base
	b.n++
}

// delay is the mean excess of the recent samples, and whether they vote that
// there is bufferbloat.
func (b *ballot) delay() (mean float64, bloat bool) {
	late := 0
	for _, x := range b.recent {
		mean += x / votes
		if x > lateMS {
			late++
		}
	}
	return mean, late >= votesNeeded
}
