// Package linksim is a WAN in virtual time: in each direction a deep FIFO at
// the ISP's capacity and a CAKE-like shaper at the router's limit, TCP-like
// load that reacts to loss and delay, and reflectors that are pinged.
//
// It is fluid in steps of a millisecond, seeded and reproducible, and fast
// enough that an hour of link time takes seconds. It drives the demo, the tests
// of the control law and the comparison of laws.
package linksim

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Step is the resolution of the simulation.
const Step = time.Millisecond

const delaySlots = 4096 // ring of the delay lines, in steps

// Config describes a link. Functions of time are called with the virtual time
// since the start.
type Config struct {
	Seed     uint64
	BaseRTT  func(t time.Duration) time.Duration
	Capacity [2]func(t time.Duration) bitrate.Rate // by autorate.Direction
	Buffer   [2]int                                // bytes in the ISP's FIFO
	Limit    [2]bitrate.Rate                       // the router's limits at the start
	Flows    [2]func(t time.Duration) int          // bulk flows wanted, up to 8
	Jitter   Jitter
	// Reflectors are pinged every ProbeInterval each, staggered. Blackout, if
	// set, says when they do not answer.
	Reflectors    int
	ProbeInterval time.Duration
	Blackout      func(t time.Duration) bool
}

// Constant is a function of time that is not.
func Constant[T any](v T) func(time.Duration) T { return func(time.Duration) T { return v } }

type delayed struct {
	acks   [maxFlows]float64
	losses [maxFlows]float64
}

const maxFlows = 8

type probe struct {
	event   rtt.Event // the Reply to come
	arrives time.Duration
	turn    time.Duration // when it turns round at the reflector
	started time.Duration
	turned  bool
}

// Link is one simulated WAN. It is not safe for concurrent use.
type Link struct {
	cfg   Config
	rng   *rand.Rand
	now   time.Duration
	paths [2]struct {
		isp    bottleneck
		shaper shaper
		flows  [maxFlows]flow
		line   []delayed // future acknowledgements and losses
		good   float64   // bytes delivered
	}
	probes  []probe
	nextSeq []uint32
	nextAt  []time.Duration
	events  []rtt.Event
	jitter  jitterState
}

// New returns a link at time 0.
func New(cfg Config) *Link {
	if cfg.Reflectors == 0 {
		cfg.Reflectors = 3
	}
	if cfg.ProbeInterval == 0 {
		cfg.ProbeInterval = 50 * time.Millisecond
	}
	l := &Link{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0x77616e63746c))}
	for d := range l.paths {
		l.paths[d].isp.buffer = float64(cfg.Buffer[d])
		l.paths[d].shaper.limit = float64(cfg.Limit[d])
		l.paths[d].line = make([]delayed, delaySlots)
	}
	for i := range cfg.Reflectors {
		l.nextSeq = append(l.nextSeq, 0)
		l.nextAt = append(l.nextAt, cfg.ProbeInterval*time.Duration(i)/time.Duration(cfg.Reflectors))
	}
	return l
}

// Now returns the virtual time.
func (l *Link) Now() time.Duration { return l.now }

// SetLimit changes the router's limit of d; 0 is unlimited.
func (l *Link) SetLimit(d autorate.Direction, r bitrate.Rate) { l.paths[d].shaper.limit = float64(r) }

// Limit returns the router's limit of d.
func (l *Link) Limit(d autorate.Direction) bitrate.Rate {
	return bitrate.Rate(l.paths[d].shaper.limit)
}

// Capacity returns the true capacity of d now.
func (l *Link) Capacity(d autorate.Direction) bitrate.Rate { return l.cfg.Capacity[d](l.now) }

// Counters reads the queue of d as the router would report it.
func (l *Link) Counters(d autorate.Direction) autorate.Counters {
	s := &l.paths[d].shaper
	return autorate.Counters{Bytes: uint64(s.sent), Dropped: s.dropped, QueuedBytes: uint64(s.bytes)}
}

// Delivered returns the bytes that reached the receiver of d.
func (l *Link) Delivered(d autorate.Direction) float64 { return l.paths[d].good }

// Excess returns what queues add to the RTT of a sparse packet now.
func (l *Link) Excess() time.Duration {
	return l.queueDelay(int(autorate.Download)) + l.queueDelay(int(autorate.Upload))
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

func (l *Link) queueDelay(d int) time.Duration {
	c := float64(l.cfg.Capacity[d](l.now))
	if c <= 0 {
		return 10 * time.Second
	}
	return time.Duration(l.paths[d].isp.bytes * 8 / c * float64(time.Second))
}

func (l *Link) step() {
	l.now += Step
	for d := range l.paths {
		l.stepPath(d)
	}
	l.stepProbes()
}

func (l *Link) stepPath(d int) {
	p := &l.paths[d]
	base := l.cfg.BaseRTT(l.now)
	slot := &p.line[int(l.now/Step)%delaySlots]
	want := 0
	if l.cfg.Flows[d] != nil {
		want = min(maxFlows, l.cfg.Flows[d](l.now))
	}
	// A sender's own view of the RTT: base, the ISP's queue and the shaper's.
	rtt := base + l.queueDelay(d) + p.shaper.sojourn(l.now)
	for i := range p.flows {
		f := &p.flows[i]
		f.rtt = max(base, rtt)
		if slot.acks[i] > 0 {
			f.acked(l.now, slot.acks[i])
		}
		if slot.losses[i] > 0 {
			f.lost(l.now, slot.losses[i])
		}
		switch {
		case i < want && !f.active:
			f.start(l.now, f.rtt)
		case i >= want:
			f.active = false
		}
		if n := f.want(Step); n > 0 {
			f.inflight += n
			l.enter(d, chunk{flow: i, bytes: n, at: l.now})
		}
	}
	*slot = delayed{}

	c := float64(l.cfg.Capacity[d](l.now))
	limit := p.shaper.limit
	if limit == 0 {
		limit = math.Inf(1)
	}
	drainISP := c / 8 * Step.Seconds()
	drainShaper := min(limit, 1e12) / 8 * Step.Seconds()
	ack := func(flow int, bytes float64) {
		p.good += bytes
		l.at(d, base).acks[flow] += bytes
	}
	lost := func(flow int, bytes float64) { l.at(d, base+20*time.Millisecond).losses[flow] += bytes }

	if autorate.Direction(d) == autorate.Download {
		p.isp.pop(drainISP, func(flow int, bytes float64) {
			p.shaper.push(chunk{flow: flow, bytes: bytes, at: l.now})
		})
		p.shaper.manage(l.now, lost)
		p.shaper.pop(drainShaper, func(flow int, bytes float64) {
			p.shaper.sent += bytes
			ack(flow, bytes)
		})
		return
	}
	p.shaper.manage(l.now, lost)
	p.shaper.pop(drainShaper, func(flow int, bytes float64) {
		p.shaper.sent += bytes
		if over := p.isp.offer(chunk{flow: flow, bytes: bytes, at: l.now}); over > 0 {
			lost(flow, over)
		}
	})
	p.isp.pop(drainISP, ack)
}

// enter puts fresh bytes of a sender into the first queue of direction d.
func (l *Link) enter(d int, c chunk) {
	p := &l.paths[d]
	if autorate.Direction(d) == autorate.Upload {
		p.shaper.push(c)
		return
	}
	if over := p.isp.offer(c); over > 0 {
		l.at(d, l.cfg.BaseRTT(l.now)+20*time.Millisecond).losses[c.flow] += over
	}
}

// at returns the slot of the delay line that comes due after delay.
func (l *Link) at(d int, delay time.Duration) *delayed {
	return &l.paths[d].line[int((l.now+max(Step, delay))/Step)%delaySlots]
}
