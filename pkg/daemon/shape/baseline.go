package shape

import (
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/units"
)

const (
	// A baseline that has moved by baselineJump, or by half and baselineJumpLeast,
	// since a minute ago is reported: the law has learned another path.
	baselineJump      = 15 * time.Millisecond
	baselineJumpLeast = 2 * time.Millisecond
	baselineStep      = 10 * time.Second
	baselineSteps     = 6
)

// baselineWatch finds jumps of the baseline. The zero value has seen none.
type baselineWatch struct {
	next   time.Duration // when the next step is due; the first minute is passed over
	past   [baselineSteps]time.Duration
	n      int           // steps so far
	before time.Duration // the baseline before a jump that has not come to rest; 0: none
}

// jumped reports whether the baseline at now has come to rest after it left what it
// was within the last minute, and what that was. Slow drift is no jump.
func (w *baselineWatch) jumped(now, baseline time.Duration) (from time.Duration, jumped bool) {
	if now < w.next || baseline <= 0 {
		return 0, false
	}
	if w.next == 0 { // it is being learned
		w.next = now + baselineSteps*baselineStep
		return 0, false
	}
	w.next = now + baselineStep
	oldest, newest := w.past[w.n%baselineSteps], w.past[(w.n+baselineSteps-1)%baselineSteps]
	w.past[w.n%baselineSteps] = baseline
	w.n++
	if w.before == 0 && oldest > 0 && far(oldest, baseline) {
		w.before = oldest
	}
	if w.before == 0 || far(newest, baseline) || max(newest-baseline, baseline-newest) > newest/8 {
		return 0, false
	}
	from, w.before = w.before, 0
	for i := range w.past {
		w.past[i] = baseline
	}
	return from, far(from, baseline)
}

// far reports whether two baselines differ enough to be those of different paths.
func far(a, b time.Duration) bool {
	moved := max(a-b, b-a)
	return moved > baselineJump || moved > a/2 && moved >= baselineJumpLeast
}

func (o *eventObserver) baseline(now, baseline time.Duration) {
	from, jumped := o.base.jumped(now, baseline)
	if !jumped {
		return
	}
	o.to.Warn("the round-trip time of the idle line has jumped: another route?",
		"was_ms", units.Round(units.Millis(from), 1), "baseline_ms", units.Round(units.Millis(baseline), 1))
	o.to.Record("probe", "", fmt.Sprintf("the round-trip time of the idle line has jumped from %.1f to %.1f ms: another route?",
		units.Millis(from), units.Millis(baseline)))
}
