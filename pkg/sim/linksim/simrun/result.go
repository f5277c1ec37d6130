package simrun

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// Result holds the measures of a run, most of them over [from, end].
type Result struct {
	// The delay of a sparse packet above the idle RTT while there was load, from
	// queues and the link's own jitter together, sampled fifty times a second; and
	// that from the jitter alone.
	linksim.Summary
	Own linksim.Summary

	Span        time.Duration // measured
	Loaded      [2]bool       // with bulk transfers, at some time
	Utilisation [2]float64    // delivered over true capacity, while loaded
	// Idle marks a direction that was not used while the other was loaded, and the
	// share of its capacity that the limit left to it, on average and at worst.
	Idle          [2]bool
	Kept, KeptMin [2]float64

	LimitMin, LimitMax [2]bitrate.Rate // over the whole run
	Cuts, Raises       int             // limits changed, over the whole run
	Writes             int             // requests to change limits, over Span
	Changes            []Change        // over the whole run
	Reactions          []Reaction      // to the disturbances, in their order
}

// WritesPerSecond is how often limits were written.
func (r Result) WritesPerSecond() float64 {
	if r.Span <= 0 {
		return 0
	}
	return float64(r.Writes) / r.Span.Seconds()
}
