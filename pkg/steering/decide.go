package steering

import "time"

// decide returns what the rule should be, and why. desired is the result of
// evaluate; it is current if fresh.
func (l *Law) decide(t time.Duration, in Input, desired, fresh bool) (bool, Reason) {
	if l.byHand && l.enabled {
		return true, ByHand
	}
	due, why := l.due(t, in, desired, fresh)
	if !due {
		return l.enabled, why
	}
	switch {
	case l.byHand:
		return l.enabled, ByHand
	case !l.known || !in.RuleChangeable:
		return l.enabled, RuleUnusable
	case t < l.damper.holdDownUntil():
		return l.enabled, HoldDown
	case t < l.holdUntil(in):
		return l.enabled, FlapBrake
	}
	return !l.enabled, why
}

// due reports whether the rule should be changed as soon as nothing forbids it,
// and why, or why not.
func (l *Law) due(t time.Duration, in Input, desired, fresh bool) (bool, Reason) {
	requested := !fresh && l.steer != l.enabled && l.congestion != Unknown // and not yet done
	if l.enabled {
		switch {
		case in.Alternate == AlternateDown:
			return true, AlternateIsDown
		case requested:
			return true, l.requested
		case !fresh:
			return false, NoData
		case l.worse.reached(l.cfg.Confidence.Sustain):
			return true, alternateReason(in)
		case !desired:
			return true, Recovered
		case l.streak.green > 0 || l.cfg.Scored && l.below.Active:
			return false, Recovering
		}
		return false, Steered
	}
	switch {
	case !fresh && !requested:
		return false, NoData
	case fresh && !desired && (l.congestion > Green || l.streak.red > 0 || l.above.Active):
		return false, Congested
	case fresh && !desired:
		return false, Clear
	case in.Alternate == AlternateDown:
		return false, AlternateIsDown
	case in.Alternate == AlternateDegraded, !l.alternateBetter(in):
		return false, alternateReason(in)
	case l.damper.penalised(t) && !l.inForce.reached(l.cfg.Confidence.Sustain):
		return false, FlapBrake
	case requested:
		return true, l.requested
	}
	return true, SustainedCongestion
}

// holdUntil returns the time until which the rule must stay as it is. Flap damping
// does not delay the return from a WAN that is down.
func (l *Law) holdUntil(in Input) time.Duration {
	if l.enabled && in.Alternate == AlternateDown {
		return l.damper.holdDownUntil()
	}
	return max(l.damper.holdDownUntil(), l.damper.suppressedUntil(l.enabled))
}

// shadowDecision tracks what the method that does not decide would have made of
// the rule, including hold-down.
func (l *Law) shadowDecision(t time.Duration, in Input, fresh bool) {
	steer := l.evaluate(!l.cfg.Scored, l.shadow)
	switch {
	case in.Alternate == AlternateDown:
		steer = false
	case !fresh, steer && !l.shadow && (in.Alternate == AlternateDegraded || !l.alternateBetter(in)):
		return
	}
	if steer != l.shadow && t >= l.shadowSince+l.cfg.Confidence.HoldDown {
		l.shadow, l.shadowSince = steer, t
	}
}
