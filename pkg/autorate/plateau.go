package autorate

import "time"

const (
	// plateauCuts in a row, over at least plateauFor, none of which brought the
	// excess below half of the threshold, are no accident.
	plateauCuts = 3
	plateauFor  = 1500 * time.Millisecond
)

// plateau is an excess that never gets low, however often something is cut. A
// route that became a few milliseconds longer looks like that: jitter takes the
// excess across the threshold and back, so every cut seems to have helped, and
// the limit goes down a ladder that has no end.
type plateau struct {
	since           time.Duration
	lowest, highest time.Duration // of the excess since then
	cuts            int
}

// add takes in the excess of a step.
func (p *plateau) add(s sight) {
	if s.excess < s.threshold/2 {
		*p = plateau{since: s.now}
		return
	}
	if p.highest == 0 || s.excess < p.lowest {
		p.lowest = s.excess
	}
	p.highest = max(p.highest, s.excess)
}

// stands reports that it is worth a dip to see whether the delay is ours at all.
// What is far above the threshold is no small matter of a longer route.
func (p *plateau) stands(s sight) bool {
	return p.cuts >= plateauCuts && s.now-p.since > plateauFor && s.excess < 4*s.threshold
}
