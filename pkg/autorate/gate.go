package autorate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

const (
	quantum      = 100 * bitrate.Kbps // no limit is written for less, nor for less than 1 %
	writesPerSec = 2.9                // in the long run, a direction
	writesBurst  = 8.0
	cutSpacing   = 50 * time.Millisecond // at most 20 cuts a second
)

// Gate decides whether a wish of the law is worth a router write. Cuts pass,
// whatever was spent before, but are paid for by the raises that follow. Raises
// are coalesced, and the newest value wins because the gate keeps none.
type Gate struct {
	Unmetered bool // no budget: for comparisons with laws that have none

	tokens  [2]float64
	at      time.Duration
	started bool
	lastCut [2]time.Duration
	cutEver [2]bool
}

// Verdict is a Gate's answer.
type Verdict uint8

// What a Gate answers.
const (
	Skip Verdict = iota // not different enough
	Pass                // write it
	Wait                // worth writing, but raises are being held back
)

// Ask says whether limit want should replace the limit in force (the newest
// one confirmed or on its way), 0 when that is unknown.
func (g *Gate) Ask(now time.Duration, d Direction, inForce, want bitrate.Rate) Verdict {
	if !g.started {
		g.started, g.at, g.tokens = true, now, [2]float64{writesBurst, writesBurst}
	}
	for i := range g.tokens {
		g.tokens[i] = min(writesBurst, g.tokens[i]+(now-g.at).Seconds()*writesPerSec)
	}
	g.at = now

	step := max(quantum, inForce/100)
	switch {
	case want == inForce:
		return Skip
	case inForce == 0:
		return Pass
	case want < inForce:
		if inForce-want < step {
			return Skip
		}
		if g.cutEver[d] && now-g.lastCut[d] < cutSpacing {
			return Wait
		}
		g.lastCut[d], g.cutEver[d] = now, true
		g.tokens[d] = max(-writesBurst, g.tokens[d]-1)
		return Pass
	case want-inForce < step:
		return Skip
	case g.tokens[d] < 1 && !g.Unmetered:
		return Wait
	}
	g.tokens[d]--
	return Pass
}
