package autorate

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	ms   = time.Millisecond
	tick = 50 * ms
)

var testConfig = Config{
	Directions: [2]DirectionConfig{
		{Ceiling: 44 * bitrate.Mbps, Floor: FlatFloor(4 * bitrate.Mbps)},
		{Ceiling: 11 * bitrate.Mbps, Floor: FlatFloor(1 * bitrate.Mbps)},
	},
	BaselineInitial: 20 * ms,
}

// bench drives a law by hand: the test says what is measured each tick, and
// what the law wishes is in force at the next.
type bench struct {
	law     *Law
	tick    time.Duration
	now     time.Duration
	seq     uint32
	applied [2]bitrate.Rate
	bytes   [2]float64
	drops   [2]uint64
	dec     Decision
}

func newBench(cfg Config) *bench {
	start := [2]bitrate.Rate{cfg.Directions[0].Ceiling, cfg.Directions[1].Ceiling}
	return &bench{law: New(cfg, start), tick: max(cfg.Tick, tick), applied: start}
}

// load of a direction, as a share of its limit.
type load struct {
	share float64
	busy  bool // the shaper drops
}

func (b *bench) step(excess time.Duration, loads [2]load) Decision {
	b.now += b.tick
	var events []rtt.Event
	for r := range uint8(3) {
		events = append(events,
			rtt.Event{At: b.now, Kind: rtt.Sent, Seq: b.seq, Reflector: r},
			rtt.Event{At: b.now, Kind: rtt.Reply, Seq: b.seq, Reflector: r, RTT: 20*ms + excess})
	}
	b.seq++
	reading := Reading{At: b.now}
	for d := range loads {
		b.bytes[d] += loads[d].share * float64(b.applied[d]) / 8 * b.tick.Seconds()
		if loads[d].busy {
			b.drops[d]++
		}
		reading.Queues[d] = Counters{Bytes: uint64(b.bytes[d]), Dropped: b.drops[d]}
	}
	b.dec = b.law.Step(b.now, Input{Events: events, Readings: []Reading{reading}, Applied: b.applied, WriteLatency: 10 * ms})
	for d := range b.applied {
		b.applied[d] = b.dec.Directions[d].Limit
	}
	return b.dec
}

func (b *bench) run(d, excess time.Duration, loads [2]load) {
	for range int(d / b.tick) {
		b.step(excess, loads)
	}
}

var (
	idle     = [2]load{}
	downFull = [2]load{{0.99, true}, {0.05, false}}
	upFull   = [2]load{{0.05, false}, {0.99, true}}
)

func TestCutsOnlyTheLoadedDirection(t *testing.T) {
	for _, tt := range []struct {
		name  string
		loads [2]load
		want  Direction
	}{
		{"download", downFull, Download},
		{"upload", upFull, Upload},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(testConfig)
			b.run(5*time.Second, 0, idle)
			b.run(time.Second, 60*ms, tt.loads)
			cut, other := b.applied[tt.want], b.applied[1-tt.want]
			if cut >= testConfig.Directions[tt.want].Ceiling {
				t.Errorf("%v was not cut", tt.want)
			}
			if other != testConfig.Directions[1-tt.want].Ceiling {
				t.Errorf("idle %v was cut to %v", 1-tt.want, other)
			}
		})
	}
}

func TestDelayWithoutLoadCutsNothing(t *testing.T) {
	b := newBench(testConfig)
	b.run(5*time.Second, 0, idle)
	b.run(10*time.Second, 200*ms, idle)
	for _, d := range Directions {
		if b.applied[d] != testConfig.Directions[d].Ceiling {
			t.Errorf("%v was cut to %v", d, b.applied[d])
		}
	}
	if b.dec.Excess > 5*ms {
		t.Errorf("after 10 s of it the delay is still an excess of %v: the baseline should have followed", b.dec.Excess)
	}
}

// An excess that no cut cures is not ours: the baseline follows and the limit
// comes back, within the few seconds that a route change may cost.
func TestDelayThatNoCutReducesBecomesTheBaseline(t *testing.T) {
	b := newBench(testConfig)
	b.run(5*time.Second, 0, downFull)
	b.run(5*time.Second, 20*ms, downFull)
	if b.dec.Excess > 5*ms {
		t.Errorf("excess still %v", b.dec.Excess)
	}
	b.run(10*time.Second, 20*ms, downFull)
	if got := b.applied[Download]; got < testConfig.Directions[0].Ceiling*95/100 {
		t.Errorf("limit only back at %v", got)
	}
}

// Odd samples while a cut is being verified must not decide the verdict, and
// no drain may last for ever.
func TestOutliersDoNotChangeTheDecision(t *testing.T) {
	for every := 3; every < 12; every++ {
		b := newBench(testConfig)
		b.run(5*time.Second, 0, downFull)
		for i := range 160 {
			x := 20 * ms
			if i%every == 0 {
				x = 45 * ms
			}
			b.step(x, downFull)
		}
		b.run(time.Second, 20*ms, downFull)
		if b.dec.Excess > 5*ms {
			t.Errorf("odd sample every %d: after 9 s the excess is still %v, limit %v, %v", every,
				b.dec.Excess, b.applied[Download], b.dec.Directions[Download].Reason)
		}
	}
}

func TestNeverRaisedWhileCongested(t *testing.T) {
	b := newBench(testConfig)
	b.run(5*time.Second, 0, downFull)
	b.run(200*ms, 40*ms, downFull)
	last := b.applied
	for i := range 10 {
		dec := b.step(40*ms+time.Duration(i)*5*ms, downFull)
		for _, d := range Directions {
			if dec.Directions[d].Limit > last[d] {
				t.Fatalf("%v raised from %v to %v with an excess of %v", d, last[d], dec.Directions[d].Limit, dec.Excess)
			}
		}
		last = b.applied
	}
}

// At every valid interval a limit that binds is raised and a queue is cut.
func TestEveryIntervalWorks(t *testing.T) {
	for _, interval := range []time.Duration{50 * ms, 300 * ms, time.Second, 2 * time.Second, 5 * time.Second} {
		cfg := testConfig
		cfg.Tick = interval
		b := newBench(cfg)
		b.law.SetExternally(Download, 20*bitrate.Mbps)
		b.applied[Download] = 20 * bitrate.Mbps
		b.run(5*time.Minute, 0, downFull)
		if got := b.applied[Download]; got < 43*bitrate.Mbps {
			t.Errorf("interval %v: the limit only got to %v, %v", interval, got, b.dec.Directions[Download].Reason)
		}
		low := b.applied[Download]
		for range 6 {
			b.step(100*ms, downFull)
			low = min(low, b.applied[Download])
		}
		if low > 40*bitrate.Mbps {
			t.Errorf("interval %v: 100 ms of delay left the limit at %v", interval, low)
		}
	}
}

func TestSilenceKeepsTheState(t *testing.T) {
	b := newBench(testConfig)
	b.run(5*time.Second, 0, downFull)
	b.run(600*ms, 200*ms, downFull)
	state, baseline := b.dec.Directions[Download].State, b.dec.Baseline
	for range 200 {
		b.now += tick
		b.dec = b.law.Step(b.now, Input{Applied: b.applied})
	}
	if got := b.dec.Directions[Download]; got.State != state || got.Reason != Silent || b.dec.Baseline != baseline || b.dec.Alive != 0 {
		t.Errorf("after 10 s of silence: %v, %v, baseline %v; before %v, baseline %v", got.State, got.Reason, b.dec.Baseline, state, baseline)
	}
}

// The verdict of a dip that the floor forbids is no verdict.
func TestQueueBelowTheFloorStaysAtTheFloor(t *testing.T) {
	b := newBench(testConfig)
	b.run(5*time.Second, 0, upFull)
	// The capacity is 0.8 Mbit/s: the queue stands whatever the limit.
	for i := range 400 {
		share := 0.8 / b.applied[Upload].Mbps()
		dec := b.step(300*ms, [2]load{{0.05, false}, {share, share > 0.7}})
		if limit := dec.Directions[Upload].Limit; i > 200 && limit != testConfig.Directions[Upload].Lowest() {
			t.Fatalf("after %v: limit %v, %v", time.Duration(i)*tick, limit, dec.Directions[Upload].Reason)
		}
	}
}

// A flow that ends while its queue drains says nothing about the capacity.
func TestDrainOfAFlowThatEndedIsReverted(t *testing.T) {
	b := newBench(testConfig)
	b.run(5*time.Second, 0, downFull)
	b.run(400*ms, 60*ms, downFull)
	b.run(time.Second, 60*ms, idle)
	b.run(time.Second, 0, idle)
	if got := b.applied[Download]; got < 40*bitrate.Mbps {
		t.Errorf("limit %v after the flow ended", got)
	}
}

// A download that was cut and ends must not hide an upload that fills up.
func TestTheOtherDirectionIsCutWhenTheFirstHasEnded(t *testing.T) {
	b := newBench(testConfig)
	b.run(5*time.Second, 0, downFull)
	b.run(300*ms, 60*ms, downFull)
	low := b.applied[Upload]
	for range 30 {
		b.step(90*ms, upFull)
		low = min(low, b.applied[Upload])
	}
	if low > 8*bitrate.Mbps {
		t.Errorf("upload limit never below %v with 90 ms of queue; download: %v", low, b.dec.Directions[Download].Reason)
	}
}

func TestNoCountersHolds(t *testing.T) {
	b := newBench(testConfig)
	b.run(3*time.Second, 0, downFull)
	before, blind := b.applied, b.applied
	for range 200 {
		b.now += tick
		b.seq++
		if b.now < 6*time.Second {
			blind = b.applied
		}
		dec := b.law.Step(b.now, Input{Applied: b.applied, Events: []rtt.Event{
			{At: b.now, Kind: rtt.Reply, Seq: b.seq, RTT: 300 * ms},
			{At: b.now, Kind: rtt.Reply, Seq: b.seq, RTT: 300 * ms, Reflector: 1},
		}})
		if b.now > 6*time.Second && dec.Directions[Download].Reason != NoCounters {
			t.Fatalf("reason %v without counters", dec.Directions[Download].Reason)
		}
		b.applied = [2]bitrate.Rate{dec.Directions[0].Limit, dec.Directions[1].Limit}
	}
	// The first two seconds may still act on the last counters.
	if b.applied[Upload] != before[Upload] {
		t.Errorf("upload moved from %v to %v", before[Upload], b.applied[Upload])
	}
	if b.applied[Download] != blind[Download] {
		t.Errorf("download moved from %v to %v without counters", blind[Download], b.applied[Download])
	}
}

func TestSilenceHolds(t *testing.T) {
	b := newBench(testConfig)
	b.run(5*time.Second, 0, downFull)
	before := b.applied
	for range 400 {
		b.now += tick
		dec := b.law.Step(b.now, Input{Applied: b.applied, Events: []rtt.Event{{At: b.now, Kind: rtt.Sent, Seq: b.seq}}})
		b.seq++
		b.applied = [2]bitrate.Rate{dec.Directions[0].Limit, dec.Directions[1].Limit}
	}
	if b.applied != before {
		t.Errorf("limits went from %v to %v while nobody answered", before, b.applied)
	}
}

func TestFloorsBoundCutsAndNeverRaise(t *testing.T) {
	cfg := testConfig
	cfg.Directions[Download].Floor = [4]bitrate.Rate{30 * bitrate.Mbps, 20 * bitrate.Mbps, 10 * bitrate.Mbps, 8 * bitrate.Mbps}
	b := newBench(cfg)
	b.run(5*time.Second, 0, downFull)
	b.run(time.Second, 0, idle)
	b.law.SetExternally(Download, 9*bitrate.Mbps)
	b.applied[Download] = 9 * bitrate.Mbps
	b.run(2*time.Second, 0, idle)
	if got := b.applied[Download]; got != 9*bitrate.Mbps {
		t.Errorf("a green sample moved the limit from 9M to %v", got)
	}
	b.law.SetExternally(Download, 44*bitrate.Mbps)
	b.applied[Download] = 44 * bitrate.Mbps
	low := b.applied[Download]
	for i := range 100 {
		b.step(time.Duration(i)*4*ms, downFull)
		low = min(low, b.applied[Download])
	}
	if low < 8*bitrate.Mbps || low > 20*bitrate.Mbps {
		t.Errorf("lowest limit %v under rising delay, floors are 30, 20, 10, 8", low)
	}
}

func TestSeverityFollowsExcess(t *testing.T) {
	for _, tt := range []struct {
		excess time.Duration
		want   State
	}{{2 * ms, Green}, {30 * ms, Yellow}, {60 * ms, SoftRed}, {150 * ms, Red}} {
		b := newBench(testConfig)
		b.run(5*time.Second, 0, downFull)
		b.run(700*ms, tt.excess, downFull)
		if got := b.dec.Directions[Download].State; got != tt.want {
			t.Errorf("%v of excess: %v, want %v", tt.excess, got, tt.want)
		}
		b.run(2*time.Second, 0, downFull)
		if got := b.dec.Directions[Download].State; got != Green {
			t.Errorf("%v after the excess is gone", got)
		}
	}
}

// Over random configurations, noise, loads and faults: limits stay in range,
// nothing panics, absurd samples change nothing, and once the trouble is over
// every direction is GREEN and climbs back to its ceiling.
func TestPropertyRandomFaults(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		cfg := randomConfig(rng)
		b := newBench(cfg)
		for range 400 {
			loads := [2]load{{rng.Float64() * 1.1, rng.IntN(2) == 0}, {rng.Float64() * 1.1, rng.IntN(2) == 0}}
			x := time.Duration(rng.ExpFloat64() * 30 * float64(ms))
			for range rng.IntN(20) {
				dec := b.step(x, loads)
				for _, d := range Directions {
					limit := dec.Directions[d].Limit
					if limit < cfg.Directions[d].Lowest() || limit > cfg.Directions[d].Ceiling {
						t.Fatalf("seed %d: %v limit %v outside [%v, %v]", seed, d, limit, cfg.Directions[d].Lowest(), cfg.Directions[d].Ceiling)
					}
				}
			}
			if rng.IntN(10) == 0 {
				b.now += time.Duration(rng.IntN(5000)) * ms // the loop was stopped
			}
		}
		b.run(5*time.Second, 0, idle)
		for _, d := range Directions {
			if got := b.dec.Directions[d].State; got != Green {
				t.Fatalf("seed %d: %v is %v on an idle link", seed, d, got)
			}
		}
		b.run(60*time.Second, 0, [2]load{{0.99, true}, {0.99, true}})
		for _, d := range Directions {
			if got, want := b.applied[d], cfg.Directions[d].Ceiling; got < want*99/100 {
				t.Fatalf("seed %d: after a minute without trouble %v is at %v of %v", seed, d, got, want)
			}
		}
	}
}

func randomConfig(rng *rand.Rand) Config {
	cfg := Config{
		BaselineInitial: time.Duration(1+rng.IntN(100)) * ms,
		Target:          time.Duration(5+rng.IntN(20)) * ms,
	}
	cfg.Warn = cfg.Target + time.Duration(1+rng.IntN(50))*ms
	cfg.HardRed = cfg.Warn + time.Duration(1+rng.IntN(80))*ms
	for d := range cfg.Directions {
		ceiling := bitrate.FromMbps(math.Round(math.Exp(rng.Float64()*7))) + bitrate.Mbps
		red := max(100*bitrate.Kbps, ceiling/bitrate.Rate(2+rng.IntN(20)))
		soft := red + (ceiling-red)/4
		yellow := soft + (ceiling-soft)/4
		cfg.Directions[d] = DirectionConfig{Ceiling: ceiling, Floor: [4]bitrate.Rate{yellow, yellow, soft, red}}
	}
	return cfg
}

func TestImplausibleSamplesChangeNothing(t *testing.T) {
	b := newBench(testConfig)
	b.run(5*time.Second, 0, downFull)
	before := b.applied
	for _, rtt_ := range []time.Duration{0, -time.Second, math.MaxInt64, math.MinInt64, time.Hour} {
		for range 3 {
			b.now += tick
			dec := b.law.Step(b.now, Input{Applied: b.applied, Events: []rtt.Event{
				{At: b.now, Kind: rtt.Reply, Seq: 1 << 31, RTT: rtt_, Reflector: 0},
				{At: b.now, Kind: rtt.Reply, RTT: 20 * ms, Reflector: 250},
				{At: b.now, Kind: 99},
			}})
			for _, d := range Directions {
				if dec.Directions[d].Limit < before[d] {
					t.Errorf("an RTT of %v cut the %v", rtt_, d)
				}
			}
		}
	}
}

func BenchmarkStep(b *testing.B) {
	bn := newBench(testConfig)
	bn.run(5*time.Second, 0, downFull)
	events := make([]rtt.Event, 6)
	readings := make([]Reading, 1)
	b.ReportAllocs()
	for b.Loop() {
		bn.now += tick
		bn.seq++
		for r := range uint8(3) {
			events[2*r] = rtt.Event{At: bn.now, Kind: rtt.Sent, Seq: bn.seq, Reflector: r}
			events[2*r+1] = rtt.Event{At: bn.now, Kind: rtt.Reply, Seq: bn.seq, Reflector: r, RTT: 20 * ms}
		}
		bn.bytes[0] += 44e6 / 8 * tick.Seconds()
		readings[0] = Reading{At: bn.now, Queues: [2]Counters{{Bytes: uint64(bn.bytes[0])}}}
		bn.law.Step(bn.now, Input{Events: events, Readings: readings, Applied: bn.applied, WriteLatency: 10 * ms})
	}
}
