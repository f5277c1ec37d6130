package controllers

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// threshold is a law of four states. One RTT, the median of the reflectors, is
// smoothed quickly and slowly; the difference of the two picks the state, and
// the state what happens to both limits: a factor down every tick, or a step up
// after five green ticks. It looks neither at load nor at throughput.
//
// What is known of it as mere accident is left out, to be fair: here a floor
// never raises a rate, the answer grows with the severity, and cuts are not
// counted against a budget of writes.
type threshold struct {
	cfg      autorate.Config
	newest   map[uint8]float64 // ms, by reflector
	baseline float64
	load     float64
	before   time.Duration
	state    autorate.State
	greens   int
	rate     [2]float64
}

const (
	thresholdBaseline = 50 * time.Second
	thresholdLoad     = 250 * time.Millisecond
	thresholdStill    = 3.0  // ms of difference up to which the baseline moves
	thresholdGreens   = 5    // ticks
	thresholdStep     = 0.02 // of the ceiling
)

// thresholdDelta is where yellow, soft red and red begin, in ms, and
// thresholdFactor what they do to a rate every tick.
func thresholdDelta() [3]float64  { return [3]float64{15, 45, 80} }
func thresholdFactor() [3]float64 { return [3]float64{0.96, 0.92, 0.85} }

func newThreshold(cfg autorate.Config) *threshold {
	t := &threshold{cfg: cfg, newest: map[uint8]float64{}, state: autorate.Green}
	for d := range t.rate {
		t.rate[d] = float64(cfg.Directions[d].Ceiling)
	}
	t.baseline = float64(cfg.BaselineInitial) / 1e6
	t.load = t.baseline
	return t
}

// Step implements linksim.Controller.
func (t *threshold) Step(now time.Duration, in autorate.Input) autorate.Decision {
	fresh := t.hear(in.Events)
	if fresh && len(t.newest) > 0 {
		t.smooth(now - t.before)
		t.act()
	}
	t.before = now
	dec := autorate.Decision{At: now, RTT: ms(t.load), Baseline: ms(t.baseline)}
	for d := range t.rate {
		dec.Directions[d] = autorate.DirectionDecision{Limit: quantised(t.rate[d]), State: t.state}
	}
	return dec
}

func (t *threshold) hear(events []rtt.Event) (fresh bool) {
	for _, e := range events {
		if e.Kind == rtt.Reply {
			t.newest[e.Reflector] = float64(e.RTT) / 1e6
			fresh = true
		}
	}
	return fresh
}

func (t *threshold) smooth(dt time.Duration) {
	values := make([]float64, 0, len(t.newest))
	for _, v := range t.newest {
		values = append(values, v)
	}
	slices.Sort(values)
	x := values[(len(values)-1)/2]
	ewma(&t.load, x, dt, thresholdLoad)
	if t.load-t.baseline < thresholdStill {
		ewma(&t.baseline, x, dt, thresholdBaseline)
	}
	t.state = autorate.Green
	for i, limit := range thresholdDelta() {
		if t.load-t.baseline > limit {
			t.state = autorate.Yellow + autorate.State(i)
		}
	}
}

func (t *threshold) act() {
	if t.state == autorate.Green {
		t.greens++
	} else {
		t.greens = 0
	}
	for d := range t.rate {
		c := t.cfg.Directions[d]
		switch {
		case t.state > autorate.Green:
			t.rate[d] *= thresholdFactor()[t.state-autorate.Yellow]
		case t.greens%thresholdGreens == 0:
			t.rate[d] += thresholdStep * float64(c.Ceiling)
		}
		t.rate[d] = float64(bitrate.Rate(t.rate[d]).Clamp(c.Lowest(), c.Ceiling))
	}
}

func ms(v float64) time.Duration { return time.Duration(v * 1e6) }
