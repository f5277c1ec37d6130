package steering

import "time"

const (
	// longAgo is before every time that a Memory holds.
	longAgo = -2 * maxAge
	// writeGrace is how long after a request a change of the rule is taken for our
	// own, even if the request was withdrawn: a write in flight is not recalled.
	writeGrace = 30 * time.Second
)

// Law decides whether one rule steers. It is not safe for concurrent use: one
// goroutine calls Step. Its time starts at 0 with the first step; times before the
// start are negative.
type Law struct {
	cfg    Config
	scales scales

	started    bool
	epoch      time.Duration // the first step, on its caller's clock
	last       time.Duration // the last step
	continuous bool          // the last step had a sample

	// The rule.
	known       bool // it was read since the start
	enabled     bool
	steer       bool          // what the last decision said
	requested   Reason        // why a change was requested; 0: none since the last change
	requestedAt time.Duration // of the last request
	byHand      bool          // somebody else made the rule what it is, and that is respected
	byHandAt    time.Duration
	damper      damper

	// The primary WAN.
	delay          delay
	meter          meter
	congestion     Congestion
	streak         streak
	score          float64
	above, inForce Dwell // score at the steer threshold, and at that in force
	below          Dwell // score at or below the recovery threshold

	worse Dwell // the alternate WAN is worse than the primary, or degraded

	shadow      bool // what the other method would have made of the rule
	shadowSince time.Duration
}

// New returns a law that continues from m. Implausible values of m are ignored.
func New(cfg Config, m Memory) *Law {
	l := &Law{}
	l.configure(cfg)
	l.restore(m)
	return l
}

// Reconfigure replaces the configuration and keeps the state. Hold-down and flap
// damping of cfg apply to earlier changes too.
func (l *Law) Reconfigure(cfg Config) {
	before := l.cfg
	l.configure(cfg)
	if l.cfg.CakeAware != before.CakeAware {
		l.streak = streak{} // counted by other thresholds
	}
	if l.cfg.Scored != before.Scored {
		l.shadow, l.shadowSince = l.enabled, longAgo
	}
}

func (l *Law) configure(cfg Config) {
	l.cfg = cfg.normalized()
	l.scales = l.cfg.scales()
	l.damper.configure(&l.cfg.Confidence, l.last)
}

// time returns now on the law's clock, which never goes back.
func (l *Law) time(now time.Duration) time.Duration {
	if !l.started {
		return 0
	}
	return max(now-l.epoch, l.last)
}

// Step decides from in at now, a monotonic time that is not negative. Steps may be
// irregular: the law counts samples and measures the time between them.
func (l *Law) Step(now time.Duration, in Input) Decision {
	if !l.started {
		l.started, l.epoch = true, now
	}
	t := l.time(now)
	why, changed := l.observe(t, in)
	if in.CountersKnown {
		l.meter.read(t, in.Queues, l.cfg.QueueAlpha, !l.delay.stale(t) && l.delay.ewma() >= l.cfg.YellowRTT)
	}
	fresh := l.sample(t, in)
	if t-l.last > maxGap(delayTimeout, l.delay.pace) {
		l.worse = Dwell{}
	}
	l.worse.add(l.alternateWorse(in), t-l.last)
	desired := l.evaluate(l.cfg.Scored, l.enabled)
	if !l.enabled && fresh && !l.evaluate(l.cfg.Scored, true) {
		l.byHand = false // the congestion that somebody did not want to steer away from is over
	}
	steer, reason := l.decide(t, in, desired, fresh)
	if steer != l.enabled {
		l.requested, l.requestedAt = reason, t
	}
	if changed {
		reason = why
	}
	l.steer, l.last, l.continuous = steer, t, fresh
	l.shadowDecision(t, in, fresh)
	return l.report(t, Decision{Changed: changed, Reason: reason, Fresh: fresh, Desired: desired}, in)
}

// observe records the rule as read from the router. A change that was not requested
// was made by somebody else, and is accepted.
func (l *Law) observe(t time.Duration, in Input) (Reason, bool) {
	if !in.RuleKnown {
		return 0, false
	}
	l.known = true
	if in.RuleEnabled == l.enabled {
		return 0, false
	}
	why := Foreign
	if l.requested != 0 && (in.RuleOurs || t-l.requestedAt <= writeGrace) {
		why = l.requested
	}
	l.enabled, l.steer, l.requested = in.RuleEnabled, in.RuleEnabled, 0
	l.byHand, l.byHandAt = why == Foreign && !in.Pretended && !in.RuleOurs, t
	l.damper.changed(t)
	if why == Foreign {
		// Counting starts afresh, so that their change stands for a while.
		l.streak, l.above, l.inForce, l.below = streak{}, Dwell{}, Dwell{}, Dwell{}
		l.shadow, l.shadowSince = l.enabled, t
	}
	return why, true
}

// sample adds the round-trip time of in, with drops and depth where they are known.
// It reports whether in had one.
func (l *Law) sample(t time.Duration, in Input) bool {
	if l.delay.stale(t) {
		l.forget()
	}
	if !usable(in) {
		return false
	}
	dt := t - l.delay.at // taken to have been like its ends
	if !l.continuous {
		dt = min(dt, l.delay.pace)
	}
	l.delay.add(t, max(0, in.RTT-in.Baseline), l.cfg.RTTAlpha)

	counted := l.cfg.CakeAware && l.meter.counts(t)
	z := l.class(counted)
	l.congestion = l.label(z, l.congestion)
	redNeeded, greenNeeded := l.cfg.required()
	l.streak.add(z, redNeeded, greenNeeded)

	l.score = l.scales.score(l.delay.ewma(), counted, l.meter.dropsEWMA, l.meter.smooth, l.meter.uncountedDepth())
	l.above.add(l.score >= l.cfg.Confidence.SteerThreshold, dt)
	l.inForce.add(l.score >= l.damper.threshold(t), dt)
	l.below.add(l.score <= l.cfg.Confidence.RecoveryThreshold, dt)
	return true
}

// forget discards the assessment of the primary WAN as too old.
func (l *Law) forget() {
	l.congestion, l.score = Unknown, 0
	l.streak, l.above, l.inForce, l.below = streak{}, Dwell{}, Dwell{}, Dwell{}
}

// evaluate returns whether the score, or the streaks of samples, would turn the rule
// on, given whether it is on.
func (l *Law) evaluate(scored, steered bool) bool {
	c := &l.cfg.Confidence
	redNeeded, greenNeeded := l.cfg.required()
	switch {
	case scored && steered:
		return !l.below.reached(c.RecoverySustain)
	case scored:
		return l.above.reached(c.Sustain)
	case steered:
		return l.streak.green < greenNeeded
	}
	return l.streak.red >= redNeeded
}

// counts returns the red streak under the name of the mode.
func (l *Law) counts() (red, bad int) {
	if l.cfg.CakeAware {
		return l.streak.red, 0
	}
	return 0, l.streak.red
}

// report completes dec.
func (l *Law) report(t time.Duration, dec Decision, in Input) Decision {
	dec.At, dec.Steer, dec.Enabled = t+l.epoch, l.steer, l.enabled
	dec.Congestion, dec.Excess, dec.ExcessEWMA = l.congestion, l.delay.newest, l.delay.ewma()
	dec.Counted = l.cfg.CakeAware && l.meter.based && l.meter.counts(t)
	dec.Drops, dec.Depth, dec.DepthEWMA = l.meter.drops, l.meter.depth, l.meter.smooth
	for i := range dec.DropsNotCounted {
		dec.DropsNotCounted[i] = l.meter.queues[i].notCounted()
	}
	dec.AlternateBetter = l.alternateBetter(in)
	if dec.ByHand = l.byHand; l.byHand {
		dec.ByHandFor = t - l.byHandAt
	}
	dec.Red, dec.Bad = l.counts()
	dec.Good = l.streak.green
	dec.Score, dec.SteerThreshold, dec.WouldSteer = l.score, l.damper.threshold(t), l.shadow
	if until := l.holdUntil(in); until > t {
		dec.HoldUntil = until + l.epoch
	}
	if l.damper.penalised(t) {
		dec.PenaltyUntil = l.damper.penalty + l.epoch
	}
	dec.InState = -1
	if last, ok := l.damper.nthChange(1); ok {
		dec.InState = t - last
	}
	return dec
}
