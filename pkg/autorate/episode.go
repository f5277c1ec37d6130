package autorate

import "time"

// phase is what a direction is about.
type phase uint8

const (
	hold  phase = iota // no queue of its own: the limit stays or is raised
	drain              // cut below the capacity until the queue is gone
	wait               // the cut has not helped so far: the other direction is tried
)

// event is what moves a direction from one phase to another.
type event uint8

const (
	congested    event = iota // a queue has formed that this direction likely causes
	noEffect                  // its cut does not help
	suspectAgain              // nor does that of the other direction
	episodeOver               // the queue is gone, or was never its own
)

// transitions lists the phase after each event in each phase; what is not listed
// cannot happen.
var transitions = map[phase]map[event]phase{
	hold:  {congested: drain},
	drain: {noEffect: wait, episodeOver: hold},
	wait:  {suspectAgain: drain, episodeOver: hold},
}

// enter moves to the phase that follows e.
func (d *direction) enter(e event) {
	if next, ok := transitions[d.phase][e]; ok {
		d.phase = next
	}
}

// outcome is what a cut has shown of whose queue it was.
type outcome uint8

const (
	undecided outcome = iota
	confirmed         // the cut helps, or less came through than the limit lets
	refuted           // it does not: likely the other direction's
)

// episode is what is known of one congestion episode: it begins with a cut and ends
// when the queue is gone or was never this direction's.
type episode struct {
	began          time.Duration
	limitBefore    float64
	limitFrom      float64 // that, or the limit when it became the suspect again
	capacityBefore float64 // estimate
	achievedBefore float64
	noisy          bool // the line: more air is left below the capacity, and probes come seldom

	outcome   outcome
	tested    bool          // a test pulse was answered
	inForceAt time.Duration // when the router has confirmed the cut; 0: not yet
	revised   time.Duration // when the cut last turned out too small
	resumed   time.Duration // when it became the suspect again

	peak       time.Duration // highest excess
	lowest     time.Duration
	lastDrop   time.Duration // when the excess last made a new low
	lastAction time.Duration // when something was last done about it not falling
	idleFor    time.Duration // for how long the flow that was cut has been gone
	floorGrace time.Duration // for how long a floor that is too high is borne yet
	flat       flatDelay

	expectedDrop time.Duration // by how much the excess should have fallen since the cut could be seen
	expectedFrom time.Duration // excess then
	lowestSince  time.Duration // lowest since; -1 before
}

// newEpisode is an episode that begins now with what is in force.
func (d *direction) newEpisode(o observation) episode {
	e := episode{
		began: o.now, limitBefore: d.limit, limitFrom: d.limit, capacityBefore: d.capacity.rate, achievedBefore: d.achieved, noisy: o.noisy,
		peak: o.excess, lowest: o.excess, lastDrop: o.now, lastAction: o.now,
		floorGrace: floorPatience + o.loop, lowestSince: -1,
	}
	if d.capacity.rate > 0 {
		e.capacityBefore = max(d.capacity.rate, d.capacity.proven)
	}
	e.flat.reset(o.now)
	return e
}

// track keeps how the excess falls, and reports whether it is by now clearly below
// its peak.
func (e *episode) track(o observation) (dropped bool) {
	switch {
	case o.excess < e.lowest-times(newLow, e.lowest):
		e.lowest, e.lastDrop = o.excess, o.now
		return o.excess < times(confirmedDrop, e.peak)
	case o.excess > e.lowest && o.now-e.began < o.loop:
		e.lowest, e.lastDrop = o.excess, o.now // still growing from before the cut
	}
	return false
}

// inForce reports that the router has confirmed the cut.
func (e *episode) inForce() bool { return e.inForceAt > 0 }

// flowEnded reports that the flow that was cut has ended.
func (e *episode) flowEnded() bool { return e.idleFor > idleSwitch }
