package autorate

import (
	"math"
	"time"
)

// climb raises limits. What only goes back to where it was comes first. Where
// both directions are due to probe they take turns, so that a queue that follows
// a raise has one suspect; every turn begins with small steps. Where each can be
// told its own queue there is no need for that.
func (l *Law) climb(s sight) {
	if !s.calm || l.cusum > 0 || l.draining() {
		return
	}
	var wants, returns [2]bool
	for _, d := range Directions {
		dir := &l.dirs[d]
		wants[d] = dir.wantsMore(s.now)
		if dir.binding(s.now) && s.now-dir.stepped > s.loop+verdict {
			dir.proven = dir.rate
		}
		returns[d] = wants[d] && dir.returning(s.now)
	}
	both := wants[Download] && wants[Upload] && !s.view.OneWay
	if next := 1 - l.climber; l.dirs[next].due(s.now) && (s.now-l.climbing > turn+10*s.loop || !l.dirs[l.climber].due(s.now)) {
		l.climber, l.climbing = next, s.now
	}
	for _, d := range Directions {
		dir := &l.dirs[d]
		free := d == l.climber && !returns[1-d] && s.now-l.dirs[1-d].stepped > s.loop+verdict
		if both && !returns[d] && !free {
			dir.waited = s.now
			continue
		}
		dir.climb(s)
	}
}

// climb raises the limit while it binds: fast below a capacity that is known,
// slowly and then ever faster beyond it.
func (d *direction) climb(s sight) {
	if d.mode != steady || !d.wantsMore(s.now) || s.now-d.stepped < max(stepEvery, s.loop*3/2) {
		return
	}
	known := d.known(s.now)
	switch {
	case d.returning(s.now):
		goal := d.share * d.edge
		d.raise(s, min(max(d.rate*1.10, (d.rate+goal)/2), goal))
		d.reason = Recovering
	case !d.due(s.now):
	default:
		every := max(stepEvery, s.loop*3/2)
		age := s.now - d.since
		if known {
			d.pause = min(d.pause, age) // where it was cut short
			age = s.now - max(d.since+d.pause, d.waited)
		}
		most := 0.12 * min(2, float64(every)/float64(stepEvery)) // where the router is slow, steps are few
		g := min(most, 0.013*math.Pow(2, 3.5*age.Seconds()))
		if known && d.rate > refuted*d.edge {
			g = leap * most
		}
		d.raise(s, max(d.rate*(1+g), d.applied+float64(MinChange))) // less would not be written
		d.reason = Probing
	}
}

// known reports a capacity that was seen not too long ago.
func (d *direction) known(now time.Duration) bool { return d.edge > 0 && now-d.edgeAt < knownFor }

// returning reports a limit clearly below a capacity that is known.
func (d *direction) returning(now time.Duration) bool {
	return d.mode == steady && d.known(now) && d.rate < 0.95*d.share*d.edge
}

// due reports that it has held for long enough to probe beyond what is known.
func (d *direction) due(now time.Duration) bool {
	return !d.known(now) || now-d.since >= d.pause || d.murmur.gone()
}

// listen keeps what bursts usually sound like at this capacity.
func (d *direction) listen(s sight) {
	if !s.fresh || d.mode != steady || d.edge == 0 || !d.binding(s.now) || d.rate < 0.9*d.edge || d.rate > 1.02*d.edge {
		return
	}
	if s.now-d.since > 300*time.Millisecond && s.excess < s.threshold {
		d.murmur.add(s.now-s.before, s.excess)
	}
}

func (d *direction) raise(s sight, rate float64) {
	d.rate = d.bounded(max(d.rate, rate))
	d.stepped = s.now
}

// wantsMore reports that a higher limit would be used.
func (d *direction) wantsMore(now time.Duration) bool {
	return d.binding(now) && d.rate < float64(d.cfg.Ceiling)
}

// probing reports that the limit has just been raised to where the capacity is
// known to end: a queue that appears now has a cause.
func (d *direction) probing(s sight) bool {
	return d.mode == steady && d.edge > 0 && d.rate > d.share*d.edge && s.now-d.stepped < s.loop+600*time.Millisecond
}
