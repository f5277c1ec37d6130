package steering_test

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

const (
	ms     = time.Millisecond
	second = time.Second
	tick   = 500 * ms
	idle   = 20 * ms // baseline
)

// plain is the default configuration.
func plain() steering.Config {
	return steering.Config{
		CakeAware: true, Yellow: true,
		GreenRTT: 5 * ms, YellowRTT: 15 * ms, RedRTT: 15 * ms,
		MinDropsRed: 1, MinQueueYellow: 10, MinQueueRed: 50,
		RedSamples: 2, GreenSamples: 15,
		RTTAlpha: 0.3, QueueAlpha: 0.4,
		Bad: 25 * ms, Recovery: 12 * ms, BadSamples: 8, GoodSamples: 15,
		Confidence: steering.Confidence{
			SteerThreshold: 55, RecoveryThreshold: 20, Sustain: 2 * second, RecoverySustain: 3 * second,
			HoldDown:      30 * second,
			FlapDetection: true, FlapWindow: 5 * time.Minute, MaxToggles: 4, Penalty: time.Minute, PenaltyThreshold: 15,
		},
	}
}

// raw is plain without smoothing, so that a table's samples are what is judged.
func raw() steering.Config {
	c := plain()
	c.RTTAlpha, c.QueueAlpha = 1, 1
	return c
}

// sample is what the primary WAN is like at one step.
type sample struct {
	excess time.Duration
	drops  int
	depth  int
	bytes  int // sent
}

var (
	green = sample{excess: ms}
	red   = sample{excess: 60 * ms, drops: 30, depth: 80}
	mild  = sample{excess: 20 * ms} // YELLOW: no queue of ours explains it
	grey  = sample{excess: 10 * ms} // between GREEN and YELLOW
	spare = sample{depth: 20}       // YELLOW by its queue
)

// rig is a law with the world around it: a rule that is written as the law
// says, and read back before the next step.
type rig struct {
	law     *steering.Law
	now     time.Duration
	rule    bool
	counter uint64
	bytes   uint64
	dec     steering.Decision

	alternate steering.Alternate
	other     *time.Duration // excess of the alternate WAN; nil: not known
	lost      [2]float64     // of the primary WAN, and the alternate
	blind     bool           // no round-trip time
	uncounted bool           // no counters
	unread    bool           // the rule is not read, nor written
	jammed    bool           // the rule is read, but cannot be written
	pretended bool           // a dry run
	lazy      bool           // writes take for ever
}

func newRig(cfg steering.Config) *rig { return &rig{law: steering.New(cfg, steering.Memory{})} }

// input is what the law is shown in a step with s.
func (r *rig) input(s sample) steering.Input {
	r.counter += uint64(s.drops)
	r.bytes += uint64(s.bytes)
	in := steering.Input{
		RTTKnown: !r.blind, Baseline: idle, RTT: idle + s.excess,
		CountersKnown:  !r.uncounted,
		Queues:         [2]steering.Counters{{Dropped: r.counter, QueuedPackets: uint64(s.depth), Bytes: r.bytes}, {Dropped: 7}},
		Alternate:      r.alternate,
		RuleKnown:      !r.unread,
		RuleEnabled:    r.rule,
		Pretended:      r.pretended,
		RuleChangeable: !r.jammed && !r.unread,
		Loss:           r.lost[0], AlternateLoss: r.lost[1],
	}
	if r.other != nil {
		in.AlternateExcessKnown, in.AlternateExcess = true, *r.other
	}
	return in
}

// after steps once, dt later, with s.
func (r *rig) after(dt time.Duration, s sample) steering.Decision {
	r.now += dt
	r.dec = r.law.Step(r.now, r.input(s))
	if r.dec.Steer != r.dec.Enabled && !r.lazy {
		r.rule = r.dec.Steer
	}
	return r.dec
}

// step is n steps of a tick.
func (r *rig) step(n int, s sample) steering.Decision {
	for range n {
		r.after(tick, s)
	}
	return r.dec
}

// until steps until ok, for at most most, and returns how long it took.
func (r *rig) until(t *testing.T, most time.Duration, s sample, ok func(steering.Decision) bool) time.Duration {
	t.Helper()
	start := r.now
	for r.now-start < most {
		if ok(r.after(tick, s)) {
			return r.now - start
		}
	}
	t.Fatalf("not within %v: %+v", most, r.dec)
	return 0
}

func on(d steering.Decision) bool  { return d.Enabled }
func off(d steering.Decision) bool { return !d.Enabled }

// steered is a rig whose rule was just turned on.
func steered(t *testing.T, cfg steering.Config) *rig {
	t.Helper()
	r := newRig(cfg)
	r.until(t, time.Minute, red, on)
	return r
}
