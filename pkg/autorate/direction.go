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
	// echo is the share of a capacity that a cut goes by, at the least, where its
	// queue is likely an echo, or the start of a flow.
	echo = 0.85
	// ended is the share of its limit below which a flow that was cut has ended.
	ended = 0.1
	// stopPeak is the least queue whose end says something about the capacity.
	stopPeak = 25 * time.Millisecond
	// drainScale is the queue at which a drain goes all the way down.
	drainScale = 150 * time.Millisecond

	holdShort = 600 * time.Millisecond // at an estimate still rough
	holdFirst = 1500 * time.Millisecond
	holdLong  = 2200 * time.Millisecond // where probes keep failing at the same place
	// On a noisy link a probe finds the edge later and costs more delay, so it waits
	// longer, by noisyHold times the noise above noisy.
	noisyHold = 400
	noisy     = 3500 * time.Microsecond
	usualOver = 2 * time.Second // the mean of what is carried without delay
	// onsetWithin is how soon after the last sample without delay a throughput has to
	// have risen to be its cause.
	onsetWithin = 1500 * time.Millisecond
	stepEvery   = 200 * time.Millisecond
	// A limit refuted times a capacity that was seen, and no queue: that capacity
	// has grown, to nobody knows what, and steps are leap times as long.
	refuted  = 1.06
	leap     = 5.0 / 3
	knownFor = 10 * time.Minute // after that a capacity is only a memory
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
	own     float64 // what of it is our own probes
	usual   float64 // mean throughput without delay, while it carries little
	rose    bool    // clearly above that when the delay began
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
	firm    float64 // capacity that had stood for a while before the first of the cuts in a row
	echoed  float64 // capacity that the cut is not believed to refute; 0 none
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
	if d.mode == drain && !d.acted && (d.applied < d.cutFrom || d.applied < d.rate*1.01+float64(MinChange)) {
		d.acted, d.actedAt = true, now
	}
	d.history.add(now, bitrate.Rate(d.applied))
	if !d.meter.fresh(now) {
		d.load, d.through, d.own = -1, 0, 0
		return
	}
	d.through, d.own, _ = d.meter.rates(loadSpan)
	d.load = d.through / d.applied
}

// faint reports a direction that carries too little, beside our own probes, to
// build a queue.
func (d *direction) faint() bool { return d.load >= 0 && d.through-d.own < faint*d.applied }

// attribute notes whether a delay began with a rise of what d carries, however little
// of its limit that is. calmAt is the time of the last sample without delay.
func (d *direction) attribute(s sight, calmAt time.Duration) {
	carried := d.through - d.own
	more := carried > 1.5*d.usual+negligible
	switch {
	case calmAt == s.now:
		d.rose = false
		if d.faint() {
			d.usual += min(1, (s.now-s.before).Seconds()/usualOver.Seconds()) * (carried - d.usual)
		}
	case calmAt > 0 && s.now-calmAt < onsetWithin:
		d.rose = d.rose || more
	default:
		d.rose = d.rose && more // it has ended, and the delay has not
	}
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

// acquitted reports that the shaper was seen limiting the flow just now. In
// the download it sits behind the bottleneck, so then nothing before it binds.
func (d *direction) acquitted(s sight, which Direction) bool {
	return which == Download && d.load > 0.9 && d.meter.fresh(s.now) && !d.meter.idleNow()
}

// rising reports a flow that is only getting going: what it carries now is not
// what it could, and a link that sleeps wakes up late.
func (d *direction) rising() bool {
	now, _ := d.meter.rate(150 * time.Millisecond)
	before, _ := d.meter.rate(600 * time.Millisecond)
	return now > 1.25*before
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

// remember keeps the capacity that has stood for a while, for when cuts come in a
// row and the newest estimate is no longer the best.
func (d *direction) remember(s sight) {
	if d.mode != steady || s.now-d.since < rebound {
		return
	}
	d.firm = d.proven
	if d.known(s.now) {
		d.firm = max(d.proven, d.edge)
	}
}

// explain finds the reason when nothing is about to change.
func (d *direction) explain(s sight) {
	switch {
	case d.load < 0 && d.reason == Starting:
	case d.load < 0:
		d.reason = NoCounters
	case d.load < loaded && s.excess > s.threshold:
		d.reason = ExternalDelay
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
