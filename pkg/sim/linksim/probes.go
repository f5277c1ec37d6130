package linksim

import (
	"slices"
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	// TCP connections replace pings, as in the live prober, from tcpAfter without a
	// reply until pingsToReturn pings are answered again.
	tcpAfter       = time.Second
	pingsToReturn  = 3
	farther        = time.Millisecond // added half RTT of each reflector over the one before
	tcpHandshakeBy = 500 * time.Microsecond
	lostAfter      = time.Second // without a reply
)

type probe struct {
	event   rtt.Event // the Reply or OneWay to come
	arrives time.Duration
	turn    time.Duration // when the reflector answers
	sparse  sparse        // the answer
	started time.Duration
	extra   time.Duration
	turned  bool
}

// prober is the state of the probes of a link.
type prober struct {
	flying  []probe
	seq     []uint32       // next, of each target: the reflectors, then the TCP targets
	targets []rtt.Schedule // in use
	spares  []rtt.Schedule // of the reflectors while they are spares
	slowly  []rtt.Schedule // of the reflectors in use, while probes are slow
	slow    bool
	at      []time.Duration // when the next one leaves
	last    []time.Duration // when the last one left

	selection *rtt.Selection
	review    time.Duration // time of its next review
	missing   []rtt.Event   // unanswered pings, lost at their At
	next      time.Duration // earliest departure, turn or arrival
	replied   time.Duration // newest reply to a ping
	tcp       bool          // measuring by TCP
	back      int           // pings answered since

	clocks clocks
}

func newProber(cfg Config) prober {
	var p prober
	plan := rtt.Plan{Interval: cfg.ProbeInterval}
	p.targets = slices.Concat(plan.Echoes(cfg.Reflectors), plan.Spread(cfg.TCPTargets, plan.Fallback()))
	p.spares, p.slowly = plan.Spares(cfg.Reflectors), plan.Slow(cfg.Reflectors, cfg.SlowProbes)
	p.selection = rtt.NewSelection(operators(cfg.Reflectors), min(cfg.Reflectors, rtt.MaxUsed), cfg.ProbeInterval)
	p.review = rtt.ReviewInterval
	for i := range p.targets {
		p.at, p.last = append(p.at, p.schedule(i).First), append(p.last, never)
	}
	p.seq = make([]uint32, len(p.at))
	p.clocks = newClocks(cfg)
	return p
}

// never is the time of the last probe of a target that has had none.
const never = -time.Hour

// operators returns a different one for each reflector.
func operators(n int) (names []string) {
	for i := range n {
		names = append(names, strconv.Itoa(i))
	}
	return names
}

// schedule returns the schedule of target i in its present role.
func (p *prober) schedule(i int) rtt.Schedule {
	if i >= len(p.spares) {
		return p.targets[i]
	}
	return rtt.ScheduleOf(p.selection.Role(i), p.slow, p.targets[i], p.spares[i], p.slowly[i])
}

// slowInterval returns the time between two slow probes, 0 while probes are at full rate.
func (l *Link) slowInterval() time.Duration {
	if !l.probes.slow {
		return 0
	}
	return l.cfg.SlowProbes
}

// SetSlowProbes slows the probes down or speeds them up, as the live prober does: what is
// about to leave still does, and at full rate probes leave at once where they are due.
func (l *Link) SetSlowProbes(slow bool) {
	p := &l.probes
	if slow == p.slow {
		return
	}
	p.slow = slow
	if slow {
		return
	}
	p.replied = max(p.replied, l.now) // silence counts from here
	for i := range l.cfg.Reflectors {
		if p.selection.Role(i) == rtt.InUse {
			if p.at[i] = p.targets[i].Due(l.now, p.last[i]); p.at[i] <= l.now {
				l.send(i)
			}
			p.next = min(p.next, p.at[i])
		}
	}
	for _, f := range p.flying {
		p.next = min(p.next, f.turn)
	}
}

// selectReflectors updates which reflectors are in use, as the live prober does.
func (p *prober) selectReflectors(now time.Duration) {
	for len(p.missing) > 0 && p.missing[0].At <= now {
		p.selection.Observe(p.missing[0])
		p.missing = p.missing[1:]
	}
	if now < p.review {
		return
	}
	p.review += rtt.ReviewInterval
	for _, c := range p.selection.Review(now) {
		if c.Role == rtt.OnTrial { // a spare's next probe may be far away
			p.at[c.Reflector] = p.targets[c.Reflector].Due(now, p.last[c.Reflector])
		}
	}
}

// stepProbes sends what is due and delivers what has come back. A probe waits
// in the upload FIFO when it leaves and in the download FIFO when it has
// turned round; the shapers isolate it.
func (l *Link) stepProbes() {
	p := &l.probes
	if l.now < p.next {
		return
	}
	p.selectReflectors(l.now)
	p.next = p.review
	if len(p.missing) > 0 {
		p.next = min(p.next, p.missing[0].At)
	}
	if !p.tcp && l.now-p.replied > rtt.SilentAfter(tcpAfter, p.slow, l.cfg.SlowProbes) {
		p.tcp, p.back = true, 0
	}
	for i := range p.at {
		if l.now >= p.at[i] {
			l.send(i)
		}
		p.next = min(p.next, p.at[i])
	}
	p.next = min(p.next, l.askClock())
	kept := p.flying[:0]
	for _, f := range p.flying {
		if !f.turned && l.now >= f.turn {
			f.turned, f.sparse, f.arrives = true, l.sparse(f.turn), never
		}
		if f.turned && f.arrives == never && l.now >= f.sparse.due {
			f.arrives = f.turn + f.sparse.lag + l.half(f.event.Reflector) + f.extra + l.echoShare(l.sparseWait(f.sparse))
			f.arrives += at(l.cfg.Radio, f.arrives)
			f.arrives += at(l.cfg.Starved, f.arrives)
			if f.event.Kind == rtt.OneWay {
				l.answerClock(&f)
			}
		}
		switch {
		case f.turned && f.arrives == never:
			p.next = min(p.next, f.sparse.due)
		case f.turned && l.now >= f.arrives:
			if f.event.Kind == rtt.OneWay {
				f.event.At = l.now
				l.events = append(l.events, f.event)
			} else {
				l.replied(f)
			}
			continue
		case f.turned:
			p.next = min(p.next, f.arrives)
		default:
			p.next = min(p.next, f.turn)
		}
		kept = append(kept, f)
	}
	p.flying = kept
}

// half returns half of the RTT to target i without queues.
func (l *Link) half(i uint8) time.Duration { return l.base/2 + time.Duration(i)*farther }

// probeDelay returns how much longer a probe takes to its reflector.
func (l *Link) probeDelay() time.Duration {
	return l.echoShare(l.paths[autorate.Upload].sparseDelay()) + l.lag[autorate.Upload]
}

// echoShare returns what a probe waits for where other packets wait for so long.
func (l *Link) echoShare(wait time.Duration) time.Duration {
	if l.cfg.EchoShare > 0 {
		return time.Duration(l.cfg.EchoShare * float64(wait))
	}
	return wait
}

// sparse is a packet of a sparse flow on its way along the line to the ISP's FIFO.
type sparse struct {
	from  time.Duration // when it enters the line, within a step
	lag   time.Duration // on the line
	due   time.Duration // the step in which it gets there, behind what entered before it
	after float64       // bytes that have entered the line before it, ever
}

// sparse returns a packet that enters the line of the download at t, in this step.
func (l *Link) sparse(t time.Duration) sparse {
	lag := l.lag[autorate.Download]
	return sparse{from: t, lag: lag, due: l.now + lag, after: l.paths[autorate.Download].entered}
}

// sparseWait returns how long a packet that has reached the FIFO in this step waits there:
// what has come with it and behind it does not delay it.
func (l *Link) sparseWait(s sparse) time.Duration {
	p := &l.paths[autorate.Download]
	behind := time.Duration(max(0, p.arrived-s.after) * p.perByte * 1e9)
	if wait := p.sparseDelay() - behind; wait > 0 {
		return l.now - s.from - s.lag + wait
	}
	return 0
}

// count adds a probe to what the router's queue of d has sent.
func (l *Link) count(d autorate.Direction) { l.paths[d].shaper.Sent += autorate.ProbeBytes }

func (l *Link) send(i int) {
	p := &l.probes
	ping := i < l.cfg.Reflectors
	if wait := l.Starved(); wait > 0 {
		p.at[i] = l.now + wait
		return
	}
	p.at[i] = p.schedule(i).Due(l.now, l.now)
	p.last[i] = l.now
	if !ping && !p.tcp {
		return
	}
	seq := p.seq[i]
	p.seq[i]++
	l.count(autorate.Upload)
	sent := rtt.Event{At: l.now, Kind: rtt.Sent, Seq: seq, Reflector: uint8(i)}
	if ping && p.selection.Role(i) != rtt.InUse {
		sent.Kind = rtt.Spare
	}
	l.emit(sent)
	extra := time.Duration(0)
	switch {
	case !ping:
		extra = tcpHandshakeBy
	case l.cfg.Blackout != nil && l.cfg.Blackout(l.now):
		p.miss(sent)
		return
	case l.cfg.Fault != nil:
		var silent bool
		if extra, silent = l.cfg.Fault(i, l.now, l.Excess()); silent {
			p.miss(sent)
			return
		}
	}
	p.flying = append(p.flying, probe{
		event:   rtt.Event{Kind: rtt.Reply, Seq: seq, Reflector: uint8(i)},
		started: l.now,
		extra:   extra,
		turn:    l.now + at(l.cfg.Radio, l.now) + l.half(uint8(i)) + l.probeDelay(),
	})
}

// emit delivers an event.
func (l *Link) emit(e rtt.Event) {
	l.events = append(l.events, e)
	if int(e.Reflector) < l.cfg.Reflectors {
		l.probes.selection.Observe(e)
	}
}

// miss records a ping without an answer. A law learns of it by its silence, the
// selection as the live one does.
func (p *prober) miss(e rtt.Event) {
	e.Kind, e.At = rtt.Lost, e.At+lostAfter
	p.missing = append(p.missing, e)
}

func (l *Link) replied(f probe) {
	p := &l.probes
	l.count(autorate.Download)
	f.event.At, f.event.RTT = l.now, f.arrives-f.started
	l.emit(f.event)
	if i := int(f.event.Reflector); i >= l.cfg.Reflectors || p.selection.Role(i) != rtt.InUse {
		return
	}
	p.replied = l.now
	if p.back++; p.back >= pingsToReturn {
		p.tcp = false
	}
}
