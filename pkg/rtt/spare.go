package rtt

import (
	"slices"
	"time"
)

const (
	// spareRing is how many recent RTTs of a spare its idle RTT is computed from when
	// it comes into use, and spareLeast how many it takes.
	spareRing  = 20
	spareLeast = 8
	// sameBaseline, or a sixteenth, is the difference up to which a spare keeps the
	// baseline that it had so far, which is a minimum where the other is a median.
	sameBaseline = 3 * time.Millisecond
	// glide is the time constant with which the combined baseline moves to the
	// distance of the reflectors in use after a replacement.
	glide = 10 * time.Minute
)

// spareState is the recent RTTs of a spare less the combined excess of the
// reflectors in use at the time. A spare that comes into use under load thereby gets
// a baseline that agrees with theirs.
type spareState struct {
	active bool
	idle   [spareRing]time.Duration
	n      int
}

func (s *spareState) add(idle time.Duration) {
	s.idle[s.n%spareRing] = idle
	s.n++
}

// median returns the median, 0 when too little is known.
func (s *spareState) median() time.Duration {
	n := min(s.n, spareRing)
	if n < spareLeast {
		return 0
	}
	idle := s.idle
	slices.Sort(idle[:n])
	return max(idle[n/2], time.Microsecond)
}

// Spare reports whether the reflector is not in use.
func (r *Reflector) Spare() bool { return r.spare.active }

// join makes a spare one in use, from probe seq on.
func (r *Reflector) join(seq uint32) {
	idle, base := r.spare.median(), r.base.Value()
	if idle > 0 && (base == 0 || (idle-base).Abs() > max(sameBaseline, base/16)) {
		r.Rebase(idle)
	}
	// Spares are probed rarely: an old unanswered probe is no evidence.
	r.firstSeq, r.nextSeq = seq, seq
	r.spare = spareState{}
}

// observeSpare updates whether r is a spare, and its RTTs if it is. It comes before
// Reflector.Observe.
func (p *Path) observeSpare(r *Reflector, e Event) {
	switch {
	case e.Kind == Spare:
		if !r.spare.active {
			r.spare = spareState{active: true}
			p.distance.changed = p.distance.changed || r.replied
		}
	case !r.spare.active:
	case e.Kind == Sent:
		r.join(e.Seq)
		p.distance.changed = true
	case e.Kind == Reply && e.RTT > 0:
		if excess, alive := p.combine(e.At, (*Reflector).excess); alive > 0 {
			r.spare.add(e.RTT - excess)
		}
	}
}

// complete reports whether all reflectors that are probed and in use are alive.
func (p *Path) complete(now time.Duration) bool {
	alive := false
	for i := range p.count {
		r := &p.reflectors[i]
		switch {
		case r.alive(now, p.Interval, p.Slow):
			alive = true
		case !r.spare.active && r.probed(now, max(p.Interval, p.Slow)):
			return false
		}
	}
	return alive
}

// probed reports whether a probe was sent recently.
func (r *Reflector) probed(now, interval time.Duration) bool {
	return r.nextSeq > 0 && now-r.lastSent() < max(aliveAtLeast, 3*interval)
}

// distance keeps the combined baseline continuous when one reflector replaces
// another that is nearer or farther away.
type distance struct {
	changed bool          // a reflector joined or left since the set was last complete
	last    time.Duration // combined baseline when it was, at the reported distance
	farther time.Duration // how much farther away the reflectors are
	at      time.Duration
}

// update returns how much farther the reflectors are than the reported baseline, given
// their combined baseline at now. It compares complete sets only: the combined
// baseline also changes while a reflector is silent.
func (d *distance) update(now, base time.Duration, complete bool) time.Duration {
	if d.farther != 0 {
		d.farther -= time.Duration(float64(d.farther) * min(1, float64(now-d.at)/float64(glide)))
	}
	d.at = now
	if complete {
		if d.changed && d.last > 0 {
			d.farther = base - d.last
		}
		d.changed, d.last = false, base-d.farther
	}
	return min(d.farther, base-base/8) // the reported one stays positive
}
