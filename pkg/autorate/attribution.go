package autorate

import "time"

// Whose queue it is. Both directions share the round trip, so this is decided here, by
// the law, which alone sees both: a new queue is attributed to the likelier direction,
// and cutting that one is an experiment. A queue of its own has to fall. If it does
// not, it is the other direction's turn, while the first waits where it is.

// attribute cuts the direction that the evidence for a new queue names. Where it names
// both, the likelier one is first; if that does not help, follow switches to the other.
func (l *Law) attribute(o observation) {
	if o.excess < o.threshold {
		return
	}
	if o.oneWayKnown {
		l.attributeOneWay(o)
		return
	}
	suspect, most := Download, float64(0)
	for _, d := range Directions {
		w := l.suspectWeight(o, d)
		if w == 0 && l.pulse.allowed(o.now) {
			w = l.weakSuspectWeight(o, d)
		}
		if w > most {
			suspect, most = d, w
		}
	}
	if o.view.OneWay && l.dirs[1-suspect].loaded() {
		most *= splitPending
	}
	if most > 0 && float64(l.cusum)*most > float64(l.alarmAt(o, suspect)) {
		l.dirs[suspect].cut(o)
		l.persistent.cuts++
		l.cusum = 0
	}
}

// attributeOneWay cuts every direction in which one-way delays show a queue and that
// carries something: where the limit lies far above the capacity, little of it fills the
// line.
func (l *Law) attributeOneWay(o observation) {
	for _, d := range Directions {
		evidence := times(l.oneWayWeight(o, d), l.cusum)
		if evidence > l.alarmAt(o, d) && o.oneWay[d] > o.threshold {
			l.dirs[d].cut(o.forDirection(d))
			l.persistent.cuts++
		}
	}
	if l.draining() {
		l.cusum = 0
	}
}

// oneWayWeight is the weight of a direction in which one-way delays show a queue.
func (l *Law) oneWayWeight(o observation, which Direction) float64 {
	d := &l.dirs[which]
	switch {
	case d.loaded() || d.underused(o.now):
		return weightAlone
	case d.rampingUp() || d.load < 0 || d.idle() && !d.risen():
		return 0
	case o.oneWay[which] < weakThresholds*o.threshold || !l.pulse.allowed(o.now):
		return 0 // it could be the queue of traffic that passes neither shaper
	}
	return weightEven
}

// alarmAt is the accumulated excess at which d is cut.
func (l *Law) alarmAt(o observation, d Direction) time.Duration {
	if l.dirs[d].probing(o) {
		return l.noise.earlyThreshold(o.threshold)
	}
	return cusumAlarm * o.threshold
}

// suspectWeight weighs how likely a queue on the path is the doing of which: 0 not at
// all, weightEven as likely as not, more when evidence supports it.
func (l *Law) suspectWeight(o observation, which Direction) float64 {
	d, other := &l.dirs[which], &l.dirs[1-which]
	underused := d.underused(o.now)
	if d.load < 0 || !d.loaded() && !underused {
		return 0
	}
	alone := !other.possibleCause(o.now)
	if !alone && !d.possibleCause(o.now) {
		return 0
	}
	switch {
	case o.noisy && (d.within(o.now) || alone && d.holds(o.now, burstSpan)):
		return weightWithin
	case alone && underused:
		return weightUnderused
	case alone:
		return weightAlone
	case d.atFloor() && d.raised > other.raised:
		return weightAtFloorNew
	case d.atFloor():
		return weightAtFloor
	case d.shaperBound(o.now):
		return weightHeld
	case which == Download && d.ackDelayed(o):
		return weightAcksLate
	case which == Upload && other.ackDelayed(o):
		return weightAcksOther
	case underused && which == Download:
		return weightStarved
	case other.shaperBound(o.now):
		return weightBeyond
	case d.beyondKnown(o.now) != other.beyondKnown(o.now):
		if d.beyondKnown(o.now) {
			return weightBeyond
		}
		return weightWithin
	case o.now-d.raised < o.loop+settleTime && d.raised > other.raised:
		return weightBeyond
	}
	return weightEven
}

// weakSuspectWeight is the weight of a direction that carries little of its limit,
// when the delay is high and nobody else is suspect: the limit may lie far above
// the capacity. It is weak, since the delay may be somebody else's; the cut that
// follows is tested, and taken back if it cures nothing.
func (l *Law) weakSuspectWeight(o observation, which Direction) float64 {
	d, other := &l.dirs[which], &l.dirs[1-which]
	if d.rampingUp() || d.load < 0 || d.idle() && !d.risen() || d.loaded() || other.loaded() ||
		o.excess < weakThresholds*o.threshold || d.load*d.applied < other.load*other.applied {
		return 0
	}
	return weightWeak
}

// possibleCause reports that the direction carries enough to have a queue behind or
// before its shaper. The acknowledgements of a download load the upload without
// filling it, so an upload has to be at its limit.
func (d *direction) possibleCause(now time.Duration) bool {
	if d.id == Upload {
		return d.underused(now) || d.binding(now)
	}
	return d.underused(now) || d.loaded()
}

// ackDelayed reports a download that has become less by more than a queue of its own
// would grow by, and by about as much as the longer round trip explains: its
// acknowledgements are late, so the queue stands in the upload. Where clocks tell
// the directions apart there is no need to guess.
func (d *direction) ackDelayed(o observation) bool {
	recent, _ := d.meter.rate(recentSpan)
	before, _ := d.meter.rate(ackSpan)
	explained := before * float64(o.view.Base) / float64(o.view.Base+o.excess)
	return !o.view.OneWay && d.meter.idleNow() && before > recent*(1+max(acksLess, acksSlope*o.slope)) &&
		recent > acksLeast*explained && recent < acksMost*explained
}

// beyondKnown reports a limit above what is known to be carried.
func (d *direction) beyondKnown(now time.Duration) bool {
	return d.capacity.known(now) && d.limit > beyondShare*max(d.capacity.rate, d.capacity.proven)
}

// within reports a limit that is known to be carried.
func (d *direction) within(now time.Duration) bool {
	return d.capacity.known(now) && !d.beyondKnown(now)
}

// attributeEpisode judges a cut by what the delay does under it. Where the cut does not
// help it switches the suspect, which it reports; where there is nobody to switch to,
// the estimate was too high.
func (l *Law) attributeEpisode(o observation, which Direction) (switched bool) {
	d, e := &l.dirs[which], &l.dirs[which].episode
	if d.noResponse(o) && l.switchSuspect(o, which) {
		return true
	}
	floored := d.floored(o)
	grows := o.slope > growSlope && o.now-max(e.inForceAt, e.revised) > o.effect+o.excess+growAfter
	if e.inForce() && !floored && l.dirs[1-which].loaded() && grows {
		if e.revised > e.began && l.switchSuspect(o, which) {
			return true
		}
		e.revised, e.lastAction = o.now, o.now
		d.capacity.limitTo(d.applied / (1 + o.slope/2))
	}
	if o.now-max(e.lastDrop, e.lastAction) > stuckAfter+o.loop {
		if l.switchSuspect(o, which) {
			return true
		}
		d.lowerEstimate(o)
	}
	return false
}

// noResponse reports that a cut has been in force for so long that a queue of
// this direction would be seen to fall by now, and that it does not.
func (d *direction) noResponse(o observation) bool {
	e := &d.episode
	lag := o.effect + o.excess + o.elapsed // a sample shows the queue of the time when it was sent
	if d.id == Download {
		lag += o.view.Base / 2 // until senders react
	}
	if !e.inForce() || d.capacity.rate <= 0 || o.now-max(e.inForceAt, e.resumed) < lag {
		return false
	}
	if e.lowestSince < 0 {
		e.lowestSince, e.expectedFrom = o.excess, o.excess
	}
	e.lowestSince = min(e.lowestSince, o.excess)
	e.expectedDrop += time.Duration(float64(o.elapsed) * max(0, 1-d.applied/d.capacity.rate))
	return e.expectedDrop > max(dropLeast, dropThresholds*o.threshold) && e.expectedFrom-e.lowestSince < times(dropShare, e.expectedDrop)
}

// switchSuspect cuts the other direction when cutting this one did not help, and
// reports whether it did. By then this one's acknowledgements in the other have
// become few, so what the other still carries is its own.
func (l *Law) switchSuspect(o observation, which Direction) bool {
	if o.oneWayKnown {
		return false // there is no need to guess
	}
	d, other := &l.dirs[which], &l.dirs[1-which]
	e := &d.episode
	fewer := d.achieved < fewerAcks*e.achievedBefore
	switch {
	case other.phase == wait:
		other.resumeSuspect(o)
	case other.phase == drain, other.atFloor() && o.now-e.began < floorPatience+o.loop:
		return false
	case other.possibleCause(o.now), fewer && other.loaded(), d.exhausted(o) && l.worthTrying(o, 1-which):
		other.cut(o)
	default:
		return false
	}
	d.enter(noEffect)
	if e.outcome != confirmed {
		e.outcome = refuted
	}
	e.lastAction = o.now
	return true
}

// resumeSuspect makes a direction that waited the suspect again.
func (d *direction) resumeSuspect(o observation) {
	d.enter(suspectAgain)
	e := &d.episode
	if e.outcome == refuted {
		e.outcome = undecided
	}
	e.resumed, e.limitFrom, e.expectedDrop, e.lowestSince = o.now, d.limit, 0, -1
	d.lowerEstimate(o)
}

// credit decides which of two cuts has drained a queue that is gone: the earlier one,
// where the suspect of now has not been cut since, or not for long enough.
func (l *Law) credit(o observation) {
	if o.excess >= o.threshold || !o.fresh || o.oneWayKnown {
		return
	}
	for _, d := range Directions {
		first, second := &l.dirs[d], &l.dirs[1-d]
		if first.phase == wait && second.phase == drain && second.episode.outcome != confirmed && !second.mayHelp(o) {
			first.episode.outcome = undecided
		}
	}
}

// mayHelp reports that a queue that falls may be the work of the cut, where another is
// in force: the limit is lower than when the direction became the suspect, and has been
// for long enough.
func (d *direction) mayHelp(o observation) bool {
	e := &d.episode
	return d.limit <= untriedShare*e.limitFrom && (e.tested || !d.tooSoon(o, max(e.inForceAt, e.resumed)))
}

// exhausted reports a cut that has gone deep, holds the flow, and has been in force
// for long enough to have shown, were the queue its own.
func (d *direction) exhausted(o observation) bool {
	return d.nearFloor() && d.busy(o.now) && d.episode.inForce() && o.now-d.episode.inForceAt > exhaustedAfter+o.loop
}

// nearFloor reports a limit far below what it was before the cut, or as low as can be.
func (d *direction) nearFloor() bool {
	return d.limit <= nearFloorShare*d.episode.limitBefore || d.limit <= atFloorShare*float64(d.cfg.Lowest())
}

// exonerate takes back the cut of a direction that has nothing to do with the delay.
// Before that becomes the idle RTT, the other direction is tried.
func (l *Law) exonerate(o observation, which Direction) {
	l.dirs[which].exonerate(o)
	if !l.tryOther(o) {
		l.rebaseline(o.now)
	}
}

// exonerate takes back a cut that has changed nothing.
func (d *direction) exonerate(o observation) {
	d.revert(o, BaselineReset)
	d.capacity.rate = max(d.capacity.rate, d.capacity.stable)
	d.tried = o.now
}

// tryOther cuts a direction that carries something and has not been tried
// lately, before a delay that the other one did not cause is taken for the idle
// RTT: it could be its queue, under a limit far above the capacity.
func (l *Law) tryOther(o observation) bool {
	for _, d := range Directions {
		if l.worthTrying(o, d) {
			l.dirs[d].cut(o.forDirection(d))
			return true
		}
	}
	return false
}

// worthTrying reports that which carries something of its own, more than what
// acknowledges the little that the other still carries, and has not been tried
// lately. Its limit may lie far above the capacity. When nothing has helped for
// long, it need not be more: on a line lopsided enough it never is.
func (l *Law) worthTrying(o observation, which Direction) bool {
	d, suspect := &l.dirs[which], &l.dirs[1-which]
	lately := d.tried > 0 && o.now-d.tried < retryOther
	own := d.achieved > suspect.achieved/ratePerAcks || o.now-suspect.episode.lastDrop > giveUpAfter+times(giveUpTrips, o.view.Base)
	return d.phase == hold && d.load >= 0 && !d.idle() && own && !lately
}
