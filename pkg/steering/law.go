package steering

import "time"

const (
	// never is before all that is remembered.
	never = -2 * ages
	// writing is how long after a wish a change of the rule to it is taken for
	// our own, though the wish is gone: a write that is under way stays so.
	writing = 30 * time.Second
)

// Law decides whether one rule steers. It is not safe for concurrent use; one
// goroutine steps it. Its time starts at 0 with its first step; what it
// remembers of before has negative times.
type Law struct {
	cfg    Config
	scales scales

	started    bool
	epoch      time.Duration // the first step, on its caller's clock
	last       time.Duration // the last step
	continuous bool          // the last step had a sample

	// The rule.
	known   bool // it was read since the start
	enabled bool
	steer   bool          // what the last decision said
	asked   Reason        // why it is to be changed; 0: not asked since the last change
	askedAt time.Duration // when that was last asked
	brake   brake

	// The primary WAN.
	delay         delay
	meter         meter
	congestion    Congestion
	row           row
	score         float64
	above, raised Stand // score at the steer threshold, and at that in force
	below         Stand // score at or below the recovery threshold

	worse Stand // the alternate WAN is degraded

	would   bool // what the judge that does not decide would have made of the rule
	wouldAt time.Duration
}

// New returns a law that goes on from m, as far as m is plausible.
func New(cfg Config, m Memory) *Law {
	l := &Law{}
	l.configure(cfg)
	l.recall(m)
	return l
}

// Reconfigure changes what the law is to do, and keeps what it knows. Brakes
// and thresholds are those of cfg from now on, also for changes made before.
func (l *Law) Reconfigure(cfg Config) {
	before := l.cfg
	l.configure(cfg)
	if l.cfg.CakeAware != before.CakeAware {
		l.row = row{} // counted by other thresholds
	}
	if l.cfg.Scored != before.Scored {
		l.would, l.wouldAt = l.enabled, never
	}
}

func (l *Law) configure(cfg Config) {
	l.cfg = cfg.sane()
	l.scales = l.cfg.scales()
	l.brake.configure(&l.cfg.Confidence, l.last)
}

// time returns now on the law's clock, which never goes back.
func (l *Law) time(now time.Duration) time.Duration {
	if !l.started {
		return 0
	}
	return max(now-l.epoch, l.last)
}

// Step decides from what is known at now, a monotonic time since whatever its
// caller likes, not negative. Steps may be as irregular as they come: what is
// counted is samples, and what is timed is the time between them.
func (l *Law) Step(now time.Duration, in Input) Decision {
	if !l.started {
		l.started, l.epoch = true, now
	}
	t := l.time(now)
	why, changed := l.observe(t, in)
	if in.CountersKnown {
		l.meter.read(t, in.Queues, l.cfg.QueueAlpha)
	}
	fresh := l.sample(t, in)
	if t-l.last > patience(delayPatience, l.delay.pace) {
		l.worse = Stand{}
	}
	l.worse.add(in.Alternate == AlternateDegraded, t-l.last)
	wish := l.judge(l.cfg.Scored, l.enabled)
	steer, reason := l.decide(t, in, wish, fresh)
	if steer != l.enabled {
		l.asked, l.askedAt = reason, t
	}
	if changed {
		reason = why
	}
	l.steer, l.last, l.continuous = steer, t, fresh
	l.imagine(t, in, fresh)
	return l.report(t, Decision{Changed: changed, Reason: reason, Fresh: fresh, Wish: wish}, in)
}

// observe takes in what the rule is. It is what was read, whatever was wished
// or remembered: a change that was not asked for is somebody else's, and stands.
func (l *Law) observe(t time.Duration, in Input) (Reason, bool) {
	if !in.RuleKnown {
		return 0, false
	}
	l.known = true
	if in.RuleEnabled == l.enabled {
		return 0, false
	}
	why := Foreign
	if l.asked != 0 && t-l.askedAt <= writing {
		why = l.asked
	}
	l.enabled, l.steer, l.asked = in.RuleEnabled, in.RuleEnabled, 0
	l.brake.changed(t)
	if why == Foreign {
		// What they saw is not what was counted here: it is counted anew.
		l.row, l.above, l.raised, l.below = row{}, Stand{}, Stand{}, Stand{}
		l.would, l.wouldAt = l.enabled, t
	}
	return why, true
}

// sample takes in the round-trip time, if there is one, with what is known of
// the queues, and reports whether there was.
func (l *Law) sample(t time.Duration, in Input) bool {
	if l.delay.stale(t) {
		l.forget()
	}
	if !usable(in) {
		return false
	}
	dt := t - l.delay.at // that was like its ends, as far as is known
	if !l.continuous {
		dt = min(dt, l.delay.pace)
	}
	l.delay.add(t, max(0, in.RTT-in.Baseline), l.cfg.RTTAlpha)

	counted := l.cfg.CakeAware && l.meter.counts(t)
	z := l.zone(counted)
	l.congestion = l.colour(z, l.congestion)
	needHot, needCalm := l.cfg.needs()
	l.row.add(z, needHot, needCalm)

	l.score = l.scales.score(l.delay.ewma(), counted, l.meter.dropsEWMA, l.meter.smooth)
	l.above.add(l.score >= l.cfg.Confidence.SteerThreshold, dt)
	l.raised.add(l.score >= l.brake.threshold(t), dt)
	l.below.add(l.score <= l.cfg.Confidence.RecoveryThreshold, dt)
	return true
}

// forget gives up what was known of the primary WAN: it was too long ago.
func (l *Law) forget() {
	l.congestion, l.score = Unknown, 0
	l.row, l.above, l.raised, l.below = row{}, Stand{}, Stand{}, Stand{}
}

// judge says what the score, or the rows of samples, would make of a rule that
// is steered or not.
func (l *Law) judge(scored, steered bool) bool {
	c := &l.cfg.Confidence
	needHot, needCalm := l.cfg.needs()
	switch {
	case scored && steered:
		return !l.below.reached(c.RecoverySustain)
	case scored:
		return l.above.reached(c.Sustain)
	case steered:
		return l.row.calm < needCalm
	}
	return l.row.hot >= needHot
}

// counts returns the row of hot samples under the name it goes by.
func (l *Law) counts() (red, bad int) {
	if l.cfg.CakeAware {
		return l.row.hot, 0
	}
	return 0, l.row.hot
}

// report completes dec.
func (l *Law) report(t time.Duration, dec Decision, in Input) Decision {
	dec.At, dec.Steer, dec.Enabled = t+l.epoch, l.steer, l.enabled
	dec.Congestion, dec.Excess, dec.ExcessEWMA = l.congestion, l.delay.newest, l.delay.ewma()
	dec.Counted = l.cfg.CakeAware && l.meter.based && l.meter.counts(t)
	dec.Drops, dec.Depth, dec.DepthEWMA = l.meter.drops, l.meter.depth, l.meter.smooth
	dec.Red, dec.Bad = l.counts()
	dec.Good = l.row.calm
	dec.Score, dec.SteerThreshold, dec.WouldSteer = l.score, l.brake.threshold(t), l.would
	if until := l.holdUntil(in); until > t {
		dec.HoldUntil = until + l.epoch
	}
	if l.brake.raised(t) {
		dec.PenaltyUntil = l.brake.penalty + l.epoch
	}
	dec.InState = -1
	if last, ok := l.brake.nth(1); ok {
		dec.InState = t - last
	}
	return dec
}
