package rtt

import (
	"math/rand/v2"
	"testing"
	"time"
)

const ms = time.Millisecond

func reply(at time.Duration, reflector uint8, seq uint32, rtt time.Duration) Event {
	return Event{Kind: Reply, At: at, Reflector: reflector, Seq: seq, RTT: rtt}
}

func TestBaseline(t *testing.T) {
	type part struct {
		seconds int
		rtt     time.Duration
		clean   bool
	}
	for _, tt := range []struct {
		name  string
		parts []part
		want  time.Duration
	}{
		{"first sample", []part{{1, 20 * ms, true}}, 20 * ms},
		{"down at once", []part{{10, 40 * ms, true}, {1, 20 * ms, false}}, 20 * ms},
		{"a queue under load never leaks in", []part{{5, 20 * ms, true}, {3600, 28 * ms, false}}, 20 * ms},
		{"a slow clean rise is followed", []part{{5, 20 * ms, true}, {40, 21 * ms, true}}, 21 * ms},
		{"a jump on an idle link is followed soon", []part{{40, 20 * ms, true}, {5, 60 * ms, true}}, 60 * ms},
		{"a burst on an idle link is not", []part{{40, 20 * ms, true}, {2, 60 * ms, true}, {1, 20 * ms, true}}, 20 * ms},
		{"a jump under load waits", []part{{40, 20 * ms, true}, {600, 60 * ms, false}}, 20 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b Baseline
			now := time.Duration(0)
			for _, p := range tt.parts {
				for range p.seconds * 20 {
					now += 50 * ms
					b.Add(now, p.rtt, p.clean)
				}
			}
			if b.Value() != tt.want {
				t.Errorf("baseline %v, want %v", b.Value(), tt.want)
			}
		})
	}
}

func TestBaselineIgnoresAbsurdSamples(t *testing.T) {
	var b Baseline
	b.Add(1, 20*ms, true)
	b.Add(2, 0, true)
	b.Add(3, -5*ms, true)
	if b.Value() != 20*ms {
		t.Errorf("baseline %v", b.Value())
	}
}

func TestPathCombines(t *testing.T) {
	for _, tt := range []struct {
		name   string
		base   []time.Duration
		now    []time.Duration // 0: silent for long
		excess time.Duration
		alive  int
	}{
		{"each against its own baseline", []time.Duration{10 * ms, 20 * ms, 90 * ms}, []time.Duration{15 * ms, 25 * ms, 95 * ms}, 5 * ms, 3},
		{"one wild reflector of three", []time.Duration{10 * ms, 10 * ms, 10 * ms}, []time.Duration{11 * ms, 12 * ms, 500 * ms}, 2 * ms, 3},
		{"the smaller of two", []time.Duration{10 * ms, 10 * ms}, []time.Duration{60 * ms, 12 * ms}, 2 * ms, 2},
		{"one of one", []time.Duration{10 * ms}, []time.Duration{60 * ms}, 50 * ms, 1},
		{"a far one dropping out changes nothing", []time.Duration{10 * ms, 20 * ms, 90 * ms}, []time.Duration{12 * ms, 22 * ms, 0}, 2 * ms, 2},
		{"none", []time.Duration{10 * ms}, []time.Duration{0}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p Path
			for i, rtt := range tt.base {
				p.Observe(reply(0, uint8(i), 0, rtt), true)
			}
			const later = 10 * time.Second
			for i, rtt := range tt.now {
				if rtt > 0 {
					p.Observe(reply(later, uint8(i), 200, rtt), false)
				}
			}
			v := p.View(later)
			if v.Excess != tt.excess || v.Alive != tt.alive {
				t.Errorf("excess %v of %d alive, want %v of %d", v.Excess, v.Alive, tt.excess, tt.alive)
			}
		})
	}
}

func TestWaiting(t *testing.T) {
	var r Reflector
	send := func(at time.Duration, seq uint32) { r.Observe(Event{Kind: Sent, At: at, Seq: seq}, false) }
	send(0, 0)
	if w := r.Waiting(500 * ms); w != 0 {
		t.Errorf("waiting %v before the first reply: no baseline to compare with", w)
	}
	r.Observe(reply(20*ms, 0, 0, 20*ms), true)
	send(50*ms, 1)
	if w := r.Waiting(60 * ms); w != 0 {
		t.Errorf("waiting %v for a probe that is not overdue", w)
	}
	send(100*ms, 2)
	if w := r.Waiting(150 * ms); w != 80*ms {
		t.Errorf("waiting %v, want 80ms since the oldest unanswered probe", w)
	}
	r.Observe(reply(160*ms, 0, 2, 60*ms), false)
	if w := r.Waiting(200 * ms); w != 0 {
		t.Errorf("waiting %v for a probe that a later one has overtaken", w)
	}
	r.Observe(reply(170*ms, 0, 1, 120*ms), false) // late, takes its loss back
	if r.RTT() != 120*ms {
		t.Errorf("a late reply is not heard: RTT %v", r.RTT())
	}
}

// Whatever comes in, a view has no negative excess and never counts reflectors
// that do not exist.
func FuzzPath(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var p Path
		now := time.Duration(0)
		for range 500 {
			now += time.Duration(rng.IntN(100)) * ms
			p.Observe(Event{
				At: now - time.Duration(rng.IntN(5))*ms, Kind: Kind(rng.IntN(5)), Seq: uint32(rng.IntN(300)),
				Reflector: uint8(rng.IntN(40)), RTT: time.Duration(rng.Int64N(int64(2*time.Second))) - 100*ms,
			}, rng.IntN(2) == 0)
			v := p.View(now)
			if v.Excess < 0 || v.Waiting < 0 || v.Alive < 0 || v.Alive > MaxReflectors {
				t.Fatalf("seed %d: %+v", seed, v)
			}
		}
	})
}
