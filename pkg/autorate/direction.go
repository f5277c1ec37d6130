package autorate

import (
	"math"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// direction is the law's state for one direction. Rates are bit/s.
type direction struct {
	id      Direction
	cfg     DirectionConfig
	meter   meter
	history limitHistory
	traffic // as of the newest readings

	limit    float64 // the wanted one
	applied  float64 // the one in force
	onset    onset
	capacity capacity
	residual residualDelay

	phase   phase
	since   time.Duration // when the phase, or the hold within it, began
	holdFor time.Duration // before probing beyond the capacity
	raised  time.Duration // last raise
	waited  time.Duration // when it last had to leave probing to the other direction
	tried   time.Duration // when a cut has last shown that the delay is not its doing; 0: not for this queue
	episode episode       // the newest

	reason   Reason
	reported DirectionDecision
}

// traffic is what a direction carries.
type traffic struct {
	load     float64 // share of the applied limit; -1 unknown
	achieved float64 // rate
	own      float64 // what of it is our own probes
}

func (d *direction) init(cfg DirectionConfig, inForce bitrate.Rate) {
	if inForce <= 0 {
		inForce = cfg.Ceiling
	}
	limit := float64(inForce.Clamp(cfg.Lowest(), cfg.Ceiling))
	*d = direction{
		id: d.id, cfg: cfg, meter: d.meter, history: d.history, // what was measured stays true
		limit: limit, applied: limit, traffic: traffic{load: -1}, reason: Starting,
	}
}

// measure refreshes load and history from what the router confirmed.
func (d *direction) measure(now time.Duration, applied bitrate.Rate) {
	if applied > 0 {
		d.applied = float64(applied)
	}
	if e := &d.episode; d.phase != hold && !e.inForce() && (d.applied < e.limitBefore || d.applied < atFloorShare*d.limit+float64(MinChange)) {
		e.inForceAt = max(now, 1)
	}
	d.history.add(now, bitrate.Rate(d.applied))
	if !d.meter.fresh(now) {
		d.traffic = traffic{load: -1}
		return
	}
	d.achieved, d.own, _ = d.meter.rates(loadSpan)
	d.load = d.achieved / d.applied
}

// loaded reports that a queue is likely the doing of d.
func (d *direction) loaded() bool { return d.load >= loadedShare }

// idle reports a direction that carries too little, beside our own probes, to
// build a queue.
func (d *direction) idle() bool { return d.load >= 0 && d.carried() < idleShare*d.applied }

// risen reports that a delay began with a rise of throughput to what a cut can lower.
func (d *direction) risen() bool { return d.onset.rose && d.achieved > float64(d.cfg.Lowest()) }

// carried returns the throughput without our own probes.
func (d *direction) carried() float64 { return d.achieved - d.own }

// busy reports that the shaper itself limits the flow.
func (d *direction) busy(now time.Duration) bool { return d.meter.busyWithin(now, busySpan) }

// underused reports a download-like loss of throughput: the shaper was limiting a
// moment ago, is empty now, and less comes through than it would let.
func (d *direction) underused(now time.Duration) bool {
	return d.load >= underusedLeast && d.load < underusedMost && d.meter.idleNow() && d.meter.busyWithin(now, underusedSpan)
}

// binding reports that the limit is what holds the flow. A shaper that is seen
// queueing or dropping says so itself; the bytes it counts may be fewer than
// those it shapes, where it accounts for the overhead of the line.
func (d *direction) binding(now time.Duration) bool {
	return d.load > limitedShare || d.load > busyShare && d.busy(now)
}

// limited reports that a higher limit would be used.
func (d *direction) limited(now time.Duration) bool {
	return d.binding(now) && d.limit < float64(d.cfg.Ceiling)
}

// shaperBound reports that the shaper was seen limiting the flow just now. In
// the download it sits behind the bottleneck, so then nothing before it binds.
func (d *direction) shaperBound(now time.Duration) bool {
	return d.id == Download && d.load > heldShare && d.meter.fresh(now) && !d.meter.idleNow()
}

// holds reports that the shaper was seen limiting the flow within span. Packets of a
// noisy line come in bursts with gaps between, in which it is empty.
func (d *direction) holds(now, span time.Duration) bool {
	return d.id == Download && d.load > burstyShare && d.meter.fresh(now) && d.meter.busyWithin(now, span)
}

// rampingUp reports a flow that is only getting going: what it carries now is not
// what it could, and a link that sleeps wakes up late.
func (d *direction) rampingUp() bool {
	now, _ := d.meter.rate(rampNow)
	before, _ := d.meter.rate(rampBefore)
	return now > rampRise*before
}

// atFloor reports a limit that the floor of its state keeps from being cut.
func (d *direction) atFloor() bool { return d.limit <= atFloorShare*d.floor() }

// floor returns the floor of the present state.
func (d *direction) floor() float64 { return float64(d.cfg.Floor[max(d.reported.State, Green)-1]) }

func (d *direction) bounded(rate float64) float64 {
	return max(float64(d.cfg.Lowest()), min(rate, float64(d.cfg.Ceiling)))
}

// freeze keeps the clocks of holding and draining from running on while there is
// nothing to see.
func (d *direction) freeze(now time.Duration) {
	d.episode.lastDrop, d.reason = now, Held
	if d.phase == hold {
		d.since = now
	}
}

// retreat leaves the limit just below the capacity while nothing can be seen. A
// drain that has had freezeDrain is over.
func (d *direction) retreat(o observation) {
	e := &d.episode
	over := d.phase != hold && o.now-e.began > freezeDrain
	switch {
	case over && (e.outcome == refuted || e.flowEnded()):
		d.abandon(o.now)
	case over:
		d.finishDrain(o)
	case d.phase == hold && d.loaded() && d.capacity.rate > 0:
		d.limit = min(d.limit, d.bounded(d.settleRate()))
	}
}

// explain finds the reason when nothing is about to change.
func (d *direction) explain(o observation) {
	switch {
	case d.load < 0 && d.reason == Starting:
	case d.load < 0:
		d.reason = NoCounters
	case !d.loaded() && o.excess > o.threshold:
		d.reason = ExternalDelay
	case !d.loaded():
		d.reason = Idle
	case !d.limited(o.now) && d.limit >= float64(d.cfg.Ceiling):
		d.reason = AtCeiling
	default:
		d.reason = Holding
	}
}

func (d *direction) report(now time.Duration, state State) DirectionDecision {
	r := DirectionDecision{
		Limit: quantise(d.limit).Clamp(d.cfg.Lowest(), d.cfg.Ceiling), State: state, Reason: d.reason, Load: d.load,
		Throughput: bitrate.Rate(d.achieved), Probes: bitrate.Rate(d.own), Capacity: bitrate.Rate(d.capacity.rate),
	}
	if d.capacity.rate > 0 {
		r.CapacityAge = now - d.capacity.seen
	}
	r.Changed = r.Limit != d.reported.Limit || r.State != d.reported.State || r.Reason != d.reported.Reason
	d.reported = r
	return r
}

// quantise rounds to whole kbit/s: RouterOS shows such limits readably.
func quantise(rate float64) bitrate.Rate {
	return bitrate.Rate(math.Round(rate/float64(bitrate.Kbps))) * bitrate.Kbps
}
