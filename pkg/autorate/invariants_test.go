package autorate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// invariants holds every decision against what is true of all of them.
type invariants struct {
	cfg     autorate.Config
	silence bool // hold raises in silence against it as well
	last    autorate.Decision
	any     bool
	moved   [2]bool // bounds or limit were changed from outside since the last decision
}

// adopted and reconfigured tell of changes from outside, which may raise.
func (v *invariants) adopted(d autorate.Direction) { v.moved[d] = true }
func (v *invariants) reconfigured(cfg autorate.Config) {
	v.cfg, v.moved = cfg, [2]bool{true, true}
}

func (v *invariants) check(dec autorate.Decision) error {
	defer func() { v.last, v.any, v.moved = dec, true, [2]bool{} }()
	if dec.Excess < 0 || dec.Threshold < 0 || dec.Baseline < 0 || math.IsNaN(dec.Slope) || math.IsInf(dec.Slope, 0) {
		return fmt.Errorf("at %v: excess %v, threshold %v, baseline %v, slope %v", dec.At, dec.Excess, dec.Threshold, dec.Baseline, dec.Slope)
	}
	if dec.Threshold > v.cfg.Target && dec.Alive > 0 {
		return fmt.Errorf("at %v: threshold %v above the target %v", dec.At, dec.Threshold, v.cfg.Target)
	}
	for _, d := range autorate.Directions {
		now, before, cfg := dec.Directions[d], v.last.Directions[d], v.cfg.Directions[d]
		at := fmt.Sprintf("at %v, %v %v", dec.At, d, now.Reason)
		switch {
		case now.Limit < cfg.Lowest() || now.Limit > cfg.Ceiling:
			return fmt.Errorf("%s: limit %d outside [%d, %d]", at, now.Limit, cfg.Lowest(), cfg.Ceiling)
		case now.State < autorate.Green || now.State > autorate.Red:
			return fmt.Errorf("%s: state %d", at, now.State)
		case now.Reason.String() == "unknown":
			return fmt.Errorf("%s: reason %d", at, now.Reason)
		case math.IsNaN(now.Load) || math.IsInf(now.Load, 0) || now.Load < 0 && now.Load != -1:
			return fmt.Errorf("%s: load %v", at, now.Load)
		case now.Throughput < 0 || now.Capacity < 0:
			return fmt.Errorf("%s: throughput %d, capacity %d", at, now.Throughput, now.Capacity)
		}
		if !v.any || v.moved[d] || now.Limit <= before.Limit {
			continue
		}
		switch {
		case now.Reason == autorate.BaselineReset:
			// The delay was just shown not to be a queue of ours.
		case dec.Alive == 0:
			// The excess is an old one. What was deep below the capacity to
			// drain a queue need not stay there, but the capacity is the limit.
			if v.silence && now.Limit > max(now.Capacity, cfg.Lowest()) {
				return fmt.Errorf("%s: raised from %v to %v in silence, capacity %v", at, before.Limit, now.Limit, now.Capacity)
			}
		case dec.Excess > dec.Threshold:
			return fmt.Errorf("%s: raised from %v to %v with an excess of %v over %v", at, before.Limit, now.Limit, dec.Excess, dec.Threshold)
		}
		for _, floor := range cfg.Floor {
			if now.Limit == floor && floor < cfg.Ceiling {
				return fmt.Errorf("%s: raised from %v to a floor, %v", at, before.Limit, floor)
			}
		}
	}
	return nil
}

// trouble changes one thing about the line, as life does.
func (l *line) trouble() {
	rng := l.rng
	d := autorate.Direction(rng.IntN(2))
	ceiling := float64(l.cfg.Directions[d].Ceiling)
	switch rng.IntN(11) {
	case 0, 1:
		l.capacity[d] = ceiling * math.Exp(rng.Float64()*4-3.5)
	case 2, 3:
		l.demand[d] = greedy
	case 4:
		l.demand[d] = ceiling * rng.Float64() * rng.Float64()
	case 5:
		l.noise = []func(*rand.Rand) time.Duration{quietNoise, cableNoise}[rng.IntN(2)]
	case 6:
		l.base = time.Duration(1+rng.IntN(200)) * time.Millisecond
	case 7:
		l.mute[rng.IntN(3)] = rng.IntN(2) == 0
	case 8:
		l.lost = rng.Float64() * rng.Float64()
	case 9:
		l.blind = rng.IntN(3) == 0
	case 10:
		l.writeTime = time.Duration(rng.ExpFloat64() * float64(50*time.Millisecond))
	}
}

// calm ends all trouble: a steady line that is worth n times the ceiling.
func (l *line) calm(share [2]float64) {
	l.base = 20 * time.Millisecond
	l.noise, l.lost, l.mute, l.blind, l.writeTime = quietNoise, 0, [3]bool{}, false, 10*time.Millisecond
	for _, d := range autorate.Directions {
		c := l.cfg.Directions[d]
		l.capacity[d] = max(float64(c.Ceiling)*share[d], 1.5*float64(c.Lowest()), float64(bitrate.Mbps))
	}
}

// meddle does from outside what users do: set a limit, change the settings.
func (l *line) meddle(v *invariants) {
	d := autorate.Direction(l.rng.IntN(2))
	if l.rng.IntN(2) == 0 {
		theirs := bitrate.Rate(l.rng.Float64() * 1.5 * float64(l.cfg.Directions[d].Ceiling))
		l.inForce[d], l.writing = theirs, 0
		l.law.SetExternally(d, theirs)
		v.adopted(d)
		return
	}
	cfg := l.cfg
	cfg.Directions[d] = anyDirection(l.rng)
	cfg.Target = min(cfg.Target+time.Millisecond, cfg.Warn)
	l.cfg = cfg
	l.law.Reconfigure(cfg)
	v.reconfigured(cfg)
}
