package autorate

import "time"

// Where both directions carry load and nothing tells them apart, cutting one is
// an experiment: a queue of its own has to fall. If it does not, it is the other
// one's turn. The one that waits stays where it is.

const (
	stuckAfter = 300 * time.Millisecond
	patience   = 2 * time.Second // with a floor under which nothing drains
	helpless   = 5 * time.Second // after that everything is tried
	// owedLeast is by how much a queue has to be due to fall before its not
	// falling means something.
	owedLeast = 8 * time.Millisecond
)

// unanswered reports that a cut has been in force for so long that a queue of
// this direction would be seen to fall by now, and that it does not.
func (d *direction) unanswered(s sight, which Direction) bool {
	lag := s.effect + d.low + s.now - s.before
	if which == Download {
		lag += s.view.Base / 2 // senders have to hear of it
	}
	if !d.acted || d.edge <= 0 || s.now-max(d.actedAt, d.resumed) < lag {
		return false
	}
	if d.answer < 0 {
		d.answer, d.owedFrom = s.excess, s.excess
	}
	d.answer = min(d.answer, s.excess)
	d.owed += time.Duration(float64(s.now-s.before) * max(0, 1-d.applied/d.edge))
	return d.owed > max(owedLeast, 2*s.threshold) && d.owedFrom-d.answer < d.owed*3/10
}

// blame turns to the other direction when cutting this one did not help, and
// reports whether it did. By then this one's acknowledgements in the other have
// become few, so what the other still carries is its own.
func (d *direction) blame(s sight, which Direction, other *direction) bool {
	if s.told {
		return false // nobody needs to guess
	}
	less := d.through < 0.7*d.cutThrough
	switch {
	case other.mode == drain && other.passive:
		other.resume(s)
	case other.mode == drain, other.lowest() && s.now-d.cutAt < patience+s.loop:
		return false
	case other.blamable(s.now, 1-which), less && other.load >= loaded, d.spent(s) && other.worthHearing(s, d):
		other.cut(s, 1-which)
	default:
		return false
	}
	d.passive, d.innocent, d.retried = true, !d.guilty, s.now
	return true
}

// resume makes a direction that waited the suspect again.
func (d *direction) resume(s sight) {
	d.passive, d.innocent = false, false
	d.resumed, d.owed, d.answer = s.now, 0, -1
	d.retry(s)
}

// retry takes the capacity for a little lower when the queue does not fall,
// unless it was a floor that kept the limit from going below it.
func (d *direction) retry(s sight) {
	d.retried, d.low = s.now, s.excess
	if d.rate < 0.97*d.edge {
		d.edge *= 0.92
	}
}

// spent reports a cut that has gone deep, holds the flow, and has been in force
// for long enough to have shown, were the queue its own.
func (d *direction) spent(s sight) bool {
	return d.deep() && d.busy(s.now) && d.acted && s.now-d.actedAt > time.Second+s.loop
}

// deep reports a limit far below what it was before the cut, or as low as can be.
func (d *direction) deep() bool {
	return d.rate <= 0.6*d.cutFrom || d.rate <= 1.01*float64(d.cfg.Lowest())
}

// worthHearing reports that d carries something of its own, more than what
// acknowledges the little that suspect still carries, and has not been tried
// lately. Its limit may lie far above the capacity. When nothing has helped for
// long, it need not be more: on a line lopsided enough it never is.
func (d *direction) worthHearing(s sight, suspect *direction) bool {
	lately := d.heard && s.now-d.heardAt < 30*time.Second
	own := d.through > suspect.through/12 || s.now-suspect.falling > helpless
	return d.mode == steady && d.load >= 0 && !d.faint() && own && !lately
}
