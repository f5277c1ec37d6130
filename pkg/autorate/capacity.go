package autorate

import (
	"math"
	"time"
)

// capacity is what is known of the bottleneck of a direction. Rates are bit/s.
type capacity struct {
	rate     float64 // estimate; 0 unknown
	seen     time.Duration
	proven   float64 // limit that was in use for a while without a queue
	stable   float64 // what had stood for a while before the first of the cuts in a row
	held     float64 // what the last cut is not believed to refute; 0 none
	failures int     // probes in a row that failed at the same place
}

// known reports a capacity that was seen not too long ago.
func (c *capacity) known(now time.Duration) bool { return c.rate > 0 && now-c.seen < capacityAge }

// congest replaces the estimate by that of a queue.
func (c *capacity) congest(now time.Duration, rate float64) {
	if c.rate > 0 && math.Abs(rate/c.rate-1) < samePlace {
		c.failures++
	} else {
		c.failures = 0
	}
	if c.rate > 0 {
		c.stable = max(c.stable, c.rate, c.proven)
	}
	c.rate, c.seen, c.proven = rate, now, 0
}

// limitTo lowers the estimate to rate, though not by more than can be believed at once.
func (c *capacity) limitTo(rate float64) { c.rate = min(c.rate, max(rate, lagLeast*c.rate)) }

// noteStable keeps the capacity that has stood for a while, for when cuts come in a
// row and the newest estimate is no longer the best.
func (d *direction) noteStable(o observation) {
	if d.phase != hold || o.now-d.since < refractory {
		return
	}
	d.capacity.stable = d.capacity.proven
	if d.capacity.known(o.now) {
		d.capacity.stable = max(d.capacity.proven, d.capacity.rate)
	}
}

// settleRate is where the limit settles below the capacity. The download's bursts
// meet the bottleneck before the shaper and need some air; the upload reaches it paced.
// The bursts of a noisy line need more of it.
func (d *direction) settleRate() float64 {
	share := settleDown
	if d.id == Upload {
		share = settleUp
	}
	if d.episode.noisy {
		share -= settleNoisy
	}
	return share * d.capacity.rate
}

// capacityAtCut estimates the capacity from what has just filled a queue. Where it
// goes below a capacity that this does not refute, it keeps that one as held.
func (d *direction) capacityAtCut(o observation) (rate float64) {
	c := &d.capacity
	again := c.held > 0 && d.limit > confirmedShare*d.settleRate() // back at what the last cut was not believed to refute
	c.held = 0
	lag := d.history.mean(o.now-o.loop-lagSpan, o.now-o.loop)
	if lag <= 0 {
		lag = d.applied
	}
	rate = lag / (1 + max(0, o.slope))
	if !d.loaded() && d.achieved > 0 {
		// Far below the limit: what flows is all that can be known.
		rate = d.achieved
	} else if d.id == Download && o.slope < flatSlope {
		// The shaper is behind the bottleneck: what feeds the queue is not the
		// limit, and what comes through while it stands is the capacity.
		rate = lag
		if achieved, since := d.meter.rate(loadSpan); achieved > 0 && d.history.lowest(since-o.effect) > sameLimit*lag {
			rate = min(lag, achieved)
		}
	}
	if c.rate > 0 && d.phase == hold && o.now-d.since < refractory && !again {
		// What follows a drain at once is mostly its rebound: the limits of the
		// drain are still in the mean, and the last estimate is the better one.
		if rate = max(rate, reboundFloor*c.rate); rate < c.rate && d.id == Download {
			c.held = c.rate
		}
	}
	if achieved := d.capacityFromThroughput(o); achieved > rate && d.id == Download && d.rampingUp() {
		// Senders that double their rate feed a queue with more than the limit
		// lets them acknowledge, and its growth says little.
		c.held = min(achieved, lag)
		rate = max(rate, reboundFloor*c.held)
	} else if achieved > 0 && achieved < rate {
		rate, c.held = achieved, 0
	}
	if d.loaded() {
		rate = max(rate, lagLeast*lag)
	}
	return rate
}

// capacityFromThroughput estimates the capacity from the throughput while a queue
// stands behind an empty shaper, 0 where it says nothing. Then the flow is clocked by
// the bottleneck: in the download the throughput is the capacity; in the upload
// it is what the queue is fed with, and the slope says how that compares.
//
// A throughput that our own limit made, now or a moment ago, says nothing.
func (d *direction) capacityFromThroughput(o observation) float64 {
	recent, since := d.meter.rate(recentSpan)
	if !d.meter.fresh(o.now) || recent <= 0 || !d.meter.idleNow() ||
		recent > clockedShare*d.history.lowest(since-o.effect) {
		return 0
	}
	if d.id == Download {
		return recent
	}
	if o.slope < drainingSlope {
		return 0
	}
	return recent / (1 + max(0, o.slope))
}

// capacityFromDrain estimates the capacity of an upload from how fast its queue falls
// under a limit that has been in force for a while, 0 where that says nothing. A sample
// that comes now has met the queue when it was sent.
func (d *direction) capacityFromDrain(o observation, otherLoaded bool) float64 {
	sent := o.now - o.view.Base - o.excess
	if d.id != Upload || !d.episode.inForce() || o.excess < drainThresholds*o.threshold || !o.oneWayKnown && otherLoaded ||
		sent-drainSpan < d.episode.inForceAt || !d.meter.busyWithin(o.now, drainSpan+2*o.write) {
		return 0
	}
	limit := d.history.mean(sent-drainSpan, sent)
	if math.Abs(limit/d.applied-1) > drainSteady {
		return 0
	}
	return limit * (1 - max(-1, min(o.slope, drainSlopeMost)))
}

// capacityAfterStall estimates the capacity from how soon the queue was gone, 0 where
// that says nothing new. One that goes much sooner than the estimate allows was left by
// a line that had stopped for a moment, as it does when a cell or a satellite is
// handed over: what it carried before is the better guess.
func (d *direction) capacityAfterStall(o observation) float64 {
	e := &d.episode
	took := o.now - e.inForceAt - o.view.Base
	if !e.inForce() || o.silent || e.peak < stallPeak || took <= 0 {
		return 0
	}
	fell := min(float64(e.peak-o.excess)/float64(took), stallFell)
	rate := min(d.capacity.stable, d.limit/(1-fell))
	if rate < stallRise*d.capacity.rate {
		return 0
	}
	return rate
}
