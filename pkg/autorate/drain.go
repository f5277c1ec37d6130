package autorate

import "time"

// cut begins an episode: the limit goes below the estimated capacity so that the
// queue drains.
func (d *direction) cut(o observation) {
	rate := d.capacityAtCut(o)
	d.episode = d.newEpisode(o)
	d.enter(congested)
	d.since = o.now
	d.residual.reset()
	d.capacity.congest(o.now, rate)
	d.lower(rate * depth(o.excess))
	d.reason = Cut
}

// depth is the share of the capacity at which a queue of q drains.
func depth(q time.Duration) float64 {
	return max(deepest, 1-depthLeast-float64(q)/float64(depthQueue))
}

// lower moves the limit down to rate, bounded by the floor of the severity, or
// by the lowest where that one has left a queue standing.
func (d *direction) lower(rate float64) {
	floor := d.floor()
	if d.episode.floorGrace < 0 {
		floor = float64(d.cfg.Lowest())
	}
	d.limit = min(d.limit, max(rate, floor))
}

// follow continues an episode until the queue is gone.
func (l *Law) follow(o observation, which Direction) {
	d, other := &l.dirs[which], &l.dirs[1-which]
	if d.phase == hold {
		return
	}
	e := &d.episode
	e.peak = max(e.peak, o.excess)
	if o.excess < o.threshold && o.fresh {
		l.queueGone(o, which)
		return
	}
	if e.track(o) {
		other.tried = 0 // what it was acquitted of was another queue
		if e.inForce() && d.phase == drain && (other.phase == hold || d.mayHelp(o)) {
			e.outcome = confirmed
		}
	}
	d.reason = Draining
	if d.phase == wait && other.phase == hold {
		d.resumeSuspect(o)
	}
	if d.phase == wait || d.load < 0 {
		return // the other's turn, or blind
	}
	if d.load < endedShare && !d.underused(o.now) {
		l.followIdle(o, which)
		return
	}
	e.idleFor = 0
	if l.attributeEpisode(o, which) {
		return
	}
	d.reviseCapacity(o, other.loaded())
	if goal := d.capacity.rate * depth(o.excess); goal < (1-lowerLeast)*d.limit {
		d.lower(goal)
	}
}

// queueGone ends an episode whose queue has drained, or that was a false alarm.
func (l *Law) queueGone(o observation, which Direction) {
	d, other := &l.dirs[which], &l.dirs[1-which]
	l.cusum = 0
	if d.early(o) {
		d.revert(o, Reverted) // the cause was gone before the cut could act
	} else {
		d.finishDrain(o)
		if other.loaded() && d.capacity.failures < steadyFailures {
			d.holdFor = times(holdBoth, d.holdFor)
		}
	}
	if d.reason == Reverted {
		l.noise.falseAlarm()
	}
}

// followIdle continues an episode whose flow has ended.
func (l *Law) followIdle(o observation, which Direction) {
	d := &l.dirs[which]
	if d.episode.idleFor += o.elapsed; d.episode.flowEnded() {
		l.switchSuspect(o, which) // what stands now is not its queue
	}
	if d.episode.idleFor > idleEnd {
		d.abandon(o.now)
		l.cusum = 0
		l.noise.falseAlarm()
	}
}

// reviseCapacity lowers the estimate to what the drain shows.
func (d *direction) reviseCapacity(o observation, otherLoaded bool) {
	if rate := d.capacityFromThroughput(o); rate > 0 {
		d.capacity.limitTo(rate)
		if d.id == Download {
			d.episode.outcome = confirmed
		}
	}
	if rate := d.capacityFromDrain(o, otherLoaded); rate > 0 {
		d.capacity.limitTo(rate)
	}
}

// lowerEstimate takes the capacity for a little lower when the queue does not fall,
// unless it was a floor that kept the limit from going below it.
func (d *direction) lowerEstimate(o observation) {
	d.episode.lastAction, d.episode.lowest = o.now, o.excess
	if d.limit < floorBinds*d.capacity.rate {
		d.capacity.rate *= stuckFactor
	}
}

// floored reports a drain that a floor keeps from draining: whose queue it is
// does not show then. After floorGrace that floor no longer counts.
func (d *direction) floored(o observation) bool {
	e := &d.episode
	if e.floorGrace < 0 || d.limit < floorBinds*d.capacity.rate {
		return false
	}
	if e.floorGrace -= o.elapsed; o.now-e.lastDrop < stuckAfter {
		e.floorGrace = floorPatience + o.loop
	}
	return e.floorGrace >= 0
}

// early reports that the delay was gone before the cut could act.
func (d *direction) early(o observation) bool {
	return !d.episode.tested && d.tooSoon(o, d.episode.inForceAt)
}

// tooSoon reports that what has been in force since then cannot have drained the queue.
func (d *direction) tooSoon(o observation, since time.Duration) bool {
	return !d.episode.inForce() || o.now-since < o.view.Base-o.elapsed+d.soonest()
}

// soonest is how long a queue as high as it was takes to drain, at the least:
// what is gone sooner was none, or not held by this limit.
func (d *direction) soonest() time.Duration {
	if d.capacity.rate <= 0 || d.limit >= d.capacity.rate {
		return 0
	}
	return time.Duration(drainFastest * float64(d.episode.peak) / (1 - d.limit/d.capacity.rate))
}

// end leaves an episode with a capacity, and holds for a while.
func (d *direction) end(now time.Duration, rate float64, holdFor time.Duration, why Reason) {
	d.enter(episodeOver)
	d.capacity.rate, d.since, d.holdFor, d.reason = rate, now, holdFor, why
}

// revert takes a cut back.
func (d *direction) revert(o observation, why Reason) {
	d.limit = d.bounded(d.episode.limitBefore)
	d.end(o.now, d.episode.capacityBefore, holdFirst, why)
}

// abandon ends a drain that can show nothing any more, and raises nothing:
// the limit is raised again when it is wanted and the delay is gone.
func (d *direction) abandon(now time.Duration) {
	d.end(now, d.episode.capacityBefore, holdFirst, Reverted)
}

// finishDrain ends a drain just below the capacity.
func (d *direction) finishDrain(o observation) {
	e, c := &d.episode, &d.capacity
	if e.outcome == refuted && e.capacityBefore > 0 {
		// Probably not to blame, but nothing proves it: the limit returns step by
		// step, with open eyes.
		d.end(o.now, e.capacityBefore, holdFirst, Recovering)
		return
	}
	if e.outcome == refuted || e.flowEnded() {
		// What a flow carried while it ended is not the capacity.
		d.revert(o, Reverted)
		return
	}
	if rate := d.capacityAfterStall(o); rate > 0 {
		d.end(o.now, rate, holdFirst, Settled) // and back to it step by step
		return
	}
	d.limit = max(d.limit, d.bounded(d.settleRate()))
	if c.rate > heldReached*reboundFloor*c.held && c.held > 0 {
		c.rate = c.held // nothing has refuted it: the way back is in small steps
	} else {
		c.held = 0
	}
	d.end(o.now, c.rate, d.holdAfter(o), Settled)
}

// holdAfter is how long to hold before probing: longer where probes keep failing at
// the same place, and on a noisy line, where a probe costs more delay.
func (d *direction) holdAfter(o observation) time.Duration {
	var noisy time.Duration
	if o.noisy || d.capacity.failures >= holdFailures {
		noisy = times(holdNoise, max(0, o.noise-noisyLine))
	}
	switch {
	case d.capacity.failures == 0:
		return holdRough
	case d.capacity.failures < holdFailures:
		return holdFirst + noisy
	case d.capacity.failures >= steadyFailures:
		return holdSteady + noisy
	default:
		return holdLong + noisy
	}
}
