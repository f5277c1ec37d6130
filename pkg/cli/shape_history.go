package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// historian makes the history of one WAN out of what its loop does: a sample a
// second, and what a person would want to know of later.
type historian struct {
	control.Nobody
	feed *history.Feed
	mode func() probe.Mode // nil: there is no choice

	// The second in progress.
	ends   time.Duration
	rtts   [128]time.Duration // more than ticks fit into it
	n      int
	second history.Second

	// What was told last.
	reasons [2]autorate.Reason
	states  [2]autorate.State // worst of the second before
	probing bool
	probed  probe.Mode
	polling bool // the last poll worked
	writing bool // the last write worked
}

func newHistorian(feed *history.Feed, mode func() probe.Mode) *historian {
	return &historian{feed: feed, mode: mode, probing: true, polling: true, writing: true}
}

// Stepped implements control.Observer.
func (h *historian) Stepped(_ autorate.Input, dec autorate.Decision, _ time.Duration) {
	if dec.At >= h.ends {
		h.turn(dec)
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
		if now.Reason != h.reasons[d] && telling(now.Reason) {
			h.decided(d, dec)
		}
		h.reasons[d] = now.Reason
	}
}

// turn hands over the second that has ended and begins the next one. Seconds
// in which no tick fell are left out.
func (h *historian) turn(dec autorate.Decision) {
	if h.ends == 0 {
		h.feed.Event(history.Event{Kind: "life", Text: "the loop has started"})
	} else {
		rtts := h.rtts[:h.n]
		slices.Sort(rtts)
		if len(rtts) > 0 {
			h.second.RTT = rtts[len(rtts)/2]
		}
		h.feed.Second(h.second)
		h.tellStates()
	}
	h.tellProbes(dec)
	h.ends = dec.At - dec.At%history.Step + history.Step
	h.second, h.n = history.Second{}, 0
}

// tellStates goes by the worst of each second: a state that comes and goes
// within one is in its sample, and no news.
func (h *historian) tellStates() {
	for _, d := range autorate.Directions {
		now, before := h.second.Directions[d].State, h.states[d]
		h.states[d] = now
		if now != before && before != 0 {
			h.feed.Event(history.Event{Kind: "state", Direction: d.String(),
				Text: fmt.Sprintf("%v, was %v; up to %.0f ms above idle", now, before, millis(h.second.Excess))})
		}
	}
}

func (h *historian) tellProbes(dec autorate.Decision) {
	if alive := dec.Alive > 0; alive != h.probing && dec.At > 2*time.Second {
		h.probing = alive
		text := "no reflector answers: limits are held"
		if alive {
			text = fmt.Sprintf("probes are answered again, by %d reflectors", dec.Alive)
		}
		h.feed.Event(history.Event{Kind: "probe", Text: text})
	}
	if h.mode == nil {
		return
	}
	mode := h.mode()
	if mode != h.probed && mode != probe.ModeNone {
		if h.probed != probe.ModeNone {
			h.feed.Event(history.Event{Kind: "probe", Text: fmt.Sprintf("measuring by %v, was %v", mode, h.probed)})
		}
		h.probed = mode
	}
}

func (h *historian) decided(d autorate.Direction, dec autorate.Decision) {
	now := dec.Directions[d]
	h.feed.Event(history.Event{Kind: "decision", Direction: d.String(),
		Text: fmt.Sprintf("%v: limit %s at %.0f ms above idle, carrying %s", now.Reason, now.Limit.Human(), millis(dec.Excess), now.Throughput.Human())})
}

// Wrote implements control.Observer.
func (h *historian) Wrote(w control.Write) {
	switch works := w.Err == nil; {
	case !works && h.writing:
		h.feed.Event(history.Event{Kind: "router", Text: "a limit could not be written: " + w.Err.Error()})
	case works && !h.writing:
		h.feed.Event(history.Event{Kind: "router", Text: "limits are written again"})
	}
	h.writing = w.Err == nil
}

// Polled implements control.Observer.
func (h *historian) Polled(_ time.Duration, err error) {
	switch works := err == nil; {
	case !works && h.polling:
		h.feed.Event(history.Event{Kind: "router", Text: "queue counters cannot be read, limits are held: " + err.Error()})
	case works && !h.polling:
		h.feed.Event(history.Event{Kind: "router", Text: "queue counters are read again"})
	}
	h.polling = err == nil
}

// Foreign implements control.Observer.
func (h *historian) Foreign(d autorate.Direction, ours, theirs bitrate.Rate) {
	h.feed.Event(history.Event{Kind: "foreign", Direction: d.String(),
		Text: fmt.Sprintf("somebody else changed the limit on the router to %s, ours was %s", theirs.Human(), ours.Human())})
}

// Reconfigured implements control.Observer.
func (h *historian) Reconfigured(autorate.Config) {
	h.feed.Event(history.Event{Kind: "life", Text: "configuration reloaded"})
}

// switchedTo tells of another way to the router. Any goroutine may call it.
func switchedTo(feed *history.Feed, s failover.Switch) {
	text := fmt.Sprintf("reached by %s, was %s", s.To, s.From)
	if s.Why != nil {
		text += ": " + s.Why.Error()
	}
	feed.Event(history.Event{Kind: "router", Text: text})
}
