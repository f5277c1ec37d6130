package steering

import "time"

// Decision is what one Step decided, with what led there. Times are on the
// clock of Step.
type Decision struct {
	At time.Duration

	// Steer is what the rule should be, Enabled what it is as far as is known.
	// The rule is to be written when they differ, and only then: a wish that is
	// taken back before it was carried out is no reason to write.
	Steer   bool
	Enabled bool
	// Changed says that Enabled differs from the step before: the rule was
	// really changed, by us (Reason says why) or by somebody else (Foreign).
	Changed bool
	Reason  Reason

	// The primary WAN.
	Fresh      bool // this step had a round-trip time to go by
	Congestion Congestion
	Excess     time.Duration // of the newest sample
	ExcessEWMA time.Duration
	Counted    bool    // drops and depth are known and took part
	Drops      int     // packets, between the two newest readings, both queues
	Depth      int     // packets, in the longer queue, newest reading
	DepthEWMA  float64 // packets

	// Rows of samples: RED, GREEN (or below Recovery), above Bad.
	Red, Good, Bad int

	Score          float64 // 0..100
	SteerThreshold float64 // in force: raised while the penalty lasts

	// Wish is what the judge that decides would have without brakes, with a
	// sound alternate WAN and a rule that can be changed. WouldSteer is what the
	// other judge would have made of the rule: the score where the rows decide,
	// the rows where the score does.
	Wish       bool
	WouldSteer bool

	HoldUntil    time.Duration // no change before; 0: no brake holds
	PenaltyUntil time.Duration // the threshold is raised until then; 0: it is not
	InState      time.Duration // since the last change of the rule; -1: none is known
}
