package autorate

import "time"

// pulse answers one question: is a delay that a cut did not cure ours? It
// halves the limit of the suspect for a moment. A queue of ours must fall; a
// capacity that collapsed further makes it grow; a delay that does neither
// is another route, and becomes the new baseline.
//
// The pulse goes below the floors of the milder states, down to the lowest. Where
// even that is not low enough to halve what flows, there is no pulse and so no
// verdict: the limit stays at its floor.
//
// "Flat delay is the new baseline" without this test would be fatal: a standing
// queue is flat too.
type pulse struct {
	running    bool
	began      time.Duration // of the newest one, running or not; 0: none yet
	low, high  time.Duration // excess below which a queue has fallen, above which it has grown
	lowest     time.Duration // in the later half of the pulse: one odd sample must not decide
	persistent bool          // the test is whether a persistent delay is ours

	counted [pulsesMost]time.Duration // when those pulses began that bound the others
	n       int                       // of those
}

// allowed bounds how often traffic is disturbed for an answer. A persistent delay that
// was another route's is not counted: the line is the better for it.
func (p *pulse) allowed(now time.Duration) bool {
	if p.began > 0 && now-p.began < pulseSpacing {
		return false
	}
	return p.n < pulsesMost || now-p.counted[p.n%pulsesMost] > pulseWindow
}

// startPulse begins a test after a cut that has not brought the excess down, and
// after several cuts that have left a persistent delay which a queue of this
// direction would be odd to leave. Another route never shows less than the lowest
// of it, so clearly less is a queue that falls.
func (l *Law) startPulse(o observation) (started bool) {
	p := &l.pulse
	for _, d := range Directions {
		dir := &l.dirs[d]
		if dir.phase != drain || dir.load < 0 || dir.achieved <= 0 ||
			float64(dir.cfg.Lowest()) >= pulseFloor*dir.achieved || !p.allowed(o.now) {
			continue
		}
		odd := dir.busy(o.now) && !dir.episode.inForce() // in the download: then nothing stood before it
		if d == Upload {
			odd = !o.view.OneWay || !l.dirs[1-d].loaded() // or clocks know better
		}
		peak := dir.episode.peak
		switch {
		case o.now-dir.episode.began > pulseAfter+o.loop && o.excess > times(pulseFell, peak):
			p.low, p.high, p.persistent = times(pulseFell, peak), times(pulseGrew, peak), false
		case odd && l.persistent.stands(o):
			p.low, p.high, p.persistent = times(persistentFell, l.persistent.lowest), times(pulseGrew, l.persistent.highest), true
		default:
			continue
		}
		p.running, p.began, p.lowest = true, o.now, -1
		l.dirs[Download].lowerForPulse()
		l.dirs[Upload].lowerForPulse()
		return true
	}
	return false
}

// lowerForPulse halves what is being drained.
func (d *direction) lowerForPulse() {
	if d.phase != hold && d.load >= 0 && d.achieved > 0 {
		d.episode.tested = true
		d.limit = d.bounded(min(d.limit, d.capacity.rate*pulseShare, d.achieved*pulseShare))
		d.reason = Verifying
	}
}

// endPulse waits for the pulse to end, and draws the conclusion.
func (l *Law) endPulse(o observation) {
	p := &l.pulse
	age, length := o.now-p.began, pulseLength+o.loop
	if o.fresh && age > length/2 && (p.lowest < 0 || o.excess < p.lowest) {
		p.lowest = o.excess
	}
	if age < length || p.lowest < 0 && age < 2*length {
		for _, d := range Directions {
			if l.dirs[d].phase != hold {
				l.dirs[d].reason = Verifying
			}
		}
		return
	}
	p.running, l.persistent = false, persistentDelay{since: o.now}
	grew, fell, exonerated := p.lowest > p.high, p.lowest < p.low, false
	if grew || fell || !p.persistent {
		p.counted[p.n%pulsesMost] = p.began
		p.n++
	}
	for _, d := range Directions {
		dir := &l.dirs[d]
		if dir.phase == hold {
			continue
		}
		e := &dir.episode
		switch {
		case grew && l.switchSuspect(o, d):
			dir.reason = Draining
		case grew:
			dir.capacity.rate *= pulseLower
			e.peak, e.lowest, e.lastDrop = o.excess, o.excess, o.now
			dir.lower(dir.capacity.rate * depth(o.excess))
			dir.reason = Draining
		case fell:
			e.lowest, e.lastDrop = o.excess, o.now
			dir.reason = Draining
		default:
			dir.exonerate(o)
			exonerated = true
		}
	}
	if exonerated && !l.tryOther(o) {
		l.rebaseline(o.now)
	}
}

// persistentDelay is an excess that never gets low, however often something is cut. A
// route that became a few milliseconds longer looks like that: jitter takes the
// excess across the threshold and back, so every cut seems to have helped, and
// the limit goes down a ladder that has no end.
type persistentDelay struct {
	since           time.Duration
	lowest, highest time.Duration // of the excess since then
	cuts            int
}

// add takes in the excess of a step.
func (p *persistentDelay) add(o observation) {
	if o.excess < times(persistentLow, o.threshold) {
		*p = persistentDelay{since: o.now}
		return
	}
	if p.highest == 0 || o.excess < p.lowest {
		p.lowest = o.excess
	}
	p.highest = max(p.highest, o.excess)
}

// stands reports that it is worth a pulse to see whether the delay is ours at all.
// What is far above the threshold is no small matter of a longer route.
func (p *persistentDelay) stands(o observation) bool {
	return p.cuts >= persistentCuts && o.now-p.since > persistentFor && o.excess < persistentHigh*o.threshold
}

// external reports a drain that has shown, deep enough and for long enough,
// that the delay does not depend on this direction.
func (d *direction) external(o observation) bool {
	if d.phase == hold || !d.nearFloor() || !d.busy(o.now) {
		d.episode.flat.reset(o.now)
		return false
	}
	return o.fresh && d.episode.flat.add(o.now, o.excess)
}

// flatDelay notices, without another pulse, that a drain has become one: the limit
// is deep down, the shaper holds the flow to it, and the delay does not fall.
// It keeps a drain from lasting for ever. A delay above flatMost is not
// believed: it could be a buffer kept full by a capacity below the floor.
type flatDelay struct {
	since  time.Duration // begin of the current stretch
	lowest time.Duration // in it
	before time.Duration // lowest of the stretch before, 0 for none
}

func (f *flatDelay) reset(now time.Duration) { *f = flatDelay{since: now, lowest: -1} }

// add reports whether two stretches in a row showed the same delay.
func (f *flatDelay) add(now, excess time.Duration) bool {
	if f.lowest < 0 || excess < f.lowest {
		f.lowest = excess
	}
	if now-f.since < flatFor {
		return false
	}
	before, lowest := f.before, f.lowest
	f.since, f.lowest, f.before = now, -1, lowest
	within := max(times(flatWithin, before), flatNoise)
	return before > 0 && lowest < flatMost && lowest > before-within && lowest < before+within
}
