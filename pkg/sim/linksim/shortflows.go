package linksim

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim/fluid"
)

// Sizes of short flows, as browsing makes them: Pareto-distributed, so that few of
// them carry most of the bytes.
const (
	shortSmallest = 20e3
	shortLargest  = 20e6
	shortShape    = 1.2
)

// shortMean returns the mean size of a flow, of the distribution cut at both ends.
func shortMean() float64 {
	a, lo, hi := shortShape, shortSmallest, shortLargest
	return math.Pow(lo, a) / (1 - math.Pow(lo/hi, a)) * a / (a - 1) * (math.Pow(lo, 1-a) - math.Pow(hi, 1-a))
}

// shortFlows generates the short flows of one direction.
type shortFlows struct {
	rng  *rand.Rand
	mean float64       // bytes
	next time.Duration // arrival of the next one, 0: not drawn
}

func newShortFlows(seed uint64) shortFlows {
	return shortFlows{rng: rand.New(rand.NewPCG(seed, 0x776562)), mean: shortMean()}
}

// arrives reports whether a flow begins by now at an offered load, and its
// size.
func (w *shortFlows) arrives(now time.Duration, offered bitrate.Rate) (bytes float64, ok bool) {
	if offered <= 0 {
		w.next = 0
		return 0, false
	}
	gap := w.mean * 8 / float64(offered)
	if w.next == 0 {
		w.next = now + time.Duration(w.rng.ExpFloat64()*gap*1e9)
	}
	if now < w.next {
		return 0, false
	}
	w.next += max(1, time.Duration(w.rng.ExpFloat64()*gap*1e9))
	u := w.rng.Float64() * (1 - math.Pow(shortSmallest/shortLargest, shortShape))
	return shortSmallest / math.Pow(1-u, 1/shortShape), true
}

// updateFlows starts and ends the flows of d.
func (l *Link) updateFlows(d int) {
	p := &l.paths[d]
	if of := l.cfg.Flows[d]; of != nil {
		want := min(MaxBulk, max(0, of(l.now)))
		const bulk = 1<<MaxBulk - 1
		for i := 0; i < MaxBulk && p.active&bulk != 1<<want-1; i++ {
			bit := uint32(1) << i
			switch {
			case i < want && p.active&bit == 0:
				l.begin(d, i, math.Inf(1))
			case i >= want && p.active&bit != 0:
				p.flows[i].Active = false
				p.active &^= bit
			}
		}
	}
	if of := l.cfg.ShortFlows[d]; of != nil {
		for size, ok := p.short.arrives(l.now, of(l.now)); ok; size, ok = p.short.arrives(l.now, of(l.now)) {
			// Without a free place the flow is given up.
			for i := MaxBulk; i < maxFlows; i++ {
				if p.active&(1<<i) == 0 {
					l.begin(d, i, size)
					break
				}
			}
		}
	}
}

// begin starts a flow.
func (l *Link) begin(d, i int, bytes float64) {
	p := &l.paths[d]
	kind := fluid.Cubic
	if l.cfg.Congestion != nil {
		kind = l.cfg.Congestion(d, i)
	}
	rtt := l.base + p.queueDelay() + p.shaper.Sojourn(l.now) + l.back(d)
	p.flows[i].Start(l.now, fluid.Transfer{
		Congestion: kind, Bytes: bytes, RTT: rtt.Seconds(), HyStart: l.cfg.HyStart,
		Burst: l.cfg.Burst, Seed: l.cfg.Seed<<5 + uint64(d<<4+i),
	})
	p.active |= 1 << i
}
