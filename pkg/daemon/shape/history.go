package shape

import (
	"fmt"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// historyRecorder adds a rollup a second to the history of one WAN, and the changes of
// the state from one second to the next.
type historyRecorder struct {
	feed       *history.Feed
	reflectors []string // by rtt.Event.Reflector

	// The second in progress.
	ends   time.Duration
	rtts   [128]time.Duration // more than ticks fit into it
	n      int
	rollup *history.Rollup

	before  autorate.Decision
	started time.Duration     // of this second
	states  [2]autorate.State // worst of the second before
}

func newHistoryRecorder(feed *history.Feed, reflectors []string) *historyRecorder {
	return &historyRecorder{feed: feed, reflectors: reflectors, rollup: history.NewRollup()}
}

// Observe implements control.Observer.
func (h *historyRecorder) Observe(e control.Event) {
	switch e := e.(type) {
	case *control.Step:
		h.step(e)
	case *control.Poll:
		h.request(e.Took, e.Err)
	case control.Write:
		if e.DryRun {
			return
		}
		h.request(e.Took, e.Err)
		h.rollup.Router.Writes++
		for _, err := range e.Refused {
			if err != nil {
				h.rollup.Router.Refused++
			}
		}
	}
}

func (h *historyRecorder) step(e *control.Step) {
	dec := &e.Decision
	if dec.At >= h.ends {
		h.nextSecond(dec.At)
	}
	h.probes(e.Input.Events)
	if dec.Alive > 0 && dec.RTT > 0 && h.n < len(h.rtts) {
		h.rtts[h.n] = dec.RTT
		h.n++
	}
	if dec.Alive > 0 {
		h.rollup.Excess.Add(units.Millis(dec.Excess))
	}
	var since time.Duration
	if h.before.At > 0 {
		since = min(dec.At-h.before.At, maxStep)
	}
	h.rollup.Step(dec, &h.before, since)
	h.before = *dec
}

// maxStep bounds the time that one step stands for: the longest interval, and some more.
const maxStep = 6 * time.Second

func (h *historyRecorder) probes(events []rtt.Event) {
	for i := range events {
		e := &events[i]
		if int(e.Reflector) >= len(h.reflectors) {
			continue
		}
		r := h.rollup.Reflector(h.reflectors[e.Reflector])
		switch e.Kind {
		case rtt.Sent, rtt.Spare:
			r.Sent++
		case rtt.Reply:
			r.Replies++
			r.RTT.Add(units.Millis(e.RTT))
		case rtt.Lost, rtt.OneWay:
		}
	}
}

func (h *historyRecorder) request(took time.Duration, err error) {
	r := &h.rollup.Router
	r.Requests++
	if err != nil {
		r.Errors++
		return
	}
	r.Latency.Add(units.Millis(took))
}

// nextSecond adds the second that has ended and begins the next one. Seconds in
// which no tick fell are left out.
func (h *historyRecorder) nextSecond(at time.Duration) {
	if h.ends == 0 {
		h.feed.Event(history.Event{Kind: "life", Text: "the loop has started"})
	} else {
		h.endSecond(at)
	}
	h.started, h.n = at, 0
	h.ends = at - at%history.Step + history.Step
}

func (h *historyRecorder) endSecond(at time.Duration) {
	r, last := h.rollup, &h.before
	r.Length = at - h.started
	if rtts := h.rtts[:h.n]; len(rtts) > 0 {
		slices.Sort(rtts)
		r.RTT = history.Gauge{
			Min: units.Millis(rtts[0]), Sum: units.Millis(rtts[len(rtts)/2]), Max: units.Millis(rtts[len(rtts)-1]), Count: 1,
		}
	}
	if last.Baseline > 0 {
		r.Baseline.Add(units.Millis(last.Baseline))
	}
	for _, d := range autorate.Directions {
		now, to := &last.Directions[d], &r.Directions[d]
		if now.Limit == 0 {
			continue // not controlled, or not known
		}
		to.Limit.Add(now.Limit.Mbps() * 1000)
		to.Throughput.Add(now.Throughput.Mbps() * 1000)
		if now.Capacity > 0 {
			to.Capacity.Add(now.Capacity.Mbps() * 1000)
		}
	}
	worst, excess := [2]autorate.State{r.Directions[0].Worst(), r.Directions[1].Worst()}, r.Excess.Max
	h.feed.Add(r)
	h.rollup = history.NewRollup()
	h.recordStates(worst, excess)
}

// recordStates uses the worst state of each second: one that comes and goes
// within a second is in its rollup, and no event.
func (h *historyRecorder) recordStates(worst [2]autorate.State, excess float64) {
	for _, d := range autorate.Directions {
		now, before := worst[d], h.states[d]
		h.states[d] = now
		if now != before && before != 0 {
			h.feed.Event(history.Event{Kind: "state", Direction: d.String(),
				Text: fmt.Sprintf("%v, was %v; up to %.0f ms above idle", now, before, excess)})
		}
	}
}
