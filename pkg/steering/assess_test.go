package steering_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wanctl/wanctl/pkg/steering"
)

// What one sample, unsmoothed, is taken for.
func TestCongestion(t *testing.T) {
	wide := raw() // with room between YELLOW and RED
	wide.RedRTT = 30 * ms
	deaf := wide
	deaf.MinDropsRed = 0
	two := wide
	two.Yellow = false
	old := raw()
	old.CakeAware = false
	for _, tt := range []struct {
		name      string
		cfg       steering.Config
		s         sample
		uncounted bool
		want      steering.Congestion
	}{
		{"nothing", wide, sample{}, false, steering.Green},
		{"below green", wide, sample{excess: 4 * ms}, false, steering.Green},
		{"below green, but drops", wide, sample{excess: ms, drops: 1}, false, steering.Yellow},
		{"below green, but a queue", wide, sample{excess: ms, depth: 10}, false, steering.Yellow},
		{"below green, a short queue", wide, sample{excess: ms, depth: 9}, false, steering.Green},
		{"between green and yellow, green before", wide, sample{excess: 10 * ms}, false, steering.Green},
		{"yellow", wide, sample{excess: 15 * ms}, false, steering.Yellow},
		{"delay at red, no drops, no queue", wide, sample{excess: 30 * ms}, false, steering.Yellow},
		{"long delay, no drops, no queue", wide, sample{excess: 119 * ms}, false, steering.Yellow},
		{"severe delay, no drops, no queue", wide, sample{excess: 120 * ms}, false, steering.Red},
		{"delay at red, short queue", wide, sample{excess: 30 * ms, depth: 49}, false, steering.Yellow},
		{"delay at red and drops", wide, sample{excess: 30 * ms, drops: 1}, false, steering.Red},
		{"delay at red and a queue", wide, sample{excess: 30 * ms, depth: 50}, false, steering.Red},
		{"drops and a queue, delay below red", wide, sample{excess: 29 * ms, drops: 100, depth: 900}, false, steering.Yellow},
		{"drops and a queue, no delay", wide, sample{drops: 100, depth: 900}, false, steering.Yellow},
		{"any drops will do, none there", deaf, sample{excess: 30 * ms}, false, steering.Red},
		{"any drops will do, calm", deaf, sample{}, false, steering.Green},
		{"delay alone: red", wide, sample{excess: 30 * ms}, true, steering.Red},
		{"delay alone: yellow", wide, sample{excess: 29 * ms}, true, steering.Yellow},
		{"delay alone: green", wide, sample{excess: 4 * ms}, true, steering.Green},
		{"two colours: delay without drops", two, sample{excess: 100 * ms}, false, steering.Green},
		{"two colours: red", two, sample{excess: 30 * ms, drops: 1}, false, steering.Red},
		{"not cake aware: bad", old, sample{excess: 25 * ms}, false, steering.Red},
		{"not cake aware: neither, green before", old, sample{excess: 24 * ms}, false, steering.Green},
		{"not cake aware: good", old, sample{excess: 11 * ms}, false, steering.Green},
		{"not cake aware: queues do not matter", old, sample{excess: 11 * ms, drops: 9, depth: 900}, false, steering.Green},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(tt.cfg)
			r.uncounted = tt.uncounted
			r.step(5, green) // longer than readings are waited for
			if got := r.after(tick, tt.s); got.Congestion != tt.want || got.Counted != (!tt.uncounted && tt.cfg.CakeAware) {
				t.Errorf("%v, counted %v; want %v: %+v", got.Congestion, got.Counted, tt.want, got)
			}
		})
	}
}

// The colour between two thresholds is the one before.
func TestClassBetweenThresholds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before sample
		want   steering.Congestion
	}{
		{"after green", green, steering.Green}, {"after yellow", mild, steering.Yellow}, {"after red", red, steering.Yellow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(raw())
			r.step(3, green)
			r.step(1, tt.before)
			if got := r.step(3, grey).Congestion; got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// How samples of every kind lengthen, hold and break the two rows.
func TestRows(t *testing.T) {
	cfg := raw()
	cfg.RedSamples, cfg.GreenSamples = 3, 4
	two := cfg
	two.Yellow = false
	old := cfg
	old.CakeAware, old.BadSamples, old.GoodSamples = false, 3, 4
	for _, tt := range []struct {
		name           string
		cfg            steering.Config
		samples        []sample
		red, good, bad int
	}{
		{"red", cfg, []sample{red, red}, 2, 0, 0},
		{"green breaks red", cfg, []sample{red, red, green}, 0, 1, 0},
		{"red breaks green", cfg, []sample{green, green, red}, 1, 0, 0},
		{"yellow neither adds to red nor breaks it", cfg, []sample{red, mild, red}, 2, 0, 0},
		{"yellow for as long as the row must be", cfg, []sample{red, mild, mild, mild}, 1, 0, 0},
		{"yellow for longer breaks red", cfg, []sample{red, mild, mild, mild, mild}, 0, 0, 0},
		{"yellow breaks green", cfg, []sample{green, green, mild}, 0, 0, 0},
		{"yellow by its queue breaks green", cfg, []sample{green, green, spare}, 0, 0, 0},
		{"between holds green", cfg, []sample{green, green, grey, green}, 0, 3, 0},
		{"between for longer than the row must be breaks green", cfg, []sample{green, grey, grey, grey, grey, grey}, 0, 0, 0},
		{"between holds red", cfg, []sample{red, grey, red}, 2, 0, 0},
		{"without yellow it holds green", two, []sample{green, green, mild, green}, 0, 3, 0},
		{"without yellow it holds red", two, []sample{red, mild, red}, 2, 0, 0},
		{"not cake aware: bad", old, []sample{red, red}, 0, 0, 2},
		{"not cake aware: between holds bad", old, []sample{red, mild, red}, 0, 0, 2},
		{"not cake aware: between holds good", old, []sample{green, mild, green}, 0, 2, 0},
		{"not cake aware: good breaks bad", old, []sample{red, red, green}, 0, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(tt.cfg)
			r.step(1, mild) // the first reading is a difference to nothing
			for _, s := range tt.samples {
				r.step(1, s)
			}
			got := [3]int{r.dec.Red, r.dec.Good, r.dec.Bad}
			if diff := cmp.Diff([3]int{tt.red, tt.good, tt.bad}, got); diff != "" {
				t.Errorf("red, good, bad (-want +got):\n%s", diff)
			}
		})
	}
}

// What is made of the router's counters.
func TestDrops(t *testing.T) {
	type reading struct {
		after    time.Duration
		down, up uint64
		want     int
	}
	const top = math.MaxUint32
	for _, tt := range []struct {
		name     string
		readings []reading
	}{
		{"the first is no difference", []reading{{0, 5000, 70, 0}}},
		{"both queues", []reading{{0, 10, 20, 0}, {second, 13, 25, 8}, {second, 13, 25, 0}}},
		{"a reboot", []reading{{0, 5000, 70, 0}, {second, 3, 1, 0}, {second, 5, 1, 2}}},
		{"one queue reset", []reading{{0, 5000, 70, 0}, {second, 0, 75, 5}, {second, 2, 75, 2}}},
		{"a 32-bit counter starts over", []reading{{0, top - 9, 0, 0}, {second, 5, 0, 15}}},
		{"a reboot near there", []reading{{0, top - 3<<20, 0, 0}, {second, 5, 0, 0}}},
		{"64 bits do not start over", []reading{{0, top + 2, 0, 0}, {second, 5, 0, 0}}},
		{"64 bits pass 32", []reading{{0, top - 1, 0, 0}, {second, top + 3, 0, 4}}},
		{"another counter", []reading{{0, 1, 0, 0}, {second, 1 << 40, 0, 0}, {second, 1<<40 + 1, 0, 1}}},
		{"a gap", []reading{{0, 10, 0, 0}, {second, 12, 0, 2}, {5 * time.Minute, 9000, 0, 0}, {second, 9003, 0, 3}}},
		{"rare by intent", []reading{{0, 10, 0, 0}, {time.Minute, 500, 0, 0}, {time.Minute, 510, 0, 10}, {2 * time.Minute, 530, 0, 20}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			law := steering.New(plain(), steering.Memory{})
			var now time.Duration
			for i, r := range tt.readings {
				now += r.after
				in := steering.Input{CountersKnown: true, Queues: [2]steering.Counters{{Dropped: r.down}, {Dropped: r.up}}}
				if got := law.Step(now, in).Drops; got != r.want {
					t.Errorf("reading %d: %d drops, want %d", i, got, r.want)
				}
			}
		})
	}
}

// The depth is that of the longer queue, whatever nonsense the other holds.
func TestDepth(t *testing.T) {
	law := steering.New(plain(), steering.Memory{})
	for i, tt := range []struct {
		down, up uint64
		depth    int
		ewma     float64
	}{
		{10, 4, 10, 10}, {0, 20, 20, 14}, {0, 0, 0, 8.4}, {math.MaxUint64, 0, 1 << 20, 419435.44},
	} {
		in := steering.Input{CountersKnown: true, Queues: [2]steering.Counters{{QueuedPackets: tt.down}, {QueuedPackets: tt.up}}}
		dec := law.Step(time.Duration(i)*second, in)
		if dec.Depth != tt.depth || math.Abs(dec.DepthEWMA-tt.ewma) > 0.001 {
			t.Errorf("%d: depth %d, smoothed %v; want %d, %v", i, dec.Depth, dec.DepthEWMA, tt.depth, tt.ewma)
		}
	}
}

// Counters that fail for a moment are as they were; then delay decides alone;
// and just after the start it waits for them.
func TestCountersDisappearAndReturn(t *testing.T) {
	r := newRig(plain())
	r.uncounted = true
	for range 4 {
		if got := r.step(1, sample{excess: 50 * ms}); got.Congestion != steering.Yellow || got.Counted {
			t.Errorf("at %v: %v, counted %v; want YELLOW: counters are waited for", r.now, got.Congestion, got.Counted)
		}
	}
	if got := r.step(2, sample{excess: 50 * ms}); got.Congestion != steering.Red {
		t.Errorf("at %v: %v, want RED by delay alone", r.now, got.Congestion)
	}
	r.uncounted = false
	if got := r.step(1, sample{excess: 50 * ms}); got.Congestion != steering.Yellow || !got.Counted {
		t.Errorf("at %v: %v, counted %v; want YELLOW: the counters say no", r.now, got.Congestion, got.Counted)
	}
	r.step(1, red)
	r.uncounted = true
	if got := r.step(3, sample{excess: 50 * ms}); got.Congestion != steering.Red || !got.Counted {
		t.Errorf("at %v: %v, counted %v; want RED by the last reading", r.now, got.Congestion, got.Counted)
	}
	if got := r.step(3, sample{excess: 50 * ms}); got.Counted {
		t.Errorf("at %v: a reading of 3 s ago still counts", r.now)
	}
}

// Smoothing, nonsense and silence.
func TestExcess(t *testing.T) {
	type step struct {
		after         time.Duration
		baseline, rtt time.Duration
		want          time.Duration // smoothed
		fresh         bool
	}
	half := plain()
	half.RTTAlpha = 0.5
	start := step{0, idle, idle + 8*ms, 8 * ms, true}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"the first is taken whole", []step{start}},
		{"smoothed", []step{start, {second, idle, idle + 16*ms, 12 * ms, true}, {second, idle, idle, 6 * ms, true}}},
		{"faster than the baseline", []step{start, {second, idle, 5 * ms, 4 * ms, true}}},
		{"no baseline", []step{start, {second, 0, idle, 8 * ms, false}}},
		{"no time", []step{start, {second, idle, 0, 8 * ms, false}}},
		{"negative", []step{start, {second, idle, -ms, 8 * ms, false}, {second, -idle, ms, 8 * ms, false}}},
		{"absurd", []step{start, {second, idle, 11 * second, 8 * ms, false}, {second, math.MaxInt64, math.MaxInt64, 8 * ms, false}}},
		{"a short silence", []step{start, {9 * second, idle, idle + 16*ms, 12 * ms, true}}},
		{"a long silence", []step{start, {second, idle, idle + 8*ms, 8 * ms, true}, {11 * second, idle, idle + 16*ms, 16 * ms, true}}},
		{"rare by intent", []step{start, {time.Minute, idle, idle + 16*ms, 16 * ms, true}, {time.Minute, idle, idle, 8 * ms, true}}},
		{"rare, one lost, then a suspend", []step{
			start, {time.Minute, idle, idle + 16*ms, 16 * ms, true}, {2 * time.Minute, idle, idle, 8 * ms, true},
			{time.Hour, idle, idle + 30*ms, 30 * ms, true},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			law := steering.New(half, steering.Memory{})
			var now time.Duration
			for i, s := range tt.steps {
				now += s.after
				dec := law.Step(now, steering.Input{RTTKnown: true, Baseline: s.baseline, RTT: s.rtt})
				if dec.ExcessEWMA != s.want || dec.Fresh != s.fresh {
					t.Errorf("step %d: smoothed %v, fresh %v; want %v, %v", i, dec.ExcessEWMA, dec.Fresh, s.want, s.fresh)
				}
			}
		})
	}
}
