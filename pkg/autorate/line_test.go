package autorate_test

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// line is a WAN of the plainest kind around a law: two FIFOs, flows that take
// what they find, probes, counters and a router that needs a moment. It is a
// thousand times coarser than linksim and as much cheaper, which is what
// properties over many random lives need.
type line struct {
	rng *rand.Rand
	law *autorate.Law
	cfg autorate.Config

	// What the line is like now; tests change it at will.
	base      time.Duration
	noise     func(*rand.Rand) time.Duration
	lost      float64       // share of probes without a reply
	mute      [3]bool       // reflectors that do not answer
	blind     bool          // the router answers no poll
	capacity  [2]float64    // bit/s
	demand    [2]float64    // bit/s the flows would take
	buffer    time.Duration // depth of both FIFOs at their capacity
	writeTime time.Duration
	react     time.Duration // that flows take to find their rate

	now      time.Duration
	seq      uint32
	pending  []rtt.Event // replies under way
	flow     [2]float64  // bit/s the senders send
	queue    [2]float64  // bits
	bytes    [2]float64
	drops    [2]float64
	backlog  [2]float64 // bytes in the shaper
	polled   time.Duration
	budget   actuate.WriteBudget
	inForce  [2]bitrate.Rate
	written  [2]bitrate.Rate
	writing  time.Duration // when written comes into force; 0: nothing under way
	dec      autorate.Decision
	events   []rtt.Event
	readings []autorate.Reading
	extra    []rtt.Event // seen by the law beside what the line says
}

const greedy = math.MaxFloat64 / 4

func newLine(cfg autorate.Config, seed uint64) *line {
	l := &line{
		rng: rand.New(rand.NewPCG(seed, 11)), cfg: cfg,
		base: 20 * time.Millisecond, noise: quietNoise, buffer: 300 * time.Millisecond, writeTime: 10 * time.Millisecond, react: 150 * time.Millisecond,
	}
	for _, d := range autorate.Directions {
		l.inForce[d] = cfg.Directions[d].Ceiling
		l.capacity[d] = 2 * float64(cfg.Directions[d].Ceiling)
	}
	l.law = autorate.New(cfg, l.inForce)
	return l
}

func quietNoise(rng *rand.Rand) time.Duration {
	return time.Duration(rng.ExpFloat64() * float64(300*time.Microsecond))
}

// cableNoise has the spikes of a request-grant line.
func cableNoise(rng *rand.Rand) time.Duration {
	x := time.Duration(rng.ExpFloat64() * float64(time.Millisecond))
	if rng.IntN(20) == 0 {
		x += time.Duration(rng.Float64() * float64(15*time.Millisecond))
	}
	return x
}

func (l *line) excess() time.Duration {
	s := 0.0
	for d, q := range l.queue {
		s += q / l.capacity[d]
	}
	return time.Duration(s * float64(time.Second))
}

// step lets one tick pass and the law decide.
func (l *line) step() autorate.Decision {
	const grain = 10 * time.Millisecond
	l.events, l.readings = l.events[:0], l.readings[:0]
	end := l.now + l.cfg.Tick
	for l.now < end {
		dt := min(grain, end-l.now)
		l.now += dt
		l.move(dt)
	}
	l.probe()
	l.poll()
	l.deliver()
	l.events = append(l.events, l.extra...)
	l.extra = l.extra[:0]
	l.dec = l.law.Step(l.now, autorate.Input{
		Events: l.events, Readings: l.readings, Applied: l.inForce, WriteLatency: l.writeTime,
	})
	if l.writing == 0 {
		l.written = l.inForce
		for _, d := range autorate.Directions {
			if want := l.dec.Directions[d].Limit; l.budget.Allow(l.now, d, l.inForce[d], want) == actuate.Send {
				l.written[d] = want
			}
		}
		if l.written != l.inForce {
			l.writing = l.now + l.writeTime
		}
	}
	return l.dec
}

// move lets traffic flow for dt.
func (l *line) move(dt time.Duration) {
	if l.writing != 0 && l.now >= l.writing {
		l.inForce, l.writing = l.written, 0
	}
	s := dt.Seconds()
	for d := range l.queue {
		limit, capacity := float64(l.inForce[d]), l.capacity[d]
		// Senders press a little above what they get, within a few RTTs.
		want := min(l.demand[d], 1.03*min(limit, max(capacity, l.flow[d])*1.2))
		l.flow[d] += (want - l.flow[d]) * min(1, s/l.react.Seconds())
		arrives, full := l.flow[d], l.buffer.Seconds()*capacity
		if d == int(autorate.Upload) {
			arrives = l.shape(d, arrives, limit, s)
		}
		out := min(capacity, arrives+l.queue[d]/s)
		l.queue[d] += (arrives - out) * s
		if l.queue[d] > full {
			l.queue[d] = full
			l.flow[d] *= 0.7
		}
		if d == int(autorate.Download) {
			l.shape(d, out, limit, s)
		}
	}
}

// shape counts what the shaper of d sends of rate, and returns it.
func (l *line) shape(d int, rate, limit, s float64) float64 {
	sends := min(rate, limit)
	l.bytes[d] += sends * s / 8
	l.backlog[d] = 0
	if rate > limit*0.995 {
		l.backlog[d] = limit / 8 * 0.01
		l.drops[d] += s * 20
	}
	return sends
}

func (l *line) probe() {
	for r := range uint8(3) {
		// Staggered over the tick; the queue is taken to be that of its end.
		at := l.now - l.cfg.Tick*time.Duration(3-int(r))/4
		l.events = append(l.events, rtt.Event{Kind: rtt.Sent, At: at, Seq: l.seq, Reflector: r})
		if l.mute[r] || l.rng.Float64() < l.lost {
			continue
		}
		x := l.base + l.excess() + l.noise(l.rng)
		l.pending = append(l.pending, rtt.Event{Kind: rtt.Reply, At: at + x, Seq: l.seq, Reflector: r, RTT: x})
	}
	l.seq++
}

func (l *line) deliver() {
	kept := l.pending[:0]
	for _, e := range l.pending {
		if e.At > l.now {
			kept = append(kept, e)
			continue
		}
		l.events = append(l.events, e)
	}
	l.pending = kept
}

func (l *line) poll() {
	if l.blind || l.now-l.polled < 100*time.Millisecond {
		return
	}
	l.polled = l.now
	r := autorate.Reading{At: l.now - 2*time.Millisecond}
	for d := range r.Queues {
		r.Queues[d] = autorate.Counters{Bytes: uint64(l.bytes[d]), Dropped: uint64(l.drops[d]), QueuedBytes: uint64(l.backlog[d])}
	}
	l.readings = append(l.readings, r)
}

// run lets d pass, at least one tick, and tells see of every decision.
func (l *line) run(d time.Duration, see func(autorate.Decision)) {
	for end := l.now + d; l.now < end; {
		dec := l.step()
		if see != nil {
			see(dec)
		}
	}
}

// anyConfig is a configuration as valid ones come: every interval, thresholds
// and bounds in their ranges, floors by severity.
func anyConfig(rng *rand.Rand) autorate.Config {
	between := func(lo, hi time.Duration) time.Duration { return lo + time.Duration(rng.Int64N(int64(hi-lo+1))) }
	const ms = time.Millisecond
	cfg := autorate.Config{
		BaselineInitial:  between(ms, 500*ms),
		BaselineMin:      between(100*time.Microsecond, 5*ms),
		BaselineMax:      between(100*ms, 1000*ms),
		LoadTimeConstant: time.Duration(math.Exp(math.Log(0.05)+rng.Float64()*math.Log(200)) * float64(time.Second)),
		Target:           between(ms, 100*ms),
	}
	cfg.Warn = cfg.Target + between(ms, 100*ms)
	cfg.HardRed = cfg.Warn + between(ms, 100*ms)
	switch rng.IntN(3) {
	case 0:
		cfg.Tick = 50 * ms
	case 1:
		cfg.Tick = between(10*ms, 200*ms)
	case 2:
		cfg.Tick = time.Duration(math.Exp(rng.Float64()*math.Log(500)) * float64(10*ms))
	}
	for d := range cfg.Directions {
		cfg.Directions[d] = anyDirection(rng)
	}
	return cfg
}

// anyDirection has floors that no estimate meets by chance.
func anyDirection(rng *rand.Rand) autorate.DirectionConfig {
	ceiling := bitrate.FromMbps(math.Exp(rng.Float64()*math.Log(100_000))).Clamp(bitrate.Mbps, 100*bitrate.Gbps)
	share := []float64{rng.Float64(), rng.Float64(), rng.Float64()}
	c := autorate.DirectionConfig{Ceiling: ceiling}
	floor := max(float64(100*bitrate.Kbps), float64(ceiling)*(0.02+0.4*rng.Float64()*rng.Float64()))
	for i := autorate.Red; i >= autorate.Green; i-- {
		c.Floor[i-1] = min(bitrate.Rate(floor), ceiling)
		if i > autorate.Green {
			floor += (float64(ceiling) - floor) * 0.5 * share[i-autorate.Yellow]
		}
	}
	return c
}
