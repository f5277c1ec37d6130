package linksim

import (
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// stepProbes sends what is due and delivers what has come back. A probe waits
// in the upload FIFO when it leaves and in the download FIFO when it has
// turned round; the shapers isolate it.
func (l *Link) stepProbes() {
	for i := range l.nextAt {
		if l.now < l.nextAt[i] {
			continue
		}
		l.nextAt[i] += l.cfg.ProbeInterval
		seq := l.nextSeq[i]
		l.nextSeq[i]++
		l.events = append(l.events, rtt.Event{At: l.now, Kind: rtt.Sent, Seq: seq, Reflector: uint8(i)})
		if l.cfg.Blackout != nil && l.cfg.Blackout(l.now) {
			continue
		}
		half := l.cfg.BaseRTT(l.now)/2 + time.Duration(i)*time.Millisecond
		l.probes = append(l.probes, probe{
			event:   rtt.Event{Kind: rtt.Reply, Seq: seq, Reflector: uint8(i)},
			started: l.now,
			turn:    l.now + half + l.queueDelay(int(autorate.Upload)) + l.jitter.next(l.rng, l.cfg.Jitter, l.now),
		})
	}
	kept := l.probes[:0]
	for _, p := range l.probes {
		if !p.turned && l.now >= p.turn {
			p.turned = true
			half := l.cfg.BaseRTT(l.now)/2 + time.Duration(p.event.Reflector)*time.Millisecond
			p.arrives = p.turn + half + l.queueDelay(int(autorate.Download))
		}
		if p.turned && l.now >= p.arrives {
			p.event.At, p.event.RTT = l.now, p.arrives-p.started
			l.events = append(l.events, p.event)
			continue
		}
		kept = append(kept, p)
	}
	l.probes = kept
}

// Jitter is the noise a link adds to each probe without any queue of ours.
type Jitter struct {
	// Grant is the width of uniform delay per packet, as request-grant
	// scheduling on cable adds it.
	Grant time.Duration
	// Spikes come at random, SpikeEvery apart on average, last SpikeFor and
	// add up to Spike.
	Spike      time.Duration
	SpikeEvery time.Duration
	SpikeFor   time.Duration
}

// Jitter models of common links.
var (
	Fibre  = Jitter{Grant: 300 * time.Microsecond}
	DSL    = Jitter{Grant: time.Millisecond}
	DOCSIS = Jitter{Grant: 3 * time.Millisecond, Spike: 15 * time.Millisecond, SpikeEvery: 2 * time.Second, SpikeFor: 60 * time.Millisecond}
	LTE    = Jitter{Grant: 12 * time.Millisecond, Spike: 40 * time.Millisecond, SpikeEvery: 4 * time.Second, SpikeFor: 120 * time.Millisecond}
)

type jitterState struct {
	until time.Duration
	spike time.Duration
	size  time.Duration
}

func (s *jitterState) next(rng *rand.Rand, j Jitter, now time.Duration) time.Duration {
	d := time.Duration(rng.Float64() * float64(j.Grant))
	if j.SpikeEvery <= 0 {
		return d
	}
	if s.spike == 0 {
		s.spike = now + time.Duration(rng.ExpFloat64()*float64(j.SpikeEvery))
	}
	if now >= s.spike {
		s.until = now + j.SpikeFor
		s.size = time.Duration((0.5 + rng.Float64()/2) * float64(j.Spike))
		s.spike = now + j.SpikeFor + time.Duration(rng.ExpFloat64()*float64(j.SpikeEvery))
	}
	if now < s.until {
		d += s.size
	}
	return d
}
