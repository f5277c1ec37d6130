// Package plot draws a replayed recording as one SVG: the delay with its
// thresholds, and limit, throughput and estimated capacity of each direction with
// states and cuts, over time.
//
// It takes any number of steps in bounded memory: what falls on one pixel is kept
// as its first, lowest, highest and last value.
package plot

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Plot collects steps. Make it with New, feed it, then Write it.
type Plot struct {
	title, note string
	cfg         autorate.Config
	columns     columns
	first, at   time.Duration
	steps       int
	cuts        [2]int
	highest     time.Duration // RTT
	highestAt   time.Duration
	last        autorate.Decision
	adopted     [2]*mark // since the last step
}

// New returns a Plot of a law with settings cfg. title and note are the two
// lines above it.
func New(title, note string, cfg autorate.Config) *Plot {
	return &Plot{title: title, note: note, cfg: cfg, columns: columns{width: 10 * time.Millisecond}}
}

// Step takes in a decision and what led to it. Times must not go backwards.
func (p *Plot) Step(in autorate.Input, dec autorate.Decision) {
	if p.steps == 0 {
		p.first, p.columns.from = dec.At, dec.At
	}
	p.at = dec.At
	c := p.columns.at(dec.At)
	c.steps++
	if dec.Alive > 0 {
		c.rtt.add(millis(dec.RTT))
		c.base.add(millis(dec.Baseline))
		c.threshold.add(millis(dec.Baseline + dec.Threshold))
		if dec.RTT > p.highest {
			p.highest, p.highestAt = dec.RTT, dec.At
		}
	} else if dec.RTT > 0 {
		c.silent++
	}
	for _, d := range autorate.Directions {
		now, before := dec.Directions[d], p.last.Directions[d]
		l := &c.lanes[d]
		l.limit.add(now.Limit.Mbps())
		if in.Applied[d] > 0 {
			l.inForce.add(in.Applied[d].Mbps())
		}
		if now.Load >= 0 {
			l.throughput.add(now.Throughput.Mbps())
		}
		if now.Capacity > 0 {
			l.capacity.add(now.Capacity.Mbps())
		}
		l.state = max(l.state, now.State)
		m := mark{at: dec.At, reason: now.Reason.String(), from: before.Limit, to: now.Limit, dec: now,
			excess: dec.Excess, threshold: dec.Threshold}
		switch now.Reason {
		case autorate.Cut:
			p.cuts[d]++
			l.cuts.add(m)
		case autorate.Reverted, autorate.Verifying, autorate.BaselineReset:
			if now.Reason != before.Reason {
				l.others.add(m)
			}
		}
		if p.adopted[d] != nil {
			l.others.add(*p.adopted[d])
			p.adopted[d] = nil
		}
	}
	p.steps++
	p.last = dec
}

// SetExternally takes in that somebody else set a limit.
func (p *Plot) SetExternally(d autorate.Direction, rate bitrate.Rate) {
	p.adopted[d] = &mark{at: p.at, reason: "set by somebody else", from: p.last.Directions[d].Limit, to: rate}
}

// millis is d in milliseconds.
func millis(d time.Duration) float64 { return float64(d) / 1e6 }
