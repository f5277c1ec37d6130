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

// lives is how many random lives of a line a property is shown.
func lives(n uint64) uint64 {
	if testing.Short() {
		return n / 10
	}
	return n
}

// Whatever the line does and whoever meddles, limits stay in their range and
// are raised neither while the link is congested nor by a floor.
func TestPropertyInvariants(t *testing.T) { lead(t, false) }

// Silence is no good news: when everybody falls silent over a queue that is
// being drained, no limit rises above the capacity before somebody has answered.
func TestPropertyNotRaisedInSilence(t *testing.T) {
	lead(t, true)
}

// lead leads many lines through trouble and people who meddle.
func lead(t *testing.T, silence bool) {
	for seed := range lives(300) {
		cfg := anyConfig(rand.New(rand.NewPCG(seed, 21)))
		l, v := newLine(cfg, seed), invariants{cfg: cfg, silence: silence}
		for range 60 {
			l.trouble()
			if l.rng.IntN(6) == 0 {
				l.meddle(&v)
			}
			for range 1 + l.rng.IntN(60) {
				if err := v.check(l.step()); err != nil {
					t.Errorf("seed %d: %v", seed, err)
					break
				}
			}
		}
	}
}

// recovery says when, after the end of all trouble, everything was GREEN at
// once, and what each direction's limit got to at best.
type recovery struct {
	green time.Duration // -1: never
	best  [2]float64    // share of what there is to reach
}

// recover ends all trouble, loads the directions that are to be, and watches.
func (l *line) recover(loaded [2]bool, most time.Duration) recovery {
	r, start := recovery{green: -1}, l.now
	l.calm([2]float64{0.2 + l.rng.Float64(), 0.2 + l.rng.Float64()})
	for d := range loaded {
		l.demand[d] = 0
		if loaded[d] {
			l.demand[d] = greedy
		}
	}
	l.run(most, func(dec autorate.Decision) {
		for _, d := range autorate.Directions {
			// The gate leaves up to 100 kbit/s that are not worth a write.
			r.best[d] = max(r.best[d], float64(l.inForce[d]+100*bitrate.Kbps)/min(float64(l.cfg.Directions[d].Ceiling), l.capacity[d]))
		}
		if r.green < 0 && dec.Directions[0].State == autorate.Green && dec.Directions[1].State == autorate.Green {
			r.green = l.now - start
		}
	})
	return r
}

// Out of every state that a life of trouble leads to, GREEN is reached: on the
// idle line at the latest, and there for good.
func TestPropertyGreenIsReached(t *testing.T) {
	for seed := range lives(200) {
		cfg := anyConfig(rand.New(rand.NewPCG(seed, 22)))
		l := newLine(cfg, seed)
		for range 30 {
			l.trouble()
			l.run(time.Duration(l.rng.Int64N(int64(2*time.Second))), nil)
		}
		// A path that became a little longer is believed after half a minute.
		most := 40*time.Second + 20*cfg.Tick + 8*cfg.LoadTimeConstant
		l.recover([2]bool{}, most)
		for i := range 100 {
			l.step()
			for _, d := range autorate.Directions {
				if got := l.dec.Directions[d]; got.State != autorate.Green {
					t.Fatalf("seed %d: %v and %d ticks after the end of trouble and load %v is %v, %v: excess %v over %v, idle RTT %v taken for %v",
						seed, most, i, d, got.State, got.Reason, l.dec.Excess, l.dec.Threshold, l.base, l.dec.Baseline)
				}
			}
		}
	}
}

// Under load that wants it the limit comes back to what the line carries.
func TestPropertyLimitComesBack(t *testing.T) {
	for _, tt := range []struct {
		name   string
		loaded [2]bool
		pause  time.Duration // without load, after the trouble
	}{
		{"download after a pause", [2]bool{true, false}, time.Minute},
		{"upload after a pause", [2]bool{false, true}, time.Minute},
		{"download", [2]bool{true, false}, 0},
		{"upload", [2]bool{false, true}, 0},
		{"both", [2]bool{true, true}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range lives(100) {
				cfg := anyConfig(rand.New(rand.NewPCG(seed, 27)))
				// A state is GREEN below the target only: under load that needs
				// one that a full link can keep.
				cfg.Target, cfg.LoadTimeConstant = max(cfg.Target, 10*time.Millisecond), min(cfg.LoadTimeConstant, time.Second)
				cfg.Warn, cfg.HardRed = cfg.Target*2, cfg.Target*4
				l := newLine(cfg, seed)
				for range 30 {
					l.trouble()
					l.base = 20 * time.Millisecond
					l.run(time.Duration(l.rng.Int64N(int64(2*time.Second))), nil)
				}
				most := max(2*time.Minute, 600*cfg.Tick)
				if tt.pause > 0 {
					l.recover([2]bool{}, tt.pause)
				}
				r := l.recover(tt.loaded, most)
				for _, d := range autorate.Directions {
					if tt.loaded[d] && (r.best[d] < 0.95 || r.green < 0) {
						t.Errorf("seed %d, tick %v: after %v the %v limit got to %.2f of what there is, capacity %.0f; GREEN after %v; %+v %+v; excess %v over %v, idle RTT %v taken for %v, Target %v tau %v",
							seed, cfg.Tick, most, d, r.best[d], l.capacity, r.green, l.dec.Directions[d], l.dec.Directions[1-d], l.dec.Excess, l.dec.Threshold, l.base, l.dec.Baseline, cfg.Target, cfg.LoadTimeConstant)
					}
				}
			}
		})
	}
}

// Nothing is changed on an idle line, whatever its jitter and its chatter.
func TestPropertyIdleHour(t *testing.T) {
	for seed := range lives(20) {
		rng := rand.New(rand.NewPCG(seed, 23))
		cfg := anyConfig(rng)
		cfg.Tick = max(cfg.Tick, 50*time.Millisecond)
		l := newLine(cfg, seed)
		if seed%2 == 1 {
			l.noise = cableNoise
		}
		l.base = time.Duration(1+rng.IntN(300)) * time.Millisecond
		l.lost = 0.02 * rng.Float64()
		changes := 0
		start := [2]bitrate.Rate{cfg.Directions[0].Ceiling, cfg.Directions[1].Ceiling}
		l.run(time.Hour, func(dec autorate.Decision) {
			if l.rng.IntN(100) == 0 {
				for _, d := range autorate.Directions {
					l.demand[d] = float64(cfg.Directions[d].Ceiling) * 0.02 * l.rng.Float64()
				}
			}
			if changes == 0 && l.inForce != start {
				changes++
				t.Errorf("seed %d: limits %v at %v, %v and %v", seed, l.inForce, dec.At, dec.Directions[0].Reason, dec.Directions[1].Reason)
			}
		})
	}
}

// A worse delay never leads to a higher limit: laws with the same past see
// steps of the delay of different heights, and at no time in the 0.4 s
// from the first sign of it is the limit of one that sees the double above that
// of the other. A few percent do not count, since a slope depends on how a step
// falls between samples.
func TestPropertyMonotoneInSeverity(t *testing.T) {
	const ticks = 8
	for seed := range lives(200) {
		var last [ticks][2]bitrate.Rate
		for x := time.Millisecond; x < time.Second; x *= 2 {
			cfg := anyConfig(rand.New(rand.NewPCG(seed, 24)))
			cfg.Tick = 50 * time.Millisecond
			l := newLine(cfg, seed)
			l.demand[seed%2] = greedy
			l.run(10*time.Second, nil)
			l.base += x
			for range 40 {
				if dec := l.step(); dec.Excess > dec.Threshold {
					break
				}
			}
			for i := range ticks {
				for _, d := range autorate.Directions {
					limit := l.dec.Directions[d].Limit
					if before := last[i][d]; before > 0 && limit > before*105/100 {
						t.Errorf("seed %d: %d ticks after the first sign of %v the %v limit is %v, of %v %v", seed, i, x, d, limit, x/2, before)
					}
					last[i][d] = limit
				}
				l.step()
			}
		}
	}
}

// Replies that cannot be are as if they had not come.
func TestPropertyImplausibleRepliesAreIgnored(t *testing.T) {
	absurd := []time.Duration{0, -1, -time.Hour, time.Minute + 1, 1e6 * time.Second, math.MaxInt64, math.MinInt64}
	for seed := range lives(40) {
		cfg := anyConfig(rand.New(rand.NewPCG(seed, 25)))
		one, two := newLine(cfg, seed), newLine(cfg, seed)
		rng := rand.New(rand.NewPCG(seed, 26))
		for range 40 {
			one.trouble()
			two.trouble()
			for range 1 + rng.IntN(30) {
				two.extra = append(two.extra,
					rtt.Event{Kind: rtt.Reply, At: two.now, Seq: rng.Uint32(), Reflector: uint8(rng.IntN(3)), RTT: absurd[rng.IntN(len(absurd))]},
					rtt.Event{Kind: rtt.Reply, At: two.now, Seq: two.seq, Reflector: uint8(rtt.MaxReflectors + rng.IntN(256-rtt.MaxReflectors)), RTT: time.Millisecond},
					rtt.Event{Kind: rtt.Kind(100 + rng.IntN(100)), At: two.now, Seq: rng.Uint32(), RTT: time.Second})
				if a, b := one.step(), two.step(); a != b {
					t.Fatalf("seed %d: decisions differ:\n%+v\n%+v", seed, a, b)
				}
			}
		}
	}
}

func plainConfig() autorate.Config {
	cfg := autorate.Config{
		BaselineInitial: 20 * time.Millisecond, Tick: 50 * time.Millisecond, LoadTimeConstant: 250 * time.Millisecond,
		Target: 15 * time.Millisecond, Warn: 45 * time.Millisecond, HardRed: 80 * time.Millisecond,
	}
	for d, c := range [2]bitrate.Rate{200 * bitrate.Mbps, 40 * bitrate.Mbps} {
		cfg.Directions[d] = autorate.DirectionConfig{Ceiling: c, Floor: autorate.FlatFloor(c / 10)}
	}
	return cfg
}

// No queue stands for long that a limit could cure, whatever is loaded and in
// whatever order the loads came, down to a capacity of a fifth of the ceiling.
func TestPropertyNoQueueStands(t *testing.T) {
	const bad, long = 100 * time.Millisecond, 10 * time.Second
	for _, tt := range []struct {
		name        string
		first, then [2]bool // what is loaded
	}{
		{"download", [2]bool{}, [2]bool{true, false}},
		{"upload", [2]bool{}, [2]bool{false, true}},
		{"both at once", [2]bool{}, [2]bool{true, true}},
		{"upload, then download", [2]bool{false, true}, [2]bool{true, false}},
		{"download, then upload", [2]bool{true, false}, [2]bool{false, true}},
		{"upload, then both", [2]bool{false, true}, [2]bool{true, true}},
		{"download, then both", [2]bool{true, false}, [2]bool{true, true}},
		{"both, then download", [2]bool{true, true}, [2]bool{true, false}},
		{"both, then upload", [2]bool{true, true}, [2]bool{false, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range lives(100) {
				l := newLine(plainConfig(), seed)
				pick := func() {
					for d := range l.capacity {
						l.capacity[d] = float64(l.cfg.Directions[d].Ceiling) * (0.2 + 0.8*l.rng.Float64())
					}
				}
				load := func(loaded [2]bool) {
					for d := range loaded {
						l.demand[d] = 0
						if loaded[d] {
							l.demand[d] = greedy
						}
					}
				}
				pick()
				l.run(5*time.Second, nil)
				load(tt.first)
				l.run(time.Duration(l.rng.Int64N(int64(5*time.Second))), nil)
				if seed%2 == 0 {
					pick()
				}
				l.run(time.Duration(l.rng.Int64N(int64(2*time.Second))), nil)
				load(tt.then)
				good := l.now
				l.run(30*time.Second, func(autorate.Decision) {
					if l.excess() < bad {
						good = l.now
					}
					if l.now-good > long {
						t.Errorf("seed %d: at %v %v of queue have stood for %v: capacities %.0fM, %.0fM; download %+v, upload %+v, excess %v, idle RTT %v taken for %v",
							seed, l.now, l.excess(), l.now-good, l.capacity[0]/1e6, l.capacity[1]/1e6, l.dec.Directions[0], l.dec.Directions[1], l.dec.Excess, l.base, l.dec.Baseline)
						good = l.now + time.Hour
					}
				})
			}
		})
	}
}

// Counters that leap are a router's mistake, not traffic.
func TestJumpingCountersAreNotThroughput(t *testing.T) {
	for _, leap := range []float64{1e15, 9e18} {
		l := newLine(plainConfig(), 1)
		l.demand[autorate.Download] = greedy
		l.run(2*time.Second, nil)
		l.bytes[autorate.Download] += leap
		l.run(200*time.Millisecond, func(dec autorate.Decision) {
			if got := dec.Directions[autorate.Download].Throughput; got < 0 || got > 1000*bitrate.Gbps {
				t.Errorf("a leap of %g bytes at %v is a throughput of %d", leap, dec.At, got)
			}
		})
	}
}
