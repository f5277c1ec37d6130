package autorate

import (
	"math"
	"time"
)

// increase raises limits. What only goes back to where it was comes first. Where
// both directions may probe they take turns, so that a queue that follows
// a raise has one suspect; every turn begins with small steps. Where one-way delays
// tell the queues apart there is no need for that.
func (l *Law) increase(o observation) {
	if !o.calm || l.cusum > 0 || l.draining() {
		return
	}
	var limited, recovering [2]bool
	for _, d := range Directions {
		dir := &l.dirs[d]
		limited[d] = dir.limited(o.now)
		if dir.binding(o.now) && o.now-dir.raised > o.loop+settleTime {
			dir.capacity.proven = dir.limit
		}
		recovering[d] = limited[d] && dir.recovering(o.now)
	}
	both := limited[Download] && limited[Upload] && !o.view.OneWay
	turnOver := o.now-l.turnStart > probeTurn+probeTurnLoop*o.loop || !l.dirs[l.prober].mayProbe(o.now)
	if next := 1 - l.prober; turnOver && l.dirs[next].mayProbe(o.now) {
		l.prober, l.turnStart = next, o.now
	}
	for _, d := range Directions {
		dir := &l.dirs[d]
		free := d == l.prober && !recovering[1-d] && o.now-l.dirs[1-d].raised > o.loop+settleTime
		if both && !recovering[d] && !free {
			dir.waited = o.now
			continue
		}
		dir.increase(o)
	}
}

// increase raises the limit while it binds: fast below a capacity that is known,
// slowly and then ever faster beyond it.
func (d *direction) increase(o observation) {
	every := max(raiseEvery, times(raiseLoops, o.loop))
	if d.phase != hold || !d.limited(o.now) || o.now-d.raised < every {
		return
	}
	switch {
	case d.recovering(o.now):
		goal := d.settleRate()
		d.raise(o, min(max(d.limit*recoverFactor, (d.limit+goal)/2), goal))
		d.reason = Recovering
	case d.mayProbe(o.now):
		d.raise(o, max(d.limit*(1+d.growth(o, every)), d.applied+float64(MinChange))) // less would not be written
		d.reason = Probing
	}
}

// growth is the step of a probe, as a share of the limit.
func (d *direction) growth(o observation, every time.Duration) float64 {
	most := growthMost * min(growthSlow, float64(every)/float64(raiseEvery)) // where the router is slow, steps are few
	age := o.now - d.since
	if d.capacity.known(o.now) {
		d.holdFor = min(d.holdFor, age) // where it was cut short
		age = o.now - max(d.since+d.holdFor, d.waited)
		if d.limit > refutedShare*d.capacity.rate {
			return refutedGrowth * most
		}
	}
	return min(most, growthFirst*math.Pow(2, growthRate*age.Seconds()))
}

// recovering reports a limit clearly below a capacity that is known.
func (d *direction) recovering(now time.Duration) bool {
	return d.phase == hold && d.capacity.known(now) && d.limit < recoverBelow*d.settleRate()
}

// mayProbe reports that it has held for long enough to probe beyond what is known. On a
// noisy line the residual delay is the line's own, and says nothing.
func (d *direction) mayProbe(now time.Duration) bool {
	return !d.capacity.known(now) || now-d.since >= d.holdFor || !d.episode.noisy && d.residual.vanished()
}

// probing reports that the limit has just been raised to where the capacity is
// known to end: a queue that appears now has a cause.
func (d *direction) probing(o observation) bool {
	return d.phase == hold && d.capacity.rate > 0 && d.limit > d.settleRate() && o.now-d.raised < o.loop+expectFor
}

// learnResidual learns the delay that bursts usually leave at this capacity.
func (d *direction) learnResidual(o observation) {
	rate := d.capacity.rate
	if !o.fresh || d.phase != hold || rate == 0 || !d.binding(o.now) || d.limit < residualFrom*rate || d.limit > residualTo*rate {
		return
	}
	if o.now-d.since > residualHeld && o.excess < o.threshold {
		d.residual.sample(o.elapsed, o.excess)
	}
}

func (d *direction) raise(o observation, limit float64) {
	d.limit = d.bounded(max(d.limit, limit))
	d.raised = o.now
}
