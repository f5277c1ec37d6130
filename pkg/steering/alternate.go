package steering

import "time"

const (
	// betterShare is the share of its own delay by which a WAN must be better than
	// the other to be measurably better, and GreenRTT (Recovery without CakeAware) the
	// least difference.
	betterShare = 4 // a quarter
	// minLoss is the loss from which a WAN is not better, whatever its delay.
	minLoss = 0.1
)

// comparable reports whether the delays of both WANs are known.
func (l *Law) comparable(in Input) bool {
	return in.AlternateExcessKnown && (in.Alternate == AlternateGood || in.Alternate == AlternateDegraded) && l.congestion != Unknown
}

// less reports whether a is measurably less than b.
func (l *Law) less(a, b time.Duration) bool {
	least := l.cfg.GreenRTT
	if !l.cfg.CakeAware {
		least = l.cfg.Recovery
	}
	return max(a, 0) <= b-max(least, b/betterShare)
}

// alternateBetter reports whether the alternate WAN is measurably better than the
// primary one, or cannot be compared with it.
func (l *Law) alternateBetter(in Input) bool {
	if in.AlternateLoss >= minLoss && !(in.AlternateLoss < in.Loss) {
		return false
	}
	return !l.comparable(in) || l.less(in.AlternateExcess, l.delay.ewma())
}

// alternateWorse reports whether the alternate WAN is measurably worse than the
// primary one; degraded is worse where they cannot be compared.
func (l *Law) alternateWorse(in Input) bool {
	switch {
	case in.AlternateLoss >= in.Loss+minLoss:
		return true
	case !l.comparable(in):
		return in.Alternate == AlternateDegraded
	}
	return l.less(l.delay.ewma(), in.AlternateExcess)
}

// alternateReason returns why the alternate WAN is not steered to.
func alternateReason(in Input) Reason {
	if in.Alternate == AlternateDegraded {
		return AlternateIsDegraded
	}
	return AlternateIsNotBetter
}
