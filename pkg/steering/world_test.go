package steering_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// anyConfig is a configuration that a user may have.
func anyConfig(rng *rand.Rand) steering.Config {
	between := func(low, high float64) float64 { return low * math.Exp(rng.Float64()*math.Log(high/low)) }
	span := func(low, high time.Duration) time.Duration {
		return time.Duration(between(float64(low), float64(high)))
	}
	c := plain()
	if rng.IntN(4) > 0 {
		c.GreenRTT = span(ms, 20*ms)
		c.YellowRTT = c.GreenRTT + span(ms, 20*ms)
		c.RedRTT = c.YellowRTT + time.Duration(rng.IntN(20))*ms
		c.Recovery = span(ms, 20*ms)
		c.Bad = c.Recovery + span(ms, 20*ms)
		c.MinDropsRed = rng.IntN(5)
		c.MinQueueYellow = rng.IntN(20)
		c.MinQueueRed = c.MinQueueYellow + rng.IntN(60)
		c.RedSamples, c.GreenSamples = 1+rng.IntN(5), 1+rng.IntN(30)
		c.BadSamples, c.GoodSamples = 1+rng.IntN(10), 1+rng.IntN(30)
		c.RTTAlpha, c.QueueAlpha = between(0.1, 1), between(0.1, 1)
	}
	f := &c.Confidence
	if rng.IntN(2) > 0 {
		f.SteerThreshold = 40 + 55*rng.Float64()
		f.RecoveryThreshold = rng.Float64() * 35
		f.Sustain, f.RecoverySustain = time.Duration(rng.IntN(10))*second, time.Duration(rng.IntN(10))*second
		f.HoldDown = span(second, 2*time.Minute)
		f.FlapWindow = span(6*second, 20*time.Minute)
		f.MaxToggles = 1 + rng.IntN(8)
		f.Penalty = span(second, 5*time.Minute)
		f.PenaltyThreshold = float64(rng.IntN(60))
	}
	f.FlapDetection = rng.IntN(8) > 0
	c.CakeAware, c.Yellow, c.Scored = rng.IntN(4) > 0, rng.IntN(3) > 0, rng.IntN(2) > 0
	return c
}

// world is a line, a neighbour and a router that have their troubles, with a
// loop between them and a law.
type world struct {
	rng *rand.Rand
	cfg steering.Config
	law *steering.Law
	now time.Duration

	steady   bool // steps are a tick apart
	peaceful bool // nobody else changes the rule
	frozen   bool // counters stand still
	dropless bool // drops are not counted
	quiet    bool // no noise

	level     float64 // how congested the line is
	blind     bool
	uncounted bool
	alternate steering.Alternate
	other     float64 // its level; below 0: not known
	lost      float64 // of the alternate WAN
	counters  [2]steering.Counters

	rule    bool // the real one
	away    bool // the router does not answer
	pending int  // steps until the write under way is done; 0: none
	want    bool // what it writes
	heard   bool // the rule was read since the last step
	usable  bool // and nothing has failed since

	in  steering.Input
	dec steering.Decision
}

func newWorld(cfg steering.Config, m steering.Memory, seed uint64) *world {
	return &world{dropless: seed%3 == 0, other: -1, rng: rand.New(rand.NewPCG(seed, 51)), cfg: cfg, law: steering.New(cfg, m)}
}

// trouble changes one thing, as life does.
func (w *world) trouble() {
	rng := w.rng
	switch rng.IntN(10) {
	case 0, 1, 2:
		w.level = 0
	case 3, 4, 5:
		w.level = 3 * rng.Float64()
	case 6:
		w.alternate = steering.Alternate(rng.IntN(4))
		w.other, w.lost = 4*rng.Float64()-2, max(0, rng.Float64()-0.7)
	case 7:
		w.blind, w.uncounted = rng.IntN(4) == 0, rng.IntN(4) == 0
	case 8:
		w.away = rng.IntN(3) == 0
	case 9:
		switch {
		case rng.IntN(3) == 0:
			w.counters = [2]steering.Counters{} // reboot
		case !w.peaceful:
			w.rule = !w.rule
		}
	}
}

// interval is the time to the next step.
func (w *world) interval() time.Duration {
	if w.steady {
		return tick
	}
	switch w.rng.IntN(200) {
	case 0:
		return time.Duration(w.rng.IntN(10)) * time.Minute // suspended
	case 1, 2:
		return time.Duration(w.rng.Int64N(int64(time.Minute)))
	}
	return 10*ms + time.Duration(w.rng.Int64N(int64(tick)))
}

// sense makes up what the line is like now.
func (w *world) sense() {
	noise := func() float64 { return w.rng.ExpFloat64() }
	excess := time.Duration((w.level*20 + noise()*0.3) * float64(ms))
	if w.quiet {
		excess = time.Duration(w.level * 20 * float64(ms))
	}
	w.in = steering.Input{
		RTTKnown: !w.blind && w.rng.IntN(50) > 0, Baseline: idle, RTT: idle + excess,
		CountersKnown: !w.uncounted && w.rng.IntN(20) > 0, Alternate: w.alternate,
		RuleKnown: w.heard, RuleEnabled: w.rule, RuleChangeable: w.usable,
	}
	if w.other >= 0 {
		w.in.AlternateExcessKnown, w.in.AlternateExcess = true, time.Duration(w.other*20*float64(ms))
	}
	w.in.AlternateLoss = w.lost
	for i := range w.counters {
		c := &w.counters[i]
		c.QueuedPackets = uint64(w.level * 40 * noise())
		if !w.frozen {
			c.Bytes += uint64(w.level * 200_000)
		}
		if !w.frozen && !w.dropless {
			c.Dropped += uint64(w.level * 5 * noise())
		}
	}
	w.in.Queues = w.counters
}

// loop reads and writes the rule between two steps, as a loop does that has one
// request under way at most and reads before it writes again.
func (w *world) loop() {
	w.heard = false
	switch {
	case w.pending > 1:
		w.pending--
	case w.pending == 1:
		w.pending = 0
		w.heard = !w.away
		w.usable = w.heard
		if !w.away || w.rng.IntN(2) == 0 { // done, though the answer was lost
			w.rule = w.want
		}
	case w.away:
		w.usable = w.usable && w.rng.IntN(3) > 0 // not noticed yet
	case w.usable && w.dec.Steer != w.dec.Enabled:
		w.want, w.pending = w.dec.Steer, 1+w.rng.IntN(4)
		if w.pending == 1 {
			w.pending, w.rule, w.heard = 0, w.want, true
		}
	case w.rng.IntN(3) == 0:
		w.heard, w.usable = true, true
	}
}

func (w *world) step() steering.Decision {
	w.now += w.interval()
	w.sense()
	w.dec = w.law.Step(w.now, w.in)
	w.loop()
	return w.dec
}

// handBack lets somebody undo what was done by hand, and the line be calm, until the
// law is in charge again.
func (w *world) handBack(most time.Duration) {
	w.peace(0)
	for start := w.now; w.now-start < most && (w.step().ByHand || w.now-start < time.Minute); {
		w.rule = w.rule && !w.dec.ByHand
	}
}

// peace ends all trouble, on a line that is as congested as level says.
func (w *world) peace(level float64) {
	w.level, w.blind, w.uncounted, w.away, w.alternate, w.other, w.lost = level, false, false, false, steering.AlternateGood, 0, 0
	w.peaceful, w.steady, w.quiet = true, true, true
}

// invariants holds every decision against what is true of all of them.
type invariants struct {
	cfg        steering.Config
	last       steering.Decision
	any, known bool
	changes    []change      // all, as the law saw them
	ours       []change      // but for those of others, and ways back from a WAN that is down
	foreign    bool          // somebody else has changed the rule
	worse      time.Duration // the alternate WAN has been degraded since; -1: it is not
	red, green int           // samples in a row, strictly
	fresh      time.Duration // the newest of them
	high, low  time.Duration // the score has been as high, or as low, since; -1: it is not
}

func newInvariants(cfg steering.Config) invariants {
	return invariants{cfg: cfg, worse: -1, high: -1, low: -1}
}

// reconfigured tells of a configuration that holds from now on. What was done
// under another one is not held against it.
func (v *invariants) reconfigured(cfg steering.Config) {
	*v = invariants{cfg: cfg, worse: -1, high: -1, low: -1, foreign: true, last: v.last, any: v.any, known: v.known}
}

func (v *invariants) check(in steering.Input, dec steering.Decision) error {
	defer func() { v.last, v.any = dec, true }()
	f := v.cfg.Confidence
	v.known = v.known || in.RuleKnown
	fail := func(format string, args ...any) error {
		return fmt.Errorf("at %v: %s: %+v", dec.At, fmt.Sprintf(format, args...), dec)
	}
	switch {
	case dec.Score < 0 || dec.Score > 100 || math.IsNaN(dec.Score) || math.IsNaN(dec.DepthEWMA):
		return fail("absurd score or depth")
	case dec.SteerThreshold > 100 || dec.SteerThreshold < f.SteerThreshold || dec.PenaltyUntil == 0 && dec.SteerThreshold != f.SteerThreshold:
		return fail("threshold")
	case dec.Excess < 0 || dec.ExcessEWMA < 0 || dec.Drops < 0 || dec.Depth < 0 || dec.DepthEWMA < 0:
		return fail("negative")
	case dec.Red < 0 || dec.Good < 0 || dec.Bad < 0 || dec.Red > 0 && dec.Bad > 0 || dec.Good > 0 && dec.Red+dec.Bad > 0:
		return fail("rows")
	case dec.Reason.String() == "unknown" || dec.Congestion > steering.Red:
		return fail("no such reason or congestion")
	case dec.HoldUntil != 0 && dec.HoldUntil <= dec.At || dec.PenaltyUntil != 0 && dec.PenaltyUntil <= dec.At:
		return fail("over")
	case in.RuleKnown && dec.Enabled != in.RuleEnabled:
		return fail("the rule is %v", in.RuleEnabled)
	case v.any && dec.Changed != (dec.Enabled != v.last.Enabled):
		return fail("changed")
	case dec.Changed && !in.RuleKnown:
		return fail("a change nobody saw")
	case dec.ByHand && dec.Steer != dec.Enabled:
		return fail("writes over what was done by hand")
	case dec.Changed && dec.Reason == steering.Foreign && dec.Enabled && !dec.ByHand, dec.Changed && dec.Reason != steering.Foreign && dec.ByHand:
		return fail("by hand")
	case v.any && v.last.ByHand && !dec.ByHand && !dec.Changed && dec.Enabled:
		return fail("no longer by hand")
	}
	if in.Alternate != steering.AlternateDegraded || in.AlternateExcessKnown || v.any && dec.At-v.last.At > 10*second {
		v.worse = -1
	}
	if in.Alternate == steering.AlternateDegraded && !in.AlternateExcessKnown && v.worse < 0 {
		v.worse = dec.At
	}
	if dec.Changed {
		c := change{dec.At, dec.Enabled, dec.Reason}
		v.changes = append(v.changes, c)
		v.foreign = v.foreign || dec.Reason == steering.Foreign
		if dec.Reason != steering.Foreign && dec.Reason != steering.AlternateIsDown {
			v.ours = append(v.ours, c)
		}
	}
	if !dec.Fresh || dec.At-v.fresh > 10*second {
		v.red, v.green = 0, 0
	}
	if !dec.Fresh {
	} else if dec.Congestion == steering.Red {
		v.red, v.green = v.red+1, 0
	} else {
		v.red = 0
		if v.green++; dec.Good == 0 {
			v.green = 0
		}
	}
	since := func(at *time.Duration, so bool) {
		if !so || !dec.Fresh || dec.At-v.fresh > 10*second {
			*at = -1
		}
		if so && dec.Fresh && *at < 0 {
			*at = dec.At
		}
	}
	since(&v.high, dec.Score >= dec.SteerThreshold)
	since(&v.low, dec.Score <= f.RecoveryThreshold)
	if dec.Fresh {
		v.fresh = dec.At
	}
	if dec.Changed && dec.Reason == steering.Foreign {
		v.red, v.green, v.high, v.low = 0, 0, -1, -1
	}
	if err := v.writes(in, dec, fail); err != nil {
		return err
	}
	return v.omissions(in, dec, fail)
}

// writes checks that what is asked for may be.
func (v *invariants) writes(in steering.Input, dec steering.Decision, fail func(string, ...any) error) error {
	if dec.Steer == dec.Enabled {
		return nil
	}
	f := v.cfg.Confidence
	switch {
	case !v.known || !in.RuleChangeable:
		return fail("asks for what cannot be done")
	case dec.Steer && (in.Alternate == steering.AlternateDown || in.Alternate == steering.AlternateDegraded):
		return fail("steers to a WAN that is %v", in.Alternate)
	case dec.Steer && !dec.AlternateBetter && (!v.any || !v.last.Steer):
		return fail("steers to a WAN that is no better")
	case dec.HoldUntil != 0:
		return fail("changes before its own hold")
	case dec.Steer && dec.Fresh && dec.Score < dec.SteerThreshold && dec.PenaltyUntil != 0:
		return fail("steers below a raised threshold")
	case !dec.Fresh && v.any && dec.Steer != v.last.Steer && in.Alternate != steering.AlternateDown:
		return fail("a new wish without a sample")
	}
	if n := len(v.changes); n > 0 && dec.At < v.changes[n-1].at+f.HoldDown {
		return fail("changes %v after the last change", dec.At-v.changes[n-1].at)
	}
	if f.FlapDetection && (dec.Reason != steering.AlternateIsDown || !v.foreign) {
		n, counted := 1, v.ours
		if !v.foreign {
			counted = v.changes
		}
		for _, c := range counted {
			if dec.At-c.at < f.FlapWindow {
				n++
			}
		}
		if n > f.MaxToggles+2 {
			return fail("change %d in a window, at most %d allowed", n, f.MaxToggles+2)
		}
	}
	return nil
}

// omissions checks that what is to be asked for is.
func (v *invariants) omissions(in steering.Input, dec steering.Decision, fail func(string, ...any) error) error {
	free := v.known && in.RuleChangeable && dec.HoldUntil == 0
	needHot, needCalm := v.cfg.RedSamples, v.cfg.GreenSamples
	if !v.cfg.CakeAware {
		needHot, needCalm = v.cfg.BadSamples, v.cfg.GoodSamples
	}
	switch {
	case !free, dec.ByHand:
	case dec.Enabled && in.Alternate == steering.AlternateDown:
		if dec.Steer {
			return fail("stays on a WAN that is down")
		}
	case in.Alternate == steering.AlternateDegraded || in.Alternate == steering.AlternateDown || !dec.AlternateBetter:
		if dec.Enabled && dec.Steer && dec.Fresh && v.worse >= 0 && dec.At-v.worse >= v.cfg.Confidence.Sustain {
			return fail("stays on a WAN that has been degraded for %v", dec.At-v.worse)
		}
	case !dec.Fresh:
	case v.cfg.Scored && !dec.Enabled && v.high >= 0 && dec.At-v.high >= v.cfg.Confidence.Sustain && !dec.Steer:
		return fail("not steered though the score has been high for %v", dec.At-v.high)
	case v.cfg.Scored && dec.Enabled && v.low >= 0 && dec.At-v.low >= v.cfg.Confidence.RecoverySustain && dec.Steer:
		return fail("not back though the score has been low for %v", dec.At-v.low)
	case v.cfg.Scored:
	case !dec.Enabled && v.red >= needHot && dec.PenaltyUntil == 0 && !dec.Steer:
		return fail("not steered after %d RED in a row", v.red)
	case dec.Enabled && v.green >= needCalm && dec.Steer && dec.Good >= needCalm:
		return fail("not back after %d GREEN in a row", v.green)
	}
	return nil
}
