package autorate

import (
	"math"
	"time"
)

// cut lowers the limit below the estimated capacity so that the queue drains.
func (d *direction) cut(s sight, which Direction) {
	capacity := d.overfull(s, which)
	d.murmur.forget()
	d.cutAt, d.cutFrom, d.cutEdge, d.cutThrough = s.now, d.rate, d.edge, d.through
	d.peak, d.low, d.falling, d.retried = s.excess, s.excess, s.now, s.now
	d.patient = patience + s.loop
	d.verified, d.innocent, d.passive, d.acted, d.guilty = false, false, false, false, false
	d.owed, d.answer = 0, -1
	d.flat.reset(s.now)
	d.gone = 0
	if d.edge > 0 && math.Abs(capacity/d.edge-1) < 0.05 {
		d.failures++
	} else {
		d.failures = 0
	}
	if d.edge > 0 {
		d.cutEdge = max(d.edge, d.proven)
		d.firm = max(d.firm, d.cutEdge)
	}
	d.edge, d.edgeAt, d.proven = capacity, s.now, 0
	d.mode, d.since = drain, s.now
	d.lower(capacity * depth(s.excess))
	d.reason = Cut
}

// depth is the share of the capacity at which a queue of q drains.
func depth(q time.Duration) float64 {
	return max(deepest, 1-min(1-deepest, 0.03+float64(q)/float64(drainScale)))
}

// lower moves the limit down to rate, bounded by the floor of the severity, or
// by the lowest where that one has left a queue standing.
func (d *direction) lower(rate float64) {
	floor := float64(d.cfg.Floor[max(d.state, Green)-1])
	if d.patient < 0 {
		floor = float64(d.cfg.Lowest())
	}
	d.rate = min(d.rate, max(rate, floor))
}

// floored reports a drain that a floor keeps from draining: whose queue it is
// does not show then. It loses patience with that floor after a while.
func (d *direction) floored(s sight) bool {
	if d.patient < 0 || d.rate < 0.97*d.edge {
		return false
	}
	if d.patient -= s.now - s.before; s.now-d.falling < stuckAfter {
		d.patient = patience + s.loop
	}
	return d.patient >= 0
}

// drain follows a cut until the queue is gone.
func (d *direction) drain(s sight, which Direction, other *direction) (done bool) {
	if d.mode != drain {
		return false
	}
	d.peak = max(d.peak, s.excess)
	if s.excess < s.threshold && s.fresh {
		if d.passive && other.mode == drain && (other.early(s) || other.rate > 0.98*other.cutFrom) {
			d.innocent = false // then it was this one's cut that helped, only later
		}
		if d.early(s) {
			d.restore(s, Reverted) // the cause was gone before the cut could act
		} else {
			d.settle(s)
			if other.load >= loaded {
				d.pause = d.pause * 15 / 8 // two that probe share what the router bears
			}
		}
		return true
	}
	d.follow(s, other)
	d.reason = Draining
	if d.passive && other.mode != drain {
		d.resume(s) // nor was it the other's alone
	}
	if d.passive || d.load < 0 {
		return false // the other's turn, or blind: stay
	}
	if d.load < ended && !d.starved(s.now) {
		if d.gone += s.now - s.before; d.gone > 250*time.Millisecond {
			d.blame(s, which, other) // what stands now is not its queue
		}
		if d.gone > time.Second {
			d.release(s.now)
			return true
		}
		return false
	}
	d.gone = 0
	if d.unanswered(s, which) && d.blame(s, which, other) {
		return false
	}
	floored := d.floored(s)
	if d.acted && !floored && other.load >= loaded && s.slope > 0.05 && s.now-max(d.actedAt, d.revised) > s.effect+100*time.Millisecond {
		// It grows although the cut is in force.
		if d.revised > d.cutAt && d.blame(s, which, other) {
			return false
		}
		d.revised, d.retried = s.now, s.now
		d.edge = max(min(d.edge, d.applied/(1+s.slope/2)), 0.2*d.edge)
	}
	if s.now-max(d.falling, d.retried) > stuckAfter+s.loop {
		if d.blame(s, which, other) {
			return false
		}
		d.retry(s)
	}
	if through := d.arriving(s, which); through > 0 {
		d.edge = min(d.edge, max(through, 0.2*d.edge))
		d.guilty = d.guilty || which == Download
	}
	if carried := d.falls(s, which, other); carried > 0 {
		d.edge = min(d.edge, max(carried, 0.2*d.edge))
	}
	if goal := d.edge * depth(s.excess); goal < 0.975*d.rate {
		d.lower(goal) // less is not worth a write
	}
	return false
}

// follow keeps track of how the excess falls.
func (d *direction) follow(s sight, other *direction) {
	switch {
	case s.excess < d.low-d.low/16:
		d.low, d.falling = s.excess, s.now
		if s.excess < d.peak*3/4 {
			other.heard = false // what it was acquitted of was another queue
		}
		d.guilty = d.guilty || d.acted && !d.passive && s.excess < d.peak*3/4
	case s.excess > d.low && s.now-d.cutAt < s.loop:
		d.low, d.falling = s.excess, s.now // still growing from before the cut
	}
}

// early reports that the delay was gone before the cut could act.
func (d *direction) early(s sight) bool {
	return !d.verified && (!d.acted || s.now-d.actedAt < s.view.Base-(s.now-s.before)+d.soonest())
}

// soonest is how long a queue as high as it was takes to drain, at the least:
// what is gone sooner was none, or not held by this limit.
func (d *direction) soonest() time.Duration {
	if d.edge <= 0 || d.rate >= d.edge {
		return 0
	}
	return time.Duration(0.25 * float64(d.peak) / (1 - d.rate/d.edge))
}

// stopped estimates the capacity from how soon the queue was gone, 0 where that
// says nothing new. One that goes much sooner than the estimate allows was left by
// a line that had stopped for a moment, as it does when a cell or a satellite is
// handed over: what it carried before is the better guess.
func (d *direction) stopped(s sight) float64 {
	took := s.now - d.actedAt - s.view.Base
	if !d.acted || s.silent || d.peak < stopPeak || took <= 0 {
		return 0
	}
	fell := min(float64(d.peak-s.excess)/float64(took), 0.9)
	capacity := min(d.firm, d.rate/(1-fell))
	if capacity < 1.25*d.edge {
		return 0
	}
	return capacity
}

// notOurs reports a drain that has shown, deep enough and for long enough,
// that the delay does not depend on this direction.
func (d *direction) notOurs(s sight) bool {
	if d.mode != drain || !d.deep() || !d.busy(s.now) {
		d.flat.reset(s.now)
		return false
	}
	return s.fresh && d.flat.add(s.now, s.excess)
}

// restore takes a cut back.
func (d *direction) restore(s sight, why Reason) {
	d.rate, d.edge = d.bounded(d.cutFrom), d.cutEdge
	d.mode, d.since, d.pause = steady, s.now, holdFirst
	d.reason = why
}

// clear takes a cut back that changed nothing: the delay is not its doing.
func (d *direction) clear(s sight) {
	d.restore(s, BaselineReset)
	d.edge = max(d.edge, d.firm)
	d.heard, d.heardAt = true, s.now
}

// release ends a drain that can tell nothing any more, and raises nothing:
// the limit climbs again when it is wanted and the delay is gone.
func (d *direction) release(now time.Duration) {
	d.mode, d.since, d.pause = steady, now, holdFirst
	d.edge, d.reason = d.cutEdge, Reverted
}

// settle ends a drain just below the capacity.
func (d *direction) settle(s sight) {
	d.mode, d.since = steady, s.now
	if d.innocent && d.cutEdge > 0 {
		// Probably not to blame, but nothing proves it: what it had it gets
		// back step by step, with open eyes.
		d.edge, d.pause, d.reason = d.cutEdge, holdFirst, Recovering
		return
	}
	if d.innocent || d.gone > 250*time.Millisecond {
		// What a flow carried while it ended is not the capacity.
		d.restore(s, Reverted)
		return
	}
	if capacity := d.stopped(s); capacity > 0 {
		d.edge, d.pause, d.reason = capacity, holdFirst, Settled
		return // and back to it step by step
	}
	d.rate = max(d.rate, d.bounded(d.share*d.edge))
	if d.edge > 0.99*echo*d.echoed && d.echoed > 0 {
		d.edge = d.echoed // nothing has refuted it: the way back is in small steps
	} else {
		d.echoed = 0
	}
	switch {
	case d.failures == 0:
		d.pause = holdShort
	case d.failures < 4:
		d.pause = holdFirst
	default:
		d.pause = holdLong + noisyHold*max(0, s.noise-noisy)
	}
	d.reason = Settled
}
