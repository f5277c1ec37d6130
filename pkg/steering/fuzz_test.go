package steering_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
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
	return pick(s, 20*ms, 90*ms, 20*ms, 90*ms, 21*ms, 30*ms, 40*ms, 300*ms, 0, -ms, 1, 59*second, math.MaxInt64, math.MinInt64)
}

func (s *script) counter(before uint64) uint64 {
	return pick(s, before+20, before, before+1, before+1_000_000, before/2, 0, math.MaxUint32, 1<<40, math.MaxUint64)
}

// FuzzStep lets an adversary make up everything that the law sees and
// remembers.
func FuzzStep(f *testing.F) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 71))
		data := make([]byte, 6000)
		for i := range data {
			// Mostly what is usual: the absurd has to meet a law that is at work.
			if data[i] = byte(rng.IntN(256)); rng.IntN(4) > 0 {
				data[i] = byte(rng.IntN(2))
			}
		}
		f.Add(seed, data)
	}
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		s := script{data}
		rng := rand.New(rand.NewPCG(seed, 72))
		cfg := anyConfig(rng)
		m := steering.Memory{}
		if seed%3 == 0 {
			m = anyMemory(rng)
		}
		law, v := steering.New(cfg, m), newInvariants(cfg)
		now := pick(&s, 0, time.Hour, 20000*time.Hour)
		var queues [2]steering.Counters
		var rule bool
		var dec steering.Decision
		for len(s.rest) > 0 {
			now = max(0, now+pick(&s, tick, 40*ms, 0, 1, 5*second, 31*second, time.Minute, 30*time.Hour, -second))
			for i := range queues {
				queues[i] = steering.Counters{Dropped: s.counter(queues[i].Dropped), QueuedPackets: pick[uint64](&s, 0, 60, 5, 20, 1e6, math.MaxUint64)}
			}
			switch pick(&s, 0, 1, 0, 1, 2, 3) {
			case 1:
				rule = dec.Steer // done
			case 2:
				rule = !rule
			case 3:
				rule = s.byte()%2 == 0
			}
			in := steering.Input{
				RTTKnown: pick(&s, true, true, true, false), Baseline: pick(&s, 20*ms, 20*ms, 20*ms, s.rtt()), RTT: s.rtt(),
				CountersKnown: pick(&s, true, true, true, false), Queues: queues,
				Alternate: pick(&s, steering.AlternateGood, steering.AlternateUnknown, steering.AlternateDegraded, steering.AlternateDown, 77),
				RuleKnown: pick(&s, true, true, false), RuleEnabled: rule,
				RuleChangeable: pick(&s, true, true, true, false),
			}
			switch s.byte() {
			case 255:
				cfg = anyConfig(rng)
				law.Reconfigure(cfg)
				v.reconfigured(cfg)
			case 254:
				law = steering.New(cfg, law.Remember(now))
				v = newInvariants(cfg)
				v.foreign = true // changes from before the restart are not known here
			}
			dec = law.Step(now, in)
			if err := v.check(in, dec); err != nil {
				t.Fatal(err)
			}
		}
	})
}
