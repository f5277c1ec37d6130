package steering

import "time"

// decide says what the rule should be, and why. wish is what the judge would
// have; it is of now if fresh.
func (l *Law) decide(t time.Duration, in Input, wish, fresh bool) (bool, Reason) {
	due, why := l.due(t, in, wish, fresh)
	if !due {
		return l.enabled, why
	}
	switch {
	case !l.known || !in.RuleChangeable:
		return l.enabled, RuleUnusable
	case t < l.brake.held():
		return l.enabled, HoldDown
	case t < l.holdUntil(in):
		return l.enabled, FlapBrake
	}
	return !l.enabled, why
}

// due says whether the rule is to be changed as soon as nothing stands in the
// way, and why, or why not.
func (l *Law) due(t time.Duration, in Input, wish, fresh bool) (bool, Reason) {
	asked := !fresh && l.steer != l.enabled && l.congestion != Unknown // and not yet done
	if l.enabled {
		switch {
		case in.Alternate == AlternateDown:
			return true, AlternateIsDown
		case asked:
			return true, l.asked
		case !fresh:
			return false, NoData
		case l.worse.reached(l.cfg.Confidence.Sustain):
			return true, AlternateIsDegraded
		case !wish:
			return true, Recovered
		case l.row.calm > 0 || l.cfg.Scored && l.below.So:
			return false, Recovering
		}
		return false, Steered
	}
	switch {
	case !fresh && !asked:
		return false, NoData
	case fresh && !wish && (l.congestion > Green || l.row.hot > 0 || l.above.So):
		return false, Congested
	case fresh && !wish:
		return false, Clear
	case in.Alternate == AlternateDown:
		return false, AlternateIsDown
	case in.Alternate == AlternateDegraded:
		return false, AlternateIsDegraded
	case l.brake.raised(t) && !l.raised.reached(l.cfg.Confidence.Sustain):
		return false, FlapBrake
	case asked:
		return true, l.asked
	}
	return true, SustainedCongestion
}

// holdUntil returns until when the brakes hold the rule as it is. A way back
// from a WAN that is down is not the flapping that the flap brake is for.
func (l *Law) holdUntil(in Input) time.Duration {
	if l.enabled && in.Alternate == AlternateDown {
		return l.brake.held()
	}
	return max(l.brake.held(), l.brake.rests(l.enabled))
}

// imagine goes on with what the judge that does not decide would have made of
// the rule, under hold-down as well.
func (l *Law) imagine(t time.Duration, in Input, fresh bool) {
	steer := l.judge(!l.cfg.Scored, l.would)
	switch {
	case in.Alternate == AlternateDown:
		steer = false
	case !fresh, steer && in.Alternate == AlternateDegraded:
		return
	}
	if steer != l.would && t >= l.wouldAt+l.cfg.Confidence.HoldDown {
		l.would, l.wouldAt = steer, t
	}
}
