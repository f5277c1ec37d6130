// Package linksim is a WAN in virtual time: in each direction a deep FIFO at
// the ISP's capacity and a CAKE-like shaper at the router's limit, TCP-like
// load that reacts to loss and delay, and reflectors that are pinged.
//
// It is fluid in steps of a millisecond, seeded and reproducible, and fast
// enough that an hour of link time takes seconds. It drives the demo, the tests
// of the control law and the comparison of laws.
//
// A Link is the line alone. Package simrun puts a controller and a router around
// it and measures; package scenario defines what happens to links, package
// controllers has other controllers to compare with, and package score sums up
// runs.
package linksim

import (
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Step is the resolution of the simulation.
const Step = time.Millisecond

// Link is one simulated WAN. It is not safe for concurrent use.
type Link struct {
	cfg    Config
	now    time.Duration
	base   time.Duration // RTT without queues, now
	paths  [2]path
	probes prober
	jitter jitterState
	lag    [2]time.Duration // what the line itself delays a packet that enters it now
	events []rtt.Event
	timed  []timedPacket
}

// timedPacket is a sparse packet whose delay somebody wants to know.
type timedPacket struct {
	sparse
	upload time.Duration // that it has had so far
	done   func(excess time.Duration)
}

// New returns a link at time 0.
func New(cfg Config) *Link {
	if cfg.Reflectors == 0 {
		cfg.Reflectors = 3
	}
	if cfg.ProbeInterval == 0 {
		cfg.ProbeInterval = rtt.ProbeInterval
	}
	if cfg.SlowProbes == 0 {
		cfg.SlowProbes = rtt.SlowInterval
	}
	l := &Link{cfg: cfg, jitter: newJitter(cfg.Jitter, cfg.Seed), probes: newProber(cfg)}
	l.base = cfg.BaseRTT(0)
	for d := range l.paths {
		p := &l.paths[d]
		p.isp.Buffer = float64(cfg.Buffer[d])
		p.discipline = cfg.Queue[d]
		p.setLimit(cfg.Limit[d])
		p.setCapacity(cfg.Capacity[d](0))
		p.line = make([]delayed, delaySlots)
		p.download = autorate.Direction(d) == autorate.Download
		p.short = newShortFlows(cfg.Seed<<1 + uint64(d))
	}
	return l
}

// Targets returns the names of the probed targets, indexed by the reflector number
// of events.
func (l *Link) Targets() []string {
	var names []string
	for i := range l.cfg.Reflectors {
		names = append(names, fmt.Sprintf("reflector-%d", i+1))
	}
	for i := range l.cfg.TCPTargets {
		names = append(names, fmt.Sprintf("tcp-%d", i+1))
	}
	return names
}

// Now returns the virtual time.
func (l *Link) Now() time.Duration { return l.now }

// SetLimit changes the router's limit of d; 0 is unlimited.
func (l *Link) SetLimit(d autorate.Direction, r bitrate.Rate) { l.paths[d].setLimit(r) }

// Limit returns the router's limit of d.
func (l *Link) Limit(d autorate.Direction) bitrate.Rate { return l.paths[d].limit }

// Capacity returns the true capacity of d now, less what others use of it.
func (l *Link) Capacity(d autorate.Direction) bitrate.Rate {
	c := l.cfg.Capacity[d](l.now)
	return c - min(c, at(l.cfg.Cross[d], l.now))
}

// Counters reads the queue of d as the router would report it.
func (l *Link) Counters(d autorate.Direction) autorate.Counters {
	s := &l.paths[d].shaper
	c := autorate.Counters{Bytes: uint64(s.Sent), Dropped: s.Dropped, QueuedBytes: uint64(s.Bytes() + s.Acks)}
	if l.cfg.Uncounted {
		c.QueuedBytes = 0
	}
	return c
}

// Delivered returns the bytes that reached the receivers of d, those of
// acknowledgements included.
func (l *Link) Delivered(d autorate.Direction) float64 { return l.paths[d].good }

// Deliverable returns the bytes that the true capacity of d would have carried
// so far.
func (l *Link) Deliverable(d autorate.Direction) float64 { return l.paths[d].could }

// Loaded reports whether bulk transfers are wanted in d now.
func (l *Link) Loaded(d autorate.Direction) bool {
	return l.cfg.Flows[d] != nil && l.cfg.Flows[d](l.now) > 0
}

// Used reports whether any transfers are wanted in d now, short flows
// included.
func (l *Link) Used(d autorate.Direction) bool {
	return l.Loaded(d) || l.cfg.ShortFlows[d] != nil && l.cfg.ShortFlows[d](l.now) > 0
}

// Excess returns what queues add to the RTT of a sparse packet now.
func (l *Link) Excess() time.Duration {
	return l.paths[0].sparseDelay() + l.paths[1].sparseDelay()
}

// TimePacket sends a sparse packet along both ways, and calls done with what queues and
// the line's jitter have added to its RTT once it has passed them.
func (l *Link) TimePacket(done func(excess time.Duration)) {
	up := l.paths[autorate.Upload].sparseDelay() + l.lag[autorate.Upload]
	l.timed = append(l.timed, timedPacket{l.sparse(l.now), up, done})
}

// stepTimed reports on the timed packets that have reached the ISP's FIFO.
func (l *Link) stepTimed() {
	for len(l.timed) > 0 && l.timed[0].due <= l.now {
		t := l.timed[0]
		l.timed = l.timed[:copy(l.timed, l.timed[1:])]
		t.done(t.upload + t.lag + l.sparseWait(t.sparse))
	}
}

// Noise returns what the link's own jitter adds to the RTT of a packet now.
func (l *Link) Noise() time.Duration { return l.lag[autorate.Download] + l.lag[autorate.Upload] }

// stepJitter updates what the line delays. A packet never leaves before the one in front
// of it, so a delay is left no faster than time passes.
func (l *Link) stepJitter() {
	fresh := [2]time.Duration{autorate.Upload: l.jitter.delay(l.now)}
	for d := range l.lag {
		l.lag[d] = max(fresh[d]+at(l.cfg.Wander[d], l.now), l.lag[d]-Step)
	}
}

// Starved returns for how long from now on the measuring host runs nothing.
func (l *Link) Starved() time.Duration { return at(l.cfg.Starved, l.now) }

// at returns the value of a function of time, 0 of none.
func at[T time.Duration | bitrate.Rate](of func(time.Duration) T, t time.Duration) (v T) {
	if of != nil {
		v = of(t)
	}
	return v
}

// Events returns the probe events since the last call. The slice is valid
// until the next Advance.
func (l *Link) Events() []rtt.Event {
	ev := l.events
	l.events = l.events[len(l.events):]
	return ev
}

// Advance runs the link up to t.
func (l *Link) Advance(t time.Duration) {
	if len(l.events) == 0 {
		l.events = l.events[:0:cap(l.events)]
	}
	for l.now < t {
		l.step()
	}
}

func (l *Link) step() {
	l.now += Step
	l.base = l.cfg.BaseRTT(l.now)
	l.stepJitter()
	for d := range l.paths {
		p := &l.paths[d]
		p.setCapacity(l.cfg.Capacity[d](l.now))
		p.others = min(p.drainISP, float64(at(l.cfg.Cross[d], l.now))/8*stepSeconds)
		p.could += p.drainISP - p.others
	}
	for d := range l.paths {
		l.stepPath(d)
	}
	l.stepTimed()
	l.stepProbes()
}
