package linksim

import (
	"math"
	"math/bits"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim/fluid"
)

const (
	delaySlots = 4096 // ring of the delay lines, in steps
	// lossSeen is how much later than acknowledgements losses are noticed.
	lossSeen = 20 * time.Millisecond
	// ackFlow marks acknowledgements in a FIFO.
	ackFlow = maxFlows
	// crossFlow marks cross traffic in a FIFO.
	crossFlow = maxFlows + 1
	// forever is the delay behind a line that carries nothing.
	forever = 10 * time.Second

	stepSeconds = float64(Step) / float64(time.Second)
)

// delayed holds the acknowledgements and losses that senders see in one step.
type delayed struct {
	used   uint32 // flows with an entry
	acks   [maxFlows]float64
	losses [maxFlows]float64
}

// path is one direction of a Link. In the download the shaper stands behind the
// ISP's FIFO, in the upload before it.
type path struct {
	download   bool
	wire       fluid.Queue // before the ISP's FIFO: what the line delays, each chunk due at its At
	entered    float64     // bytes that have entered the wire, ever
	arrived    float64     // bytes that have come out of it, ever
	isp        fluid.Bottleneck
	shaper     fluid.Shaper
	flows      [maxFlows]fluid.Sender
	active     uint32 // flows that send
	discipline Discipline
	codel      fluid.CoDel
	others     float64 // bytes a step of cross traffic
	short      shortFlows
	line       []delayed // future acknowledgements and losses, by step
	flying     int       // entries in line

	limit       bitrate.Rate
	capacity    bitrate.Rate
	perByte     float64 // seconds a byte takes at the capacity
	drainISP    float64 // bytes a step
	drainShaper float64
	acked       int // step in which the newest acknowledgement arrives

	good  float64 // bytes delivered
	could float64 // bytes the capacity would have delivered
}

func (p *path) setLimit(r bitrate.Rate) {
	p.limit = r
	p.drainShaper = float64(r) / 8 * stepSeconds
	if r == 0 {
		p.drainShaper = math.Inf(1)
	}
}

func (p *path) setCapacity(r bitrate.Rate) {
	if r == p.capacity {
		return
	}
	p.capacity = r
	p.drainISP = float64(r) / 8 * stepSeconds
	p.perByte = 0
	if r > 0 {
		p.perByte = 8 / float64(r)
	}
}

// queueDelay returns how long a packet that enters the FIFO now waits in it.
func (p *path) queueDelay() time.Duration {
	if p.perByte == 0 {
		return forever
	}
	return time.Duration(p.isp.Bytes() * p.perByte * 1e9)
}

// sparseDelay returns how long a packet of a sparse flow waits there.
func (p *path) sparseDelay() time.Duration {
	if p.discipline != FIFO && p.perByte > 0 {
		return 0
	}
	return p.queueDelay()
}

// ackDelay returns how long an acknowledgement sent in this direction now waits.
func (p *path) ackDelay() time.Duration {
	d := p.queueDelay()
	if p.shaper.Acks > 0 && p.limit > 0 {
		d += time.Duration(p.shaper.Acks * 8e9 / float64(p.limit))
	}
	return d
}

// at returns the slot of the delay line of flow that comes due at a step.
func (p *path) at(step, flow int) *delayed {
	s := &p.line[step%delaySlots]
	if bit := uint32(1) << flow; s.used&bit == 0 {
		s.used |= bit
		p.flying++
	}
	return s
}

func steps(d time.Duration) int { return int(min(max(Step, d), (delaySlots-2)*Step) / Step) }

// stepPath moves one direction on by a step.
func (l *Link) stepPath(d int) {
	p := &l.paths[d]
	l.updateFlows(d)
	if p.others > 0 {
		p.isp.Offer(fluid.Chunk{Flow: crossFlow, Bytes: p.others, At: l.now})
	}
	if p.active == 0 && p.flying == 0 && p.wire.Empty() && p.isp.Empty() && p.shaper.Empty() && p.shaper.Acks == 0 {
		return
	}
	l.jitter.load(l.now)
	l.senders(d)
	if p.download {
		l.passISP(d)
		l.passShaper(d)
		return
	}
	l.passShaper(d)
	l.passISP(d)
}

// senders delivers acknowledgements and losses that are due to the flows of d, and
// lets them send.
func (l *Link) senders(d int) {
	p := &l.paths[d]
	slot := &p.line[int(l.now/Step)%delaySlots]
	todo := p.active | slot.used
	if todo == 0 {
		return
	}
	// A sender's own view of the RTT: base, the queues, and the way back.
	rtt := float64(l.base+l.way(d, p.queueDelay())+p.shaper.Sojourn(l.now)+l.way(1-d, l.back(d))) * 1e-9
	for set := todo; set != 0; set &= set - 1 {
		i := bits.TrailingZeros32(set)
		f := &p.flows[i]
		f.SetRTT(rtt)
		if slot.used&(1<<i) != 0 {
			if n := slot.acks[i]; n > 0 {
				f.Acked(l.now, n)
				slot.acks[i] = 0
			}
			if n := slot.losses[i]; n > 0 {
				f.Lost(l.now, n)
				slot.losses[i] = 0
			}
		}
		if n := f.Want(stepSeconds); n > 0 {
			l.enter(d, fluid.Chunk{Flow: i, Bytes: n, At: l.now})
		}
		if !f.Active {
			p.active &^= 1 << i
		}
	}
	p.flying -= bits.OnesCount32(slot.used)
	slot.used = 0
}

// back returns how long acknowledgements of d wait on their way.
func (l *Link) back(d int) time.Duration {
	if l.cfg.AckShare == 0 {
		return 0
	}
	return l.paths[1-d].ackDelay()
}

// enter puts fresh bytes of a sender into the first queue of direction d.
func (l *Link) enter(d int, c fluid.Chunk) {
	p := &l.paths[d]
	if !p.download {
		p.shaper.Push(c)
		return
	}
	l.travel(d, c)
}

// travel sends bytes of the download along the line to the ISP's FIFO.
func (l *Link) travel(d int, c fluid.Chunk) {
	p := &l.paths[d]
	c.At = l.now + l.lag[d]
	p.wire.Push(c)
	p.entered += c.Bytes
}

// arrive puts what has come along the line into the FIFO.
func (l *Link) arrive(d int) {
	p := &l.paths[d]
	for c, ok := p.wire.Due(l.now); ok; c, ok = p.wire.Due(l.now) {
		c.At = l.now
		p.arrived += c.Bytes
		if over := p.isp.Offer(c); over > 0 {
			l.lost(d, c.Flow, over)
		}
	}
}

// way returns what line and queues of d add together, where queue is what the queues
// would alone: in the download they drain while the line holds packets back.
func (l *Link) way(d int, queue time.Duration) time.Duration {
	if l.paths[d].download {
		return max(l.lag[d], queue)
	}
	return l.lag[d] + queue
}

// passISP drains the FIFO at the capacity.
func (l *Link) passISP(d int) {
	p := &l.paths[d]
	l.arrive(d)
	for p.discipline == FQCoDel {
		flow, n := p.codel.Drop(l.now, &p.isp.Queue)
		if n == 0 {
			break
		}
		l.lost(d, flow, n)
	}
	for budget := p.drainISP; budget > 0; {
		flow, n := p.isp.Take(budget)
		if n == 0 {
			return
		}
		budget -= n
		switch {
		case flow == crossFlow:
		case !p.download:
			l.deliver(d, flow, n)
		case flow == ackFlow:
			p.shaper.Acks += n
		default:
			p.shaper.Push(fluid.Chunk{Flow: flow, Bytes: n, At: l.now})
		}
	}
}

// passShaper drains the shaper at the limit.
func (l *Link) passShaper(d int) {
	p := &l.paths[d]
	for flow, n := p.shaper.Drop(l.now); n > 0; flow, n = p.shaper.Drop(l.now) {
		l.lost(d, flow, n)
	}
	budget := p.drainShaper
	if n := p.shaper.TakeAcks(budget); n > 0 {
		budget -= n
		l.leave(d, ackFlow, n)
	}
	for budget > 0 {
		flow, n := p.shaper.Take(budget)
		if n == 0 {
			return
		}
		budget -= n
		p.shaper.Sent += n
		l.leave(d, flow, n)
	}
}

// leave passes on bytes that the shaper of d has sent.
func (l *Link) leave(d, flow int, n float64) {
	p := &l.paths[d]
	if p.download {
		l.deliver(d, flow, n)
		return
	}
	over := p.isp.Offer(fluid.Chunk{Flow: flow, Bytes: n, At: l.now})
	if over > 0 {
		l.lost(d, flow, over)
	}
}

// deliver hands bytes to their receiver, who acknowledges them.
func (l *Link) deliver(d, flow int, n float64) {
	p := &l.paths[d]
	p.good += n
	if flow == ackFlow {
		return
	}
	way := l.base + l.way(1-d, l.back(d))
	if !p.download {
		way += l.lag[d]
	}
	due := max(p.acked, int(l.now/Step)+steps(way))
	p.acked = due
	p.at(due, flow).acks[flow] += n
	if l.cfg.AckShare > 0 {
		l.acknowledge(1-d, n*l.cfg.AckShare)
	}
}

// acknowledge sends acknowledgements by direction d.
func (l *Link) acknowledge(d int, n float64) {
	p := &l.paths[d]
	if p.download {
		l.travel(d, fluid.Chunk{Flow: ackFlow, Bytes: n})
		return
	}
	if !p.shaper.Empty() {
		n *= 1 - l.cfg.AckFilter
	}
	p.shaper.Acks += n
}

// lost makes a sender miss n bytes. Later acknowledgements replace lost ones.
func (l *Link) lost(d, flow int, n float64) {
	if flow >= ackFlow {
		return
	}
	p := &l.paths[d]
	p.at(int(l.now/Step)+steps(l.base+lossSeen), flow).losses[flow] += n
}
