package steering_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wanctl/wanctl/pkg/steering"
)

// lives is how many random lives a property is shown.
func lives(n uint64) uint64 {
	if testing.Short() {
		return n / 10
	}
	return n
}

// Whatever happens, the invariants hold.
func TestPropertyInvariants(t *testing.T) {
	reasons := map[steering.Reason]int{}
	for seed := range lives(400) {
		cfg := anyConfig(rand.New(rand.NewPCG(seed, 61)))
		w, v := newWorld(cfg, steering.Memory{}, seed), newInvariants(cfg)
		w.peaceful = seed%2 == 0
		for range 3000 {
			if w.rng.IntN(40) == 0 {
				w.trouble()
			}
			dec := w.step()
			reasons[dec.Reason]++
			if err := v.check(w.in, dec); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	}
	for r := steering.Clear; r <= steering.Foreign; r++ {
		if reasons[r] == 0 {
			t.Errorf("no life came to %v", r)
		}
	}
}

// A line that swings for ten minutes, at any period and in any proportion, moves
// the rule no more than MaxToggles+2 times in any window, and not before
// hold-down is over.
func TestPropertyOscillating(t *testing.T) {
	braked := 0
	for seed := range lives(300) {
		rng := rand.New(rand.NewPCG(seed, 62))
		cfg := anyConfig(rng)
		cfg.Confidence.FlapDetection = true
		r := newRig(cfg)
		span := func() time.Duration { return time.Duration(math.Exp(rng.Float64()*6) * float64(tick)) }
		var changes []change
		good, bad := span(), span()
		for range 10 {
			changes = append(changes, r.swing(good, bad, time.Minute)...)
			if seed%2 == 0 {
				good, bad = span(), span()
			}
		}
		f := cfg.Confidence
		n := crowd(changes, f.FlapWindow)
		if n > f.MaxToggles+2 {
			t.Errorf("seed %d: %d changes in %v, at most %d allowed: %v", seed, n, f.FlapWindow, f.MaxToggles+2, changes)
		}
		if n > f.MaxToggles {
			braked++
		}
		for i := range changes[:max(0, len(changes)-1)] {
			if gap := changes[i+1].at - changes[i].at; gap < f.HoldDown {
				t.Errorf("seed %d: two changes within %v, hold-down is %v", seed, gap, f.HoldDown)
			}
		}
	}
	if braked < int(lives(300))/10 {
		t.Errorf("only %d lines swung enough to be braked", braked)
	}
}

// anyMemory is what a file may hold after an accident.
func anyMemory(rng *rand.Rand) steering.Memory {
	age := func() time.Duration {
		return []time.Duration{0, second, 20 * second, 4 * time.Minute, time.Hour, -second, math.MaxInt64, math.MinInt64}[rng.IntN(8)]
	}
	figure := func() float64 {
		return []float64{0, 1, 60, 3e7, -1, 1e300, math.NaN(), math.Inf(1)}[rng.IntN(8)]
	}
	number := func() int { return []int{0, 1, 2, 14, 1e9, -5, math.MaxInt, math.MinInt}[rng.IntN(8)] }
	stand := func() steering.Dwell { return steering.Dwell{Active: rng.IntN(2) == 0, For: age()} }
	m := steering.Memory{
		Steered: rng.IntN(2) == 0, Steer: rng.IntN(2) == 0, Asked: []string{"", "recovered", "nonsense"}[rng.IntN(3)], AskAge: age(),
		Penalty: age(), StepAge: age(), Continuous: rng.IntN(2) == 0, Congestion: steering.Congestion(rng.IntN(6)),
		Sampled: rng.IntN(2) == 0, SampleAge: age(), SamplePace: age(), Excess: age(), ExcessEWMA: figure(),
		Read: rng.IntN(2) == 0, ReadingAge: age(), ReadingPace: age(), DropsEWMA: figure(), DepthEWMA: figure(),
		Red: number(), Good: number(), Bad: number(), Gap: number(),
		Above: stand(), Raised: stand(), Below: stand(), Worse: stand(),
		WouldSteer: rng.IntN(2) == 0, WouldChanged: rng.IntN(2) == 0, WouldAge: age(),
	}
	for range rng.IntN(20) {
		m.Changes = append(m.Changes, age())
	}
	return m
}

// From any memory and out of any life, lasting congestion is steered away from
// and a lasting calm is come back to.
func TestPropertyReachable(t *testing.T) {
	for seed := range lives(400) {
		rng := rand.New(rand.NewPCG(seed, 63))
		cfg := anyConfig(rng)
		w, v := newWorld(cfg, anyMemory(rng), seed), newInvariants(cfg)
		w.rule = rng.IntN(2) == 0
		if seed%2 == 0 {
			for range 2000 {
				if rng.IntN(40) == 0 {
					w.trouble()
				}
				if err := v.check(w.in, w.step()); err != nil {
					break // another test's business, which knows no accidents of memory
				}
			}
		}
		f := cfg.Confidence
		// A score of 100 takes no sample that lacks a sign.
		most := 2*f.HoldDown + 2*f.FlapWindow + f.Penalty + 10*f.Sustain + 10*f.RecoverySustain + 5*time.Minute
		w.handBack(most)
		for _, tt := range []struct {
			name  string
			level float64
			want  bool
		}{{"congested", 20, true}, {"calm", 0, false}, {"congested again", 20, true}} {
			w.peace(tt.level)
			start := w.now
			for w.step().Enabled != tt.want {
				if w.now-start > most {
					t.Fatalf("seed %d: %s for %v, and the rule is %v: %+v\n%+v", seed, tt.name, most, w.dec.Enabled, cfg, w.dec)
				}
			}
		}
	}
}

// A law that was remembered and made anew goes on as the one that was not.
func TestPropertyRoundTrip(t *testing.T) {
	for seed := range lives(300) {
		cfg := anyConfig(rand.New(rand.NewPCG(seed, 64)))
		w := newWorld(cfg, steering.Memory{}, seed)
		for range 200 + w.rng.IntN(2000) {
			if w.rng.IntN(40) == 0 {
				w.trouble()
			}
			w.step()
		}
		w.uncounted, w.frozen = false, true
		for w.step(); !w.in.CountersKnown; {
			w.step()
		}
		down := w.interval()
		data, err := json.Marshal(w.law.Remember(w.now))
		if err != nil {
			t.Fatal(err)
		}
		var m steering.Memory
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		again := steering.New(cfg, m.Aged(down))
		// The router's counters and the rule are read first; and what they
		// counted meanwhile is the one thing that is not known.
		w.now += down - tick
		w.steady, w.heard, w.usable = true, true, true
		for i := range 500 {
			w.now += w.interval()
			w.sense()
			w.in.CountersKnown = w.in.CountersKnown || i == 0
			want, got := w.law.Step(w.now, w.in), again.Step(w.now, w.in)
			w.dec = want
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, step %d after the restart (-one that ran on +one made anew):\n%s", seed, i, diff)
			}
			w.loop()
			if w.steady, w.frozen = false, false; w.rng.IntN(40) == 0 {
				w.trouble()
			}
		}
	}
}
