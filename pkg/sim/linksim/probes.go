package linksim

import (
	"math/rand/v2"
	"slices"
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
)

type probe struct {
	event   rtt.Event // the Reply or OneWay to come
	arrives time.Duration
	turn    time.Duration // when the reflector answers
	started time.Duration
	extra   time.Duration
	turned  bool
}

// prober is the state of the probes of a link.
type prober struct {
	rng     *rand.Rand
	flying  []probe
	seq     []uint32 // next, of each target: the reflectors, then the TCP targets
	targets []rtt.Schedule
	at      []time.Duration // when the next one leaves
	next    time.Duration   // earliest departure, turn or arrival
	replied time.Duration   // newest reply to a ping
	tcp     bool            // measuring by TCP
	back    int             // pings answered since

	clocks clocks
}

func newProber(cfg Config) prober {
	p := prober{rng: rand.New(rand.NewPCG(cfg.Seed, 0x77616e63746c))}
	plan := rtt.Plan{Interval: cfg.ProbeInterval}
	p.targets = slices.Concat(plan.Echoes(cfg.Reflectors), plan.Spread(cfg.TCPTargets, plan.Fallback()))
	for _, s := range p.targets {
		p.at = append(p.at, s.First)
	}
	p.seq = make([]uint32, len(p.at))
	p.clocks = newClocks(cfg)
	return p
}

// stepProbes sends what is due and delivers what has come back. A probe waits
// in the upload FIFO when it leaves and in the download FIFO when it has
// turned round; the shapers isolate it.
func (l *Link) stepProbes() {
	p := &l.probes
	if l.now < p.next {
		return
	}
	p.next = l.now + time.Hour
	if !p.tcp && l.now-p.replied > tcpAfter {
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
			f.turned = true
			f.arrives = f.turn + l.half(f.event.Reflector) + f.extra + l.probeDelay(autorate.Download)
			f.arrives += at(l.cfg.Radio, f.arrives)
			f.arrives += at(l.cfg.Starved, f.arrives)
			if f.event.Kind == rtt.OneWay {
				l.answerClock(&f)
			}
		}
		switch {
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

// probeDelay returns what a probe waits for in d, beside the path.
func (l *Link) probeDelay(d autorate.Direction) time.Duration {
	wait := l.paths[d].sparseDelay()
	if l.cfg.EchoShare > 0 {
		wait = time.Duration(l.cfg.EchoShare * float64(wait))
	}
	return wait + l.wander(d)
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
	p.at[i] = p.targets[i].Due(l.now, l.now)
	if !ping && !p.tcp {
		return
	}
	seq := p.seq[i]
	p.seq[i]++
	l.count(autorate.Upload)
	l.events = append(l.events, rtt.Event{At: l.now, Kind: rtt.Sent, Seq: seq, Reflector: uint8(i)})
	extra := time.Duration(0)
	switch {
	case !ping:
		extra = tcpHandshakeBy
	case l.cfg.Blackout != nil && l.cfg.Blackout(l.now):
		return
	case l.cfg.Fault != nil:
		var silent bool
		if extra, silent = l.cfg.Fault(i, l.now, l.Excess()); silent {
			return
		}
	}
	p.flying = append(p.flying, probe{
		event:   rtt.Event{Kind: rtt.Reply, Seq: seq, Reflector: uint8(i)},
		started: l.now,
		extra:   extra,
		turn:    l.now + at(l.cfg.Radio, l.now) + l.half(uint8(i)) + l.probeDelay(autorate.Upload) + l.jitter.draw(l.now, p.rng),
	})
}

func (l *Link) replied(f probe) {
	p := &l.probes
	l.count(autorate.Download)
	f.event.At, f.event.RTT = l.now, f.arrives-f.started
	l.events = append(l.events, f.event)
	if int(f.event.Reflector) >= l.cfg.Reflectors {
		return
	}
	p.replied = l.now
	if p.back++; p.back >= pingsToReturn {
		p.tcp = false
	}
}
