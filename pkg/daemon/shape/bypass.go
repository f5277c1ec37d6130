package shape

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// The rule by which a queue is found to carry nothing of the load.
const (
	// bypassWindow is the time over which bytes are compared, and bypassWindows how
	// many windows must agree, at most bypassMemory apart.
	bypassWindow  = 15 * time.Second
	bypassWindows = 3
	bypassMemory  = 10 * time.Minute
	// bypassShare is the part of the load below which a queue carries nothing of it.
	bypassShare = 0.1
	// A queue stands while the excess delay stays above standingExcess for
	// standingSpan: noise goes back to nothing in between. A window in which it stands
	// for standingShare of the time has load.
	standingExcess = 3 * time.Millisecond
	standingSpan   = 150 * time.Millisecond
	standingShare  = 0.05
)

// window holds what was measured in one bypassWindow; arrays by autorate.Direction.
type window struct {
	at       time.Duration // of its end
	took     time.Duration
	read     bool            // the counters of the queues were read until its end
	queues   [2]uint64       // bytes that the queues sent
	standing time.Duration   // how long a queue stood somewhere on the path
	wan      [2]bitrate.Rate // what passed the interface of the WAN; 0: nothing, or it is not known
}

// loadMeter puts together windows from the steps of a loop.
type loadMeter struct {
	window
	began, readAt time.Duration
	raised        time.Duration // for how long there is excess delay without a pause
	bytes         [2]uint64     // of the queues when they were last read
	known         bool          // they were
}

// step takes in one step of the law, and returns the window that ends with it, if
// one does.
func (m *loadMeter) step(in *autorate.Input, dec *autorate.Decision) (w window, ended bool) {
	for i := range in.Readings {
		for d, c := range in.Readings[i].Queues {
			if m.known && c.Bytes > m.bytes[d] {
				m.queues[d] += c.Bytes - m.bytes[d]
			}
			m.bytes[d] = c.Bytes
		}
		m.known, m.readAt = true, dec.At
	}
	since := dec.At - m.at
	m.at = dec.At
	switch {
	case dec.Alive == 0 || dec.Excess <= standingExcess:
		m.raised = 0
	default:
		if m.raised += since; m.raised >= standingSpan {
			m.standing += since
		}
	}
	if m.took = m.at - m.began; m.took < bypassWindow {
		return w, false
	}
	w = m.window
	w.read = m.known && m.at-m.readAt <= bypassWindow/3
	m.window, m.began = window{at: m.at}, m.at
	return w, true
}

// bypassDetector finds queues that carry nothing of the load, by one of two signs:
//
//   - The interface of the WAN carries a load, and the queue of that direction less
//     than a tenth of it.
//   - No load is seen on that interface because it is not known, or stands still as
//     well; and neither queue sent one byte, not even the loop's own probes, while a
//     queue stood somewhere.
//
// Three windows must show it. A window without load, as on an idle line, neither
// counts nor interrupts. A queue that carries load, or after the second sign anything,
// is in use again.
type bypassDetector struct {
	ceilings [2]bitrate.Rate
	count    [2]int
	last     [2]time.Duration // when count last grew
	bypassed [2]bool
	load     [2]bitrate.Rate // of the interface when it was found; 0 by the second sign
	carried  [2]bitrate.Rate // by the queue then
}

// add evaluates a window, and reports whether it shows a queue to be bypassed that
// was not before. A queue whose counters stand still for another reason is skipped.
func (b *bypassDetector) add(w window, skip [2]bool) (found bool) {
	if !w.read {
		return false
	}
	standing := w.queues == [2]uint64{} && w.wan == [2]bitrate.Rate{} && w.standing.Seconds() >= standingShare*w.took.Seconds()
	for d := range b.bypassed {
		least := leastLoad(b.ceilings[d])
		carried, load := bitrate.Rate(float64(w.queues[d])*8/w.took.Seconds()), w.wan[d]
		byLoad := load >= least && float64(carried) < bypassShare*float64(load)
		switch {
		case skip[d] || carried >= least || b.bypassed[d] && b.load[d] == 0 && carried > 0:
			b.count[d], b.bypassed[d] = 0, false
		case byLoad || standing:
			if w.at-b.last[d] > bypassMemory {
				b.count[d] = 0
			}
			b.count[d]++
			b.last[d] = w.at
		}
		if b.count[d] >= bypassWindows && !b.bypassed[d] {
			b.bypassed[d], b.load[d], b.carried[d] = true, load, carried
			found = true
		}
	}
	return found
}

// leastLoad returns the rate from which on an interface whose limit can be ceiling
// carries a load. The loop's own probes are less.
func leastLoad(ceiling bitrate.Rate) bitrate.Rate {
	return max(100*bitrate.Kbps, min(ceiling/10, max(bitrate.Mbps, ceiling/50)))
}

// BypassCauses are the likely causes that can be named without a look at the router.
const BypassCauses = "FastTrack, IPv6 without packet marks, hardware offload, a wrong packet-mark or parent of the queue"

// BypassCheck finds the second sign of a bypassDetector in a recording.
type BypassCheck struct {
	meter    loadMeter
	detector bypassDetector
	at       time.Duration
}

// Step takes in a step of the law and what led to it.
func (c *BypassCheck) Step(in *autorate.Input, dec *autorate.Decision) {
	if w, ended := c.meter.step(in, dec); ended && c.detector.add(w, [2]bool{}) && c.at == 0 {
		c.at = w.at
	}
}

// Found returns when both queues were first found to carry nothing of the load; false
// when they were not.
func (c *BypassCheck) Found() (time.Duration, bool) { return c.at, c.at > 0 }
