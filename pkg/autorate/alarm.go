package autorate

import "time"

// accused reports a drain that is still thought to help.
func (l *Law) accused(now time.Duration) bool {
	for _, d := range Directions {
		if dir := &l.dirs[d]; dir.mode == drain && (!dir.passive || now-dir.cutAt < 2*time.Second) {
			return true
		}
	}
	return false
}

// hearOther cuts a direction that carries something and has not been tried
// lately, before a delay that the other one did not cause is taken for the idle
// RTT: it could be its queue, under a limit far above the capacity.
func (l *Law) hearOther(s sight) bool {
	for _, d := range Directions {
		if dir := &l.dirs[d]; dir.worthHearing(s, &l.dirs[1-d]) {
			dir.cut(s.of(d), d)
			return true
		}
	}
	return false
}

func (l *Law) draining() bool {
	return l.dirs[Download].mode == drain || l.dirs[Upload].mode == drain
}

// alarm cuts the direction that the evidence names. Where it names both, the
// likelier one goes first; if that does not help, drain turns to the other.
func (l *Law) alarm(s sight) {
	if s.excess < s.threshold {
		return
	}
	if s.told {
		l.alarmTold(s)
		return
	}
	suspect, most := Download, 0.0
	for _, d := range Directions {
		w := l.dirs[d].suspicion(s, d, &l.dirs[1-d])
		if w == 0 && l.verify.allowed(s.now) {
			w = l.dirs[d].doubt(s, &l.dirs[1-d])
		}
		if w > most {
			suspect, most = d, w
		}
	}
	if s.view.OneWay && l.dirs[1-suspect].load >= loaded {
		most /= 2 // who it was will be told in a moment
	}
	if most > 0 && float64(l.cusum)*most > float64(l.enough(s, suspect)) {
		l.dirs[suspect].cut(s, suspect)
		l.plateau.cuts++
		l.cusum = 0
	}
}

// enough is the accumulated excess at which a direction is cut.
func (l *Law) enough(s sight, d Direction) time.Duration {
	if l.dirs[d].probing(s) {
		return l.noise.hasty(s.threshold)
	}
	return 2 * s.threshold
}

// alarmTold cuts every loaded direction in which a queue is told to stand.
func (l *Law) alarmTold(s sight) {
	for _, d := range Directions {
		dir := &l.dirs[d]
		if l.cusum > l.enough(s, d) && s.ways[d] > s.threshold && (dir.load >= loaded || dir.starved(s.now)) {
			dir.cut(s.of(d), d)
			l.plateau.cuts++
		}
	}
	if l.draining() {
		l.cusum = 0
	}
}

// blamable reports that the direction carries enough to have a queue behind or
// before its shaper. The acknowledgements of a download load the upload without
// filling it, so an upload has to be at its limit.
func (d *direction) blamable(now time.Duration, which Direction) bool {
	if which == Upload {
		return d.starved(now) || d.binding(now)
	}
	return d.starved(now) || d.load >= loaded
}

// suspicion weighs how likely a queue on the path is this direction's doing:
// 0 not at all, 1 as likely as not, above 1 when evidence supports it. The
// alarm threshold is divided by it.
func (d *direction) suspicion(s sight, which Direction, other *direction) float64 {
	starved := d.starved(s.now)
	if d.load < 0 || (d.load < loaded && !starved) {
		return 0
	}
	if !other.blamable(s.now, 1-which) {
		if starved {
			return 2
		}
		return 1
	}
	if !d.blamable(s.now, which) {
		return 0
	}
	switch {
	case d.lowest() && d.stepped > other.stepped:
		return 0.25
	case d.lowest():
		return 0.2 // nothing is left to cut
	case d.acquitted(s, which):
		return 0.2
	case which == Download && d.waning(s):
		return 0.3
	case which == Upload && other.waning(s):
		return 1.5
	case starved && which == Download:
		return 1.5
	case other.acquitted(s, 1-which):
		return 1
	case d.beyond(s.now) != other.beyond(s.now):
		if d.beyond(s.now) {
			return 1 // raised to where nothing is known: the likeliest cause
		}
		return 0.3
	case s.now-d.stepped < s.loop+verdict && d.stepped > other.stepped:
		return 1 // raised last
	}
	return 0.5
}

// waning reports a download that has become less by more than a queue of its own
// would grow by, and by about as much as the longer round trip explains: its
// acknowledgements are late, so the queue stands in the upload. Where clocks tell
// the directions apart nobody needs to guess.
func (d *direction) waning(s sight) bool {
	recent, _ := d.meter.rate(80 * time.Millisecond)
	before, _ := d.meter.rate(380 * time.Millisecond)
	explained := before * float64(s.view.Base) / float64(s.view.Base+s.excess)
	return !s.view.OneWay && d.meter.idleNow() && before > recent*(1+max(0.03, 1.5*s.slope)) &&
		recent > 0.9*explained && recent < 2*explained
}

// lowest reports a limit that the floor of its state keeps from being cut.
func (d *direction) lowest() bool {
	return d.rate <= 1.01*float64(d.cfg.Floor[max(d.state, Green)-1])
}

// doubt is the suspicion against a direction that carries little of its limit,
// when the delay is high and nobody else is suspect: the limit may lie far above
// the capacity. It is weak, since the delay may be somebody else's; the cut that
// follows is verified, and taken back if it cures nothing.
func (d *direction) doubt(s sight, other *direction) float64 {
	if d.rising() || d.load < 0 || d.faint() && !d.rose || d.load >= loaded || other.load >= loaded || s.excess < 4*s.threshold || d.load*d.applied < other.load*other.applied {
		return 0
	}
	return 0.2
}

// beyond reports a limit above what is known to be carried.
func (d *direction) beyond(now time.Duration) bool {
	return d.known(now) && d.rate > 0.995*max(d.edge, d.proven)
}
