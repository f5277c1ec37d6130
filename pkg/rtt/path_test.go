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
		seconds  int
		rtt      time.Duration
		unloaded bool
	}
	for _, tt := range []struct {
		name  string
		parts []part
		want  time.Duration
	}{
		{"first sample", []part{{1, 20 * ms, true}}, 20 * ms},
		{"down at once", []part{{10, 40 * ms, true}, {1, 20 * ms, false}}, 20 * ms},
		{"a queue under load never leaks in", []part{{5, 20 * ms, true}, {3600, 28 * ms, false}}, 20 * ms},
		{"a slow unloaded rise is followed", []part{{5, 20 * ms, true}, {40, 21 * ms, true}}, 21 * ms},
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
					b.Add(now, p.rtt, p.unloaded)
				}
			}
			if b.Value() != tt.want {
				t.Errorf("baseline %v, want %v", b.Value(), tt.want)
			}
		})
	}
}

func TestBaselineIgnoresImplausibleSamples(t *testing.T) {
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

func TestOverdueDelay(t *testing.T) {
	var r Reflector
	send := func(at time.Duration, seq uint32) { r.Observe(Event{Kind: Sent, At: at, Seq: seq}, false) }
	send(0, 0)
	if w := r.OverdueDelay(500 * ms); w != 0 {
		t.Errorf("waiting %v before the first reply: no baseline to compare with", w)
	}
	r.Observe(reply(20*ms, 0, 0, 20*ms), true)
	send(50*ms, 1)
	if w := r.OverdueDelay(60 * ms); w != 0 {
		t.Errorf("waiting %v for a probe that is not overdue", w)
	}
	send(100*ms, 2)
	if w := r.OverdueDelay(150 * ms); w != 80*ms {
		t.Errorf("waiting %v, want 80ms since the oldest unanswered probe", w)
	}
	r.Observe(reply(160*ms, 0, 2, 60*ms), false)
	if w := r.OverdueDelay(200 * ms); w != 0 {
		t.Errorf("waiting %v for a probe that a later one has overtaken", w)
	}
	r.Observe(reply(170*ms, 0, 1, 120*ms), false) // late, takes its loss back
	if r.RTT() != 120*ms {
		t.Errorf("a late reply is not heard: RTT %v", r.RTT())
	}
}

// An overdue probe is evidence of a queue where nearly every probe is answered, and
// nowhere else: how soon is each kind of reflector trusted again, or no more?
func TestOverdueDelayNeedsAnswers(t *testing.T) {
	const every = 50 * ms
	first := func(n, of int) func(int) bool { return func(i int) bool { return i%of < n } }
	for _, tt := range []struct {
		name     string
		answered func(probe int) bool
		probes   int
		trusted  bool
		rate     [2]float64
	}{
		{"all answered", first(1, 1), 40, true, [2]float64{1, 1}},
		{"one in twenty lost", first(19, 20), 400, true, [2]float64{0.92, 0.98}},
		{"one in twelve answered, as behind a limit of five a second", first(1, 12), 30, false, [2]float64{0, 0.72}},
		{"the same, for long", first(1, 12), 1200, false, [2]float64{0, 0.2}},
		{"every other one lost", first(1, 2), 200, false, [2]float64{0.4, 0.6}},
		{"three in ten lost", first(7, 10), 200, false, [2]float64{0.6, 0.8}},
		{"one outage of ten seconds, just over", func(i int) bool { return i < 100 || i >= 300 }, 301, true, [2]float64{0.8, 0.85}},
		{"one in twelve for long, then all", func(i int) bool { return i > 1200 || i%12 == 0 }, 1300, true, [2]float64{0.85, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r Reflector
			now, overdue := time.Duration(0), uint32(0)
			for i := range tt.probes {
				now = time.Duration(i) * every
				r.Observe(Event{Kind: Sent, At: now, Seq: uint32(i)}, true)
				if tt.answered(i) {
					r.Observe(reply(now+20*ms, 0, uint32(i), 20*ms), true)
				}
				overdue = uint32(i) + 1
			}
			r.Observe(Event{Kind: Sent, At: now + every, Seq: overdue}, true)
			if got := r.OverdueDelay(now+every+120*ms) > 0; got != tt.trusted {
				t.Errorf("an overdue probe counts: %v, want %v; %.3f are answered", got, tt.trusted, r.AnswerRate())
			}
			if rate := r.AnswerRate(); rate < tt.rate[0] || rate > tt.rate[1] {
				t.Errorf("answer rate %.3f, want %v", rate, tt.rate)
			}
		})
	}
}

// Answers that come in another order are answers.
func TestReorderedAnswersCount(t *testing.T) {
	var r Reflector
	for i := uint32(0); i < 400; i += 2 {
		at := time.Duration(i) * 50 * ms
		r.Observe(Event{Kind: Sent, At: at, Seq: i}, true)
		r.Observe(Event{Kind: Sent, At: at + ms, Seq: i + 1}, true)
		r.Observe(reply(at+20*ms, 0, i+1, 19*ms), true)
		r.Observe(reply(at+25*ms, 0, i, 25*ms), true)
	}
	if rate := r.AnswerRate(); rate < 0.95 {
		t.Errorf("answer rate %.3f", rate)
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
			if v.Excess < 0 || v.OverdueDelay < 0 || v.Alive < 0 || v.Alive > MaxReflectors {
				t.Fatalf("seed %d: %+v", seed, v)
			}
		}
	})
}
