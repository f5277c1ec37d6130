package autorate

import (
	"math"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// mode is what a direction is about.
type mode uint8

const (
	steady mode = iota // holding or climbing
	drain              // cut below the capacity until the queue is gone
)

const (
	// settleDown and settleUp are the shares of the capacity a direction settles
	// on. The download's bursts meet the bottleneck before the shaper and need
	// some air; the upload reaches it paced.
	settleDown, settleUp = 0.975, 0.985
	// deepest bounds how far below the capacity a drain goes: deeper starves
	// TCP and the link stays empty long after the queue is gone.
	deepest = 0.45
	// rebound is how long after a drain a new queue is likely its echo.
	rebound = time.Second
	// ended is the share of its limit below which a flow that was cut has ended.
	ended = 0.1
	// drainScale is the queue at which a drain goes all the way down.
	drainScale = 150 * time.Millisecond

	holdShort = 600 * time.Millisecond // at an estimate still rough
	holdFirst = 1500 * time.Millisecond
	holdLong  = 2200 * time.Millisecond // where probes keep failing at the same place
	stepEvery = 200 * time.Millisecond
	knownFor  = 10 * time.Minute // after that a capacity is only a memory
)

// direction is the law's state for one direction. Rates are bit/s.
type direction struct {
	cfg     DirectionConfig
	share   float64 // of the capacity, to settle on
	meter   meter
	history limitHistory

	rate    float64 // the wanted limit
	applied float64 // the limit in force
	load    float64 // share of applied in use; -1 unknown
	through float64 // measured throughput
	edge    float64 // estimated capacity; 0 unknown
	edgeAt  time.Duration

	mode     mode
	since    time.Duration // when the mode, or the hold within it, began
	pause    time.Duration // how long to hold at the edge before probing
	stepped  time.Duration // last raise
	proven   float64       // limit that was in use for a while without a queue
	waited   time.Duration // when it last had to leave probing to the other direction
	failures int           // probes in a row that failed at the same place

	murmur murmur

	cutAt   time.Duration
	cutFrom float64 // limit before the cut, for undoing it
	cutEdge float64 // capacity estimate before the cut
	acted   bool    // the router has confirmed the cut, at actedAt
	actedAt time.Duration
	revised time.Duration // when the cut last turned out too small
	// cutThrough is the throughput at the cut.
	cutThrough float64
	peak       time.Duration // highest excess since the cut
	falling    time.Duration // when the excess last made a new low
	retried    time.Duration // when something was last done about it not falling
	low        time.Duration
	flat       flatness
	patient    time.Duration // for how long a floor that is too high is borne yet
	gone       time.Duration // for how long the flow that was cut has been gone
	verified   bool          // a verification answered for this cut
	innocent   bool          // the cut did not help: the other direction was to blame
	passive    bool          // waits while the other direction is tried
	guilty     bool          // the cut did help, or less came through than the limit lets

	resumed  time.Duration // when it became the suspect again
	owed     time.Duration // by how much the excess should have fallen since the cut could be seen
	owedFrom time.Duration // excess then
	answer   time.Duration // lowest since; -1 before

	heard   bool // a dip showed that the delay is not its doing, at heardAt
	heardAt time.Duration

	state    State
	reason   Reason
	reported DirectionDecision
}

func (d *direction) init(cfg DirectionConfig, inForce bitrate.Rate) {
	if inForce <= 0 {
		inForce = cfg.Ceiling
	}
	rate := float64(inForce.Clamp(cfg.Lowest(), cfg.Ceiling))
	m, h := d.meter, d.history // what was measured stays true
	*d = direction{cfg: cfg, share: d.share, meter: m, history: h, rate: rate, applied: rate, load: -1, state: Green, reason: Starting}
}

// observe refreshes load and history from what the router confirmed.
func (d *direction) observe(now time.Duration, applied bitrate.Rate) {
	if applied > 0 {
		d.applied = float64(applied)
	}
	if d.mode == drain && !d.acted && (d.applied < d.cutFrom || d.applied < d.rate*1.01+float64(quantum)) {
		d.acted, d.actedAt = true, now
	}
	d.history.add(now, bitrate.Rate(d.applied))
	if !d.meter.fresh(now) {
		d.load, d.through = -1, 0
		return
	}
	d.through, _ = d.meter.rate(loadSpan)
	d.load = d.through / d.applied
}

// busy reports that the shaper itself limits the flow.
func (d *direction) busy(now time.Duration) bool {
	return d.meter.busyWithin(now, 250*time.Millisecond)
}

// starved reports a download-like loss of throughput: the shaper was binding a
// moment ago, is empty now, and less comes through than it would let.
func (d *direction) starved(now time.Duration) bool {
	return d.load >= 0.05 && d.load < 0.93 && d.meter.idleNow() && d.meter.busyWithin(now, 1500*time.Millisecond)
}

// binding reports that the limit is what holds the flow. A shaper that is seen
// queueing or dropping says so itself; the bytes it counts may be fewer than
// those it shapes, where it accounts for the overhead of the line.
func (d *direction) binding(now time.Duration) bool {
	return d.load > 0.85 || d.load > 0.5 && d.busy(now)
}

// probing reports that the limit has just been raised to where the capacity is
// known to end: a queue that appears now has a cause.
func (d *direction) probing(s sight) bool {
	return d.mode == steady && d.edge > 0 && d.rate > d.share*d.edge && s.now-d.stepped < s.loop+600*time.Millisecond
}

// beyond reports a limit above what is known to be carried.
func (d *direction) beyond(now time.Duration) bool {
	return d.known(now) && d.rate > 0.995*max(d.edge, d.proven)
}

// wantsMore reports that a higher limit would be used.
func (d *direction) wantsMore(now time.Duration) bool {
	return d.binding(now) && d.rate < float64(d.cfg.Ceiling)
}

// acquitted reports that the shaper was seen limiting the flow just now. In
// the download it sits behind the bottleneck, so then nothing before it binds.
func (d *direction) acquitted(s sight, which Direction) bool {
	return which == Download && d.load > 0.9 && d.meter.fresh(s.now) && !d.meter.idleNow()
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

// lowest reports a limit that the floor of its state keeps from being cut.
func (d *direction) lowest() bool {
	return d.rate <= 1.01*float64(d.cfg.Floor[max(d.state, Green)-1])
}

// doubt is the suspicion against a direction that carries little of its limit,
// when the delay is high and nobody else is suspect: the limit may lie far above
// the capacity. It is weak, since the delay may be somebody else's; the cut that
// follows is verified, and taken back if it cures nothing.
func (d *direction) doubt(s sight, other *direction) float64 {
	if d.rising() || d.load < faint || d.load >= loaded || other.load >= loaded || s.excess < 4*s.threshold || d.load*d.applied < other.load*other.applied {
		return 0
	}
	return 0.2
}

// rising reports a flow that is only getting going: what it carries now is not
// what it could, and a link that sleeps wakes up late.
func (d *direction) rising() bool {
	now, _ := d.meter.rate(150 * time.Millisecond)
	before, _ := d.meter.rate(600 * time.Millisecond)
	return now > 1.25*before
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
		d.reason = Returning
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
		d.raise(s, max(d.rate*(1+g), d.applied+float64(quantum))) // less would not be written
		d.reason = Climbing
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

func (d *direction) bounded(rate float64) float64 {
	return max(float64(d.cfg.Lowest()), min(rate, float64(d.cfg.Ceiling)))
}

// hold keeps the clocks of holding and draining from running on while there is
// nothing to see.
func (d *direction) hold(now time.Duration) {
	d.falling, d.reason = now, Held
	if d.mode == steady {
		d.since = now
	}
}

// park leaves the limit just below the capacity while nothing can be seen. A
// drain that has had a second is over.
func (d *direction) park(s sight) {
	switch {
	case d.mode == drain && s.now-d.cutAt > time.Second && (d.innocent || d.gone > 250*time.Millisecond):
		d.release(s.now)
	case d.mode == drain && s.now-d.cutAt > time.Second:
		d.settle(s)
	case d.mode == steady && d.load >= loaded && d.edge > 0:
		d.rate = min(d.rate, d.bounded(d.share*d.edge))
	}
}

// explain finds the reason when nothing is about to change.
func (d *direction) explain(s sight) {
	switch {
	case d.load < 0 && d.reason == Starting:
	case d.load < 0:
		d.reason = NoCounters
	case d.load < loaded && s.excess > s.threshold:
		d.reason = NotOurs
	case d.load < loaded:
		d.reason = Idle
	case !d.wantsMore(s.now) && d.rate >= float64(d.cfg.Ceiling):
		d.reason = AtCeiling
	default:
		d.reason = Holding
	}
}

func (d *direction) report(now time.Duration, state State) DirectionDecision {
	d.state = state
	r := DirectionDecision{
		Limit: quantise(d.rate).Clamp(d.cfg.Lowest(), d.cfg.Ceiling), State: state, Reason: d.reason, Load: d.load,
		Throughput: bitrate.Rate(d.through), Capacity: bitrate.Rate(d.edge),
	}
	if d.edge > 0 {
		r.CapacityAge = now - d.edgeAt
	}
	r.Changed = r.Limit != d.reported.Limit || r.State != d.reported.State || r.Reason != d.reported.Reason
	d.reported = r
	return r
}

// quantise rounds to whole kbit/s: RouterOS shows such limits readably.
func quantise(rate float64) bitrate.Rate {
	return bitrate.Rate(math.Round(rate/1000)) * bitrate.Kbps
}
