package shape

import (
	"fmt"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// historyRecorder adds a sample a second to the history of one WAN, and the
// changes of the state from one second to the next.
type historyRecorder struct {
	feed *history.Feed

	// The second in progress.
	ends   time.Duration
	rtts   [128]time.Duration // more than ticks fit into it
	n      int
	second history.Second

	states [2]autorate.State // worst of the second before
}

func newHistoryRecorder(feed *history.Feed) *historyRecorder { return &historyRecorder{feed: feed} }

// Observe implements control.Observer.
func (h *historyRecorder) Observe(e control.Event) {
	step, ok := e.(*control.Step)
	if !ok {
		return
	}
	dec := &step.Decision
	if dec.At >= h.ends {
		h.nextSecond(dec.At)
	}
	s := &h.second
	s.Baseline = dec.Baseline
	if dec.Alive > 0 && dec.RTT > 0 {
		if h.n < len(h.rtts) {
			h.rtts[h.n] = dec.RTT
			h.n++
		}
		s.RTTMax, s.Excess = max(s.RTTMax, dec.RTT), max(s.Excess, dec.Excess)
	}
	for _, d := range autorate.Directions {
		now := &dec.Directions[d]
		s.Directions[d] = history.SecondDirection{
			Limit: now.Limit, Throughput: now.Throughput, State: max(s.Directions[d].State, now.State),
		}
	}
}

// nextSecond adds the second that has ended and begins the next one. Seconds in
// which no tick fell are left out.
func (h *historyRecorder) nextSecond(at time.Duration) {
	if h.ends == 0 {
		h.feed.Event(history.Event{Kind: "life", Text: "the loop has started"})
	} else {
		rtts := h.rtts[:h.n]
		slices.Sort(rtts)
		if len(rtts) > 0 {
			h.second.RTT = rtts[len(rtts)/2]
		}
		h.feed.Second(h.second)
		h.recordStates()
	}
	h.ends = at - at%history.Step + history.Step
	h.second, h.n = history.Second{}, 0
}

// recordStates uses the worst state of each second: one that comes and goes
// within a second is in its sample, and no event.
func (h *historyRecorder) recordStates() {
	for _, d := range autorate.Directions {
		now, before := h.second.Directions[d].State, h.states[d]
		h.states[d] = now
		if now != before && before != 0 {
			h.feed.Event(history.Event{Kind: "state", Direction: d.String(),
				Text: fmt.Sprintf("%v, was %v; up to %.0f ms above idle", now, before, units.Millis(h.second.Excess))})
		}
	}
}
