package steering

import "time"

// Decision is the result of one Step, with the values that led to it. Times are on
// the clock of Step.
type Decision struct {
	At time.Duration

	// Steer is what the rule should be, Enabled what it was last. The rule must be
	// written when they differ, and only then: a request that is withdrawn before it
	// was carried out needs no write.
	Steer   bool
	Enabled bool
	// Changed reports that Enabled differs from the step before: the rule was
	// changed, by us (Reason says why) or by somebody else (Foreign).
	Changed bool
	Reason  Reason
	// ByHand reports that somebody else made the rule what it is, ByHandFor ago, and
	// that this is respected.
	ByHand    bool
	ByHandFor time.Duration

	// The primary WAN.
	Fresh      bool // this step had a round-trip time
	Congestion Congestion
	Excess     time.Duration // of the newest sample
	ExcessEWMA time.Duration
	Counted    bool    // drops and depth are known and were used
	Drops      int     // packets, between the two newest readings, both queues
	Depth      int     // packets, in the longer queue, newest reading
	DepthEWMA  float64 // packets
	// DropsNotCounted are the queues whose drop counter does not count.
	DropsNotCounted [2]bool

	// AlternateBetter reports that the alternate WAN is measurably better, or that it
	// cannot be compared.
	AlternateBetter bool

	// Streaks of samples: RED, GREEN (or below Recovery), Bad and above.
	Red, Good, Bad int

	Score          float64 // 0..100
	SteerThreshold float64 // in force: raised while the penalty lasts

	// Desired is what the rule would be without hold-down and flap damping, with a
	// good alternate WAN and a rule that can be changed. WouldSteer is what the other
	// method would have made of the rule: the score where streaks decide, and the
	// reverse.
	Desired    bool
	WouldSteer bool

	HoldUntil    time.Duration // no change before; 0: changes are allowed
	PenaltyUntil time.Duration // the threshold is raised until then; 0: it is not
	InState      time.Duration // since the last change of the rule; -1: none is known
}
