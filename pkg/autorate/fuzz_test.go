package autorate_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// script reads what an adversary does out of bytes; after its end all is 0.
type script struct{ rest []byte }

func (s *script) byte() byte {
	if len(s.rest) == 0 {
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

// pick returns one of what the adversary can choose from.
func pick[T any](s *script, from ...T) T { return from[int(s.byte())%len(from)] }

func (s *script) rtt() time.Duration {
	const ms = time.Millisecond
	return pick(s, 20*ms, 21*ms, 0, -ms, 1, ms, 25*ms, 60*ms, 200*ms, 3*time.Second, 59*time.Second, 1e6*time.Second, math.MaxInt64, math.MinInt64)
}

func (s *script) rate() bitrate.Rate {
	return pick[bitrate.Rate](s, 0, 1, -1, 999, 64*bitrate.Kbps, 3333*bitrate.Kbps, 20*bitrate.Mbps, bitrate.Gbps, math.MaxInt64, math.MinInt64)
}

// at is a time near now, or far from it.
func (s *script) at(now time.Duration) time.Duration {
	const ms = time.Millisecond
	return pick(s, now, now-10*ms, now-40*ms, now+10*ms, now-5*time.Second, now+time.Hour, 0, -time.Hour)
}

func (s *script) counter(before uint64) uint64 {
	return pick(s, before+50_000, before+1, before, before+1_000_000, before/2, 0, before-min(before, 1))
}

// FuzzLaw lets an adversary make up everything that the law sees: limits stay
// in their range and are raised neither over an excess nor by a floor, and no
// figure is absurd.
func FuzzLaw(f *testing.F) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 31))
		data := make([]byte, 4000)
		for i := range data {
			// Mostly what is usual: the absurd has to meet a law that is at work.
			if data[i] = byte(rng.IntN(256)); rng.IntN(3) > 0 {
				data[i] = byte(rng.IntN(2))
			}
		}
		f.Add(seed, data)
	}
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		s := script{data}
		rng := rand.New(rand.NewPCG(seed, 32))
		cfg := anyConfig(rng)
		law, v := autorate.New(cfg, [2]bitrate.Rate{s.rate(), s.rate()}), invariants{cfg: cfg}
		var now time.Duration
		var counters [2]autorate.Counters
		var seq uint32
		for len(s.rest) > 0 {
			now += pick(&s, cfg.Tick, cfg.Tick+time.Millisecond, 0, 1, 10*cfg.Tick, time.Minute, 30*time.Hour)
			in := autorate.Input{
				Applied:      [2]bitrate.Rate{pick(&s, v.last.Directions[0].Limit, s.rate()), pick(&s, v.last.Directions[1].Limit, s.rate())},
				WriteLatency: pick(&s, 10*time.Millisecond, 100*time.Millisecond, 0, -time.Second, time.Minute, time.Hour),
				Hold:         pick(&s, false, false, false, true),
			}
			for range pick(&s, 3, 1, 0, 8) {
				seq++
				e := rtt.Event{
					Kind: rtt.Reply, At: s.at(now), RTT: s.rtt(), Seq: pick(&s, seq, seq, 0, math.MaxUint32, seq-100),
					Reflector: pick[uint8](&s, 0, 1, 2, 31, 32, 255),
				}
				if s.byte() > 200 {
					e.Kind = rtt.Kind(s.byte())
				}
				in.Events = append(in.Events, e)
				if s.byte() > 200 {
					in.Events = append(in.Events, e) // once more
				}
			}
			for range pick(&s, 1, 0, 3) {
				r := autorate.Reading{At: s.at(now)}
				for d := range counters {
					c := &counters[d]
					c.Bytes, c.Dropped, c.QueuedBytes = s.counter(c.Bytes), s.counter(c.Dropped), s.counter(0)
					r.Queues[d] = *c
				}
				in.Readings = append(in.Readings, r)
			}
			switch d := autorate.Direction(s.byte() % 2); s.byte() {
			case 255:
				law.SetExternally(d, s.rate())
				v.adopted(d)
			case 254:
				next := anyConfig(rng)
				next.Tick = cfg.Tick
				law.Reconfigure(next)
				v.reconfigured(next)
			}
			if err := v.check(law.Step(now, in)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzLine lets lines live through trouble that a seed stands for, with people
// who meddle.
func FuzzLine(f *testing.F) {
	f.Add(uint64(1), uint8(10))
	f.Fuzz(func(t *testing.T, seed uint64, troubles uint8) {
		cfg := anyConfig(rand.New(rand.NewPCG(seed, 33)))
		l, v := newLine(cfg, seed), invariants{cfg: cfg}
		for range troubles % 64 {
			l.trouble()
			if l.rng.IntN(4) == 0 {
				l.meddle(&v)
			}
			for range 1 + l.rng.IntN(60) {
				if err := v.check(l.step()); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
