package rtt

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wire plays reflectors that are pinged 20 times a second and send timestamps,
// of a millisecond's resolution, ten times a second in turn.
type wire struct {
	path       Path
	reflectors int
	rng        *rand.Rand
	now        time.Duration
	seq        uint32

	jitter   time.Duration                                  // of each direction, uniform
	queue    func(t time.Duration) (up, down time.Duration) // what stands there
	clock    func(i int, t time.Duration) time.Duration     // theirs, ahead of ours
	unloaded bool
	pathBias time.Duration // of timestamps against echoes
	slowly   func(t time.Duration) time.Duration
	silent   bool // their clocks are not reported
}

func newWire(seed uint64) *wire {
	return &wire{
		reflectors: 3, rng: rand.New(rand.NewPCG(seed, 2)), jitter: ms,
		queue:    func(time.Duration) (up, down time.Duration) { return 0, 0 },
		clock:    func(int, time.Duration) time.Duration { return 0 },
		slowly:   func(time.Duration) time.Duration { return 0 },
		unloaded: true,
	}
}

func (w *wire) shake() time.Duration { return time.Duration(w.rng.Int64N(int64(w.jitter) + 1)) }

// run plays until t and hands over what is seen, every 50 ms.
func (w *wire) run(t time.Duration, look func(now time.Duration, v View)) {
	const oneWayTrip = 10 * ms
	for ; w.now < t; w.now += 10 * ms {
		tick := int(w.now / (10 * ms))
		up, down := w.queue(w.now)
		for i := range w.reflectors {
			if tick%5 == i%5 {
				trip := 2*oneWayTrip + up + down + w.shake() + w.shake()
				w.seq++
				w.path.Observe(Event{Kind: Sent, At: w.now, Reflector: uint8(i), Seq: w.seq}, w.unloaded)
				w.path.Observe(Event{Kind: Reply, At: w.now, Reflector: uint8(i), Seq: w.seq, RTT: trip}, w.unloaded)
			}
		}
		if tick%10 == 7 {
			i := tick / 10 % w.reflectors
			phase := time.Duration(w.rng.Int64N(int64(ms)))
			there := oneWayTrip + up + w.shake() + (w.pathBias+w.slowly(w.now))/2
			back := oneWayTrip + down + w.shake() + (w.pathBias+w.slowly(w.now))/2
			sent := w.now + phase - there - back
			reported := (sent + there + w.clock(i, w.now)).Truncate(ms)
			if w.silent {
				continue
			}
			w.path.Observe(Event{Kind: OneWay, At: sent + there + back, Reflector: uint8(i),
				Up: reported - sent, Down: sent + there + back - reported}, w.unloaded)
		}
		if look != nil && tick%5 == 4 {
			look(w.now, w.path.View(w.now+ms))
		}
	}
}

func steady(up, down time.Duration) func(time.Duration) (time.Duration, time.Duration) {
	return func(time.Duration) (time.Duration, time.Duration) { return up, down }
}

func drifting(ppm float64) func(int, time.Duration) time.Duration {
	return func(i int, t time.Duration) time.Duration {
		return time.Duration(i)*17*time.Minute + time.Duration(ppm*1e-6*float64(t))
	}
}

func TestOneWayLocatesTheQueue(t *testing.T) {
	for _, tt := range []struct {
		name     string
		up, down time.Duration
		edit     func(w *wire)
	}{
		{name: "upload", up: 40 * ms},
		{name: "download", down: 40 * ms},
		{name: "small", down: 8 * ms},
		{name: "both", up: 60 * ms, down: 25 * ms},
		{name: "clocks far apart", up: 40 * ms, edit: func(w *wire) {
			w.clock = func(i int, _ time.Duration) time.Duration { return time.Duration(5*i-7) * time.Hour }
		}},
		{name: "fast clock", up: 40 * ms, edit: func(w *wire) { w.clock = drifting(200) }},
		{name: "slow clock", down: 40 * ms, edit: func(w *wire) { w.clock = drifting(-200) }},
		{name: "one reflector", up: 40 * ms, edit: func(w *wire) { w.reflectors = 1 }},
		{name: "two reflectors", down: 40 * ms, edit: func(w *wire) { w.reflectors = 2 }},
		{name: "five reflectors", down: 40 * ms, edit: func(w *wire) { w.reflectors = 5 }},
		{name: "noisy link", up: 40 * ms, edit: func(w *wire) { w.jitter = 4 * ms }},
		{name: "timestamps take longer", up: 40 * ms, edit: func(w *wire) { w.pathBias = 12 * ms }},
		{name: "one liar of three", down: 40 * ms, edit: func(w *wire) {
			w.clock = func(i int, t time.Duration) time.Duration {
				if i == 1 {
					return time.Duration(t.Seconds()*300) * ms // no clock at all
				}
				return 0
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(1)
			if tt.edit != nil {
				tt.edit(w)
			}
			w.run(40*time.Second, nil)
			w.queue, w.unloaded = steady(tt.up, tt.down), false
			begin := w.now
			w.run(begin+20*time.Second, func(now time.Duration, v View) {
				if now-begin < 500*ms {
					return
				}
				slack := 2*ms + w.jitter
				if !v.OneWay || (v.Up-tt.up).Abs() > slack || (v.Down-tt.down).Abs() > slack {
					t.Fatalf("%v after the queue grew: up %v, down %v, %v; want %v, %v", now-begin, v.Up, v.Down, v.OneWay, tt.up, tt.down)
				}
			})
		})
	}
}

func TestOneWayIsQuick(t *testing.T) {
	w := newWire(3)
	w.run(20*time.Second, nil)
	w.queue, w.unloaded = steady(0, 50*ms), false
	begin, seen := w.now, time.Duration(0)
	w.run(begin+time.Second, func(now time.Duration, v View) {
		if seen == 0 && v.OneWay && v.Down > 40*ms {
			seen = now - begin
		}
	})
	if seen == 0 || seen > 300*ms {
		t.Errorf("seen after %v, want 300ms at the most", seen)
	}
}

// An upload that is cut hands its queue to the download: acknowledgements that were
// held up arrive all at once.
func TestOneWayFollowsAQueueThatMoves(t *testing.T) {
	w := newWire(3)
	w.run(20*time.Second, nil)
	w.queue, w.unloaded = steady(20*ms, 0), false
	w.run(w.now+time.Second, nil)
	w.queue = steady(0, 20*ms)
	begin, seen := w.now, time.Duration(0)
	w.run(begin+time.Second, func(now time.Duration, v View) {
		if seen == 0 && v.OneWay && v.Up < 4*ms && v.Down > 16*ms {
			seen = now - begin
		}
	})
	if seen == 0 || seen > 150*ms {
		t.Errorf("seen after %v, want 150ms at the most: one answer tells it", seen)
	}
}

// A queue that stands for minutes is not learned, however the link's load is
// judged, and however the clock drifts.
func TestOneWayKeepsAStandingQueue(t *testing.T) {
	w := newWire(4)
	w.clock = drifting(60)
	w.run(2*time.Minute, nil)
	w.queue, w.unloaded = steady(12*ms, 0), false
	begin := w.now
	reported := 0
	w.run(begin+3*time.Minute, func(now time.Duration, v View) {
		if now-begin < 500*ms || !v.OneWay {
			return
		}
		reported++
		if v.Up < 8*ms || v.Down > 4*ms {
			t.Fatalf("after %v: up %v, down %v", now-begin, v.Up, v.Down)
		}
	})
	if reported < 20*60 {
		t.Errorf("reported for %d ticks of 3 minutes, want a minute at least", reported)
	}
}

// A clock that was watched for seconds only is not relied on for minutes.
func TestOneWayUncertainty(t *testing.T) {
	w := newWire(10)
	w.run(10*time.Second, nil)
	w.queue, w.unloaded = steady(0, 20*ms), false
	w.run(2*time.Minute, func(now time.Duration, v View) {
		if now > 11*time.Second && now < 20*time.Second && !v.OneWay {
			t.Fatalf("%v: not reported", now)
		}
		if now > time.Minute && v.OneWay {
			t.Fatalf("%v: still reported", now)
		}
	})
}

// Started under a standing queue, nothing is reported before the link has been
// empty once.
func TestOneWayStartsUnderLoad(t *testing.T) {
	w := newWire(5)
	w.unloaded = false
	w.queue = func(t time.Duration) (time.Duration, time.Duration) {
		switch {
		case t < ms:
			return 0, 0 // what the echoes' baseline knows
		case t < 10*time.Second:
			return 0, 50 * ms
		case t < 14*time.Second:
			return 0, 0
		}
		return 50 * ms, 0
	}
	// The first echo of each reflector finds the link empty, as a learned
	// baseline would have it.
	for i := range 3 {
		w.path.Reflector(i).Rebase(20 * ms)
	}
	w.run(20*time.Second, func(now time.Duration, v View) {
		if now < 10*time.Second && v.OneWay {
			t.Fatalf("%v: reports %v, %v while nothing can be known", now, v.Up, v.Down)
		}
		if now > 14500*ms && (!v.OneWay || v.Up < 40*ms) {
			t.Fatalf("%v: up %v, down %v, %v", now, v.Up, v.Down, v.OneWay)
		}
	})
}

// Other effects than a queue are not reported as one: steps of a clock, clocks that are
// none, timestamps that are answered when there is time for it.
func TestOneWayRejectsBadClocks(t *testing.T) {
	const second = time.Second
	for _, tt := range []struct {
		name  string
		edit  func(w *wire)
		quiet func(t time.Duration) bool // when nothing may be reported
		again time.Duration              // and from when on it has to be
	}{
		{"a step of 10 ms", func(w *wire) {
			w.clock = func(_ int, t time.Duration) time.Duration { return stepAt(t, 30*second, 10*ms) }
		}, nil, 36 * second},
		{"a step back by an hour", func(w *wire) {
			w.clock = func(_ int, t time.Duration) time.Duration { return stepAt(t, 30*second, -time.Hour) }
		}, nil, 36 * second},
		{"a clock that stands still", func(w *wire) {
			w.clock = func(_ int, t time.Duration) time.Duration { return -t }
		}, func(t time.Duration) bool { return t > 10*second }, 0},
		{"random numbers", func(w *wire) {
			w.clock = func(int, time.Duration) time.Duration { return time.Duration(w.rng.IntN(86_400_000)) * ms }
		}, func(t time.Duration) bool { return t > 2*second }, 0},
		{"a coarse clock", func(w *wire) {
			w.clock = func(_ int, t time.Duration) time.Duration { return -(t % (16 * ms)) - time.Duration(w.rng.IntN(16))*ms }
		}, func(t time.Duration) bool { return t > 10*second }, 0},
		{"a clock that is set every five seconds", func(w *wire) {
			w.clock = func(_ int, t time.Duration) time.Duration { return t / (5 * second) * 30 * ms }
		}, func(t time.Duration) bool { return t > 20*second && t < 40*second }, 0},
		{"answers that wait", func(w *wire) {
			w.slowly = func(t time.Duration) time.Duration {
				if t > 20*second && t < 30*second {
					return 30 * ms
				}
				return 0
			}
		}, func(t time.Duration) bool { return t > 25*second && t < 55*second }, 70 * second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(6)
			tt.edit(w)
			reported := 0
			w.run(100*second, func(now time.Duration, v View) {
				if v.OneWay {
					reported++
				}
				if v.OneWay && (v.Up > 6*ms || v.Down > 6*ms) && tt.name != "answers that wait" {
					t.Fatalf("%v: up %v, down %v on an empty link", now, v.Up, v.Down)
				}
				if tt.quiet != nil && tt.quiet(now) && v.OneWay {
					t.Fatalf("%v: still reported: up %v, down %v", now, v.Up, v.Down)
				}
				if tt.again > 0 && now > tt.again && !v.OneWay {
					t.Fatalf("%v: not reported any more", now)
				}
			})
			if tt.again > 0 && reported < 20*30 {
				t.Errorf("reported at %d of 2000 ticks", reported)
			}
		})
	}
}

func stepAt(t, at, by time.Duration) time.Duration {
	if t < at {
		return 0
	}
	return by
}

func TestOneWayAges(t *testing.T) {
	w := newWire(7)
	w.run(20*time.Second, nil)
	if v := w.path.View(w.now); !v.OneWay {
		t.Fatal("not reported")
	}
	for i := range 3 {
		w.path.Observe(reply(w.now+600*ms, uint8(i), 10_000, 20*ms), true)
	}
	if v := w.path.View(w.now + 600*ms); v.OneWay || v.Up != 0 || v.Down != 0 || v.Alive != 3 {
		t.Errorf("600 ms after the last sample: %+v", v)
	}
}

// Where no reflector sends timestamps, the view is the one without.
func TestOneWayChangesNothingElse(t *testing.T) {
	course := func(silent bool) (views []View) {
		w := newWire(8)
		w.silent = silent
		w.queue = func(t time.Duration) (time.Duration, time.Duration) { return t % (90 * ms), t % (250 * ms) }
		w.run(10*time.Second, func(_ time.Duration, v View) {
			if silent && v.OneWay {
				t.Fatal("reported by no reflector")
			}
			v.Up, v.Down, v.OneWay = 0, 0, false
			views = append(views, v)
		})
		return views
	}
	if diff := cmp.Diff(course(true), course(false)); diff != "" {
		t.Errorf("(-silent +telling):\n%s", diff)
	}
}

func TestOneWayAllocatesNothing(t *testing.T) {
	w := newWire(9)
	w.run(20*time.Second, nil)
	at := w.now
	if n := testing.AllocsPerRun(100, func() {
		at += 50 * ms
		w.path.Observe(reply(at, 0, 20_000, 21*ms), true)
		w.path.Observe(Event{Kind: OneWay, At: at, Up: 11 * ms, Down: 10 * ms}, true)
		w.path.View(at)
	}); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
}

// A constant difference of the clocks changes nothing at all, a slow drift
// almost nothing, whatever the queues do.
func TestOneWayIgnoresClockOffsets(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 5))
		a, b := 300*ms*time.Duration(1+rng.IntN(20)), 200*ms*time.Duration(1+rng.IntN(20))
		deep := time.Duration(5+rng.IntN(100)) * ms
		queue := func(t time.Duration) (time.Duration, time.Duration) {
			if t < 25*time.Second {
				return 0, 0
			}
			// Each direction fills and empties on its own.
			u, d := float64(t%(2*a))/float64(2*a), float64(t%(2*b))/float64(2*b)
			return time.Duration(max(0, u*2-1) * float64(deep)), time.Duration(max(0, d*2-1) * float64(deep))
		}
		ppm := 400*rng.Float64() - 200
		base := time.Duration(rng.Int64N(int64(24*time.Hour/ms))) * ms
		course := func(clock func(int, time.Duration) time.Duration) (views []View) {
			w := newWire(seed)
			w.queue, w.clock = queue, clock
			w.run(25*time.Second, nil)
			w.unloaded = false
			w.run(90*time.Second, func(_ time.Duration, v View) { views = append(views, v) })
			return views
		}
		plain := course(func(int, time.Duration) time.Duration { return 0 })
		shifted := course(func(int, time.Duration) time.Duration { return base })
		drifted := course(func(_ int, t time.Duration) time.Duration { return base + time.Duration(ppm*1e-6*float64(t)) })
		var worst time.Duration
		reported := 0
		for i := range plain {
			if plain[i].OneWay {
				reported++
			}
			if math.Abs(float64(plain[i].Up-shifted[i].Up)) > 1e3 || plain[i].OneWay != shifted[i].OneWay {
				t.Fatalf("seed %d: clocks %v apart show %+v, clocks that agree %+v", seed, base, shifted[i], plain[i])
			}
			if plain[i].OneWay && drifted[i].OneWay {
				worst = max(worst, (plain[i].Up - drifted[i].Up).Abs(), (plain[i].Down - drifted[i].Down).Abs())
			}
		}
		if worst > 2500*time.Microsecond {
			t.Errorf("seed %d: a drift of %.0f ppm changes the split by %v", seed, ppm, worst)
		}
		if reported < len(plain)*3/4 {
			t.Errorf("seed %d: reported at %d of %d ticks", seed, reported, len(plain))
		}
	}
}

// The reported delays are bounded by the measured ones, for any input.
func FuzzOneWay(f *testing.F) {
	f.Add(uint64(1), int64(0), int64(0))
	f.Add(uint64(2), int64(math.MaxInt64), int64(math.MinInt64))
	f.Add(uint64(3), int64(math.MinInt64), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, seed uint64, a, b int64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		pick := func() time.Duration {
			switch rng.IntN(8) {
			case 0:
				return time.Duration(a)
			case 1:
				return time.Duration(b)
			case 2:
				return time.Duration(rng.Uint64())
			}
			return time.Duration(rng.Int64N(int64(200 * ms)))
		}
		var p Path
		now := time.Duration(0)
		for range 500 {
			now += time.Duration(rng.IntN(100)) * ms
			e := Event{At: now, Kind: OneWay, Reflector: uint8(rng.IntN(4)), Up: pick(), Down: pick()}
			switch rng.IntN(6) {
			case 0:
				e.At = pick()
			case 1, 2, 3:
				e.Kind, e.RTT = Reply, time.Duration(rng.Int64N(int64(200*ms)))
			case 4:
				p.Reflector(rng.IntN(4)).Rebase(pick())
			}
			p.Observe(e, rng.IntN(2) == 0)
			v := p.View(now)
			if v.Up < 0 || v.Down < 0 || v.Up > time.Minute || v.Down > time.Minute || !v.OneWay && (v.Up != 0 || v.Down != 0) {
				t.Fatalf("seed %d: %+v", seed, v)
			}
			for i := range 4 {
				o := &p.Reflector(i).oneWay
				if sum := o.offset + o.drift + o.scatter + o.pathBias + o.meanDiff + o.level; math.IsNaN(sum) || math.IsInf(sum, 0) {
					t.Fatalf("seed %d: %+v", seed, *o)
				}
			}
		}
	})
}
