package controllers

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	slightMS    = 15.0 // mean excess that is answered by the least cut
	severeMS    = 60.0 // and by the greatest
	leastCut    = 0.01
	greatestCut = 0.25
	highLoad    = 0.75
	cutPause    = 300 * time.Millisecond
	raiseEvery  = 200 * time.Millisecond
	raiseBy     = 1.04
	driftBy     = 0.02
	baseShare   = 3 // the base rate is the ceiling over this
)

// autorateLike takes half of each RTT for a one-way delay and compares it with
// a slow average of the same reflector. When three of the last six samples lie
// 30 ms above, that is bufferbloat: both directions are cut by 1 to 25 %, one
// that is highly loaded from no more than what it achieves, and then left alone
// for 300 ms. Without bufferbloat a high load earns 4 % more every 200 ms, and
// the rate drifts to a base rate otherwise.
type autorateLike struct {
	cfg      autorate.Config
	delays   delayWindow
	rate     [2]float64
	achieved [2]throughput
	cutAt    [2]time.Duration
	raiseAt  [2]time.Duration
}

func newAutorate(cfg autorate.Config) *autorateLike {
	a := &autorateLike{cfg: cfg, delays: delayWindow{baseline: map[uint8]float64{}}}
	for d := range a.rate {
		a.rate[d] = a.base(d)
		a.cutAt[d] = -cutPause
	}
	return a
}

func (a *autorateLike) base(d int) float64 { return float64(a.cfg.Directions[d].Ceiling) / baseShare }

func (a *autorateLike) limits() (l [2]bitrate.Rate) {
	for d := range l {
		l[d] = quantised(a.rate[d]).Clamp(a.cfg.Directions[d].Lowest(), a.cfg.Directions[d].Ceiling)
	}
	return l
}

// Step implements linksim.Controller.
func (a *autorateLike) Step(now time.Duration, in autorate.Input) autorate.Decision {
	for _, r := range in.Readings {
		for d := range a.achieved {
			a.achieved[d].add(r.At, r.Queues[d].Bytes)
		}
	}
	for _, e := range in.Events {
		if e.Kind == rtt.Reply {
			a.delays.add(e)
			for d := range a.rate {
				a.act(now, d)
			}
		}
	}
	mean, _ := a.delays.delay()
	dec := autorate.Decision{At: now, Excess: ms(2 * mean), Threshold: ms(2 * lateMS)}
	for d, limit := range a.limits() {
		dec.Directions[d] = autorate.DirectionDecision{Limit: limit, Load: a.load(d)}
	}
	return dec
}

func (a *autorateLike) load(d int) float64 { return a.achieved[d].bps / a.rate[d] }

func (a *autorateLike) act(now time.Duration, d int) {
	mean, bloat := a.delays.delay()
	high := a.load(d) > highLoad
	switch {
	case bloat && now-a.cutAt[d] < cutPause:
		return
	case bloat:
		severity := max(0, min(1, (mean-slightMS)/(severeMS-slightMS)))
		if high {
			a.rate[d] = min(a.rate[d], a.achieved[d].bps)
		}
		a.rate[d] *= 1 - leastCut - severity*(greatestCut-leastCut)
		a.cutAt[d] = now
	case now-max(a.cutAt[d], a.raiseAt[d]) < raiseEvery:
		return
	case high:
		a.rate[d] *= raiseBy
		a.raiseAt[d] = now
	default:
		a.rate[d] += driftBy * (a.base(d) - a.rate[d])
		a.raiseAt[d] = now
	}
	c := a.cfg.Directions[d]
	a.rate[d] = max(float64(c.Lowest()), min(a.rate[d], float64(c.Ceiling)))
}
