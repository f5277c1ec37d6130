package actuate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

const (
	writesPerSec = 2.9 // in the long run, a direction
	writesBurst  = 8.0
	cutSpacing   = 50 * time.Millisecond // at most 20 cuts a second
)

// WriteBudget decides whether a new limit is worth a router write: a token
// bucket for each direction. Cuts are sent whatever was spent before, but use
// up tokens that the raises after them then lack. Raises are coalesced: the
// budget keeps no value, so the newest one is sent when a token is free.
type WriteBudget struct {
	Unmetered bool // no budget: for controllers that have none

	tokens  [2]float64
	at      time.Duration
	started bool
	lastCut [2]time.Duration
	cutEver [2]bool
}

// Action is what a WriteBudget allows.
type Action uint8

// What to do with a new limit.
const (
	Drop  Action = iota // not different enough to be written
	Send                // write it
	Defer               // worth writing, but not yet
)

// Allow decides whether limit want should replace inForce, the limit that was
// confirmed last, 0 when there is none. Send uses up a token.
func (b *WriteBudget) Allow(now time.Duration, d autorate.Direction, inForce, want bitrate.Rate) Action {
	b.refill(now)
	step := max(autorate.MinChange, inForce/100)
	switch {
	case want == inForce:
		return Drop
	case inForce == 0:
		return Send
	case want < inForce:
		if inForce-want < step {
			return Drop
		}
		if b.cutEver[d] && now-b.lastCut[d] < cutSpacing {
			return Defer
		}
		b.lastCut[d], b.cutEver[d] = now, true
		b.tokens[d] = max(-writesBurst, b.tokens[d]-1)
		return Send
	case want-inForce < step:
		return Drop
	case b.tokens[d] < 1 && !b.Unmetered:
		return Defer
	}
	b.tokens[d]--
	return Send
}

func (b *WriteBudget) refill(now time.Duration) {
	if !b.started {
		b.started, b.at, b.tokens = true, now, [2]float64{writesBurst, writesBurst}
	}
	for i := range b.tokens {
		b.tokens[i] = min(writesBurst, b.tokens[i]+(now-b.at).Seconds()*writesPerSec)
	}
	b.at = now
}
