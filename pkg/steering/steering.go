package steering

import "time"

// Congestion is the assessment of one sample.
type Congestion uint8

// Assessments in rising severity.
const (
	Unknown Congestion = iota // no sample yet
	Green
	Yellow
	Red
)

func (c Congestion) String() string {
	switch c {
	case Green:
		return "GREEN"
	case Yellow:
		return "YELLOW"
	case Red:
		return "RED"
	case Unknown:
	}
	return "UNKNOWN"
}

// Alternate is the state of the WAN that traffic is steered to.
type Alternate uint8

// Conditions of the alternate WAN.
const (
	AlternateUnknown Alternate = iota // steering to it is allowed
	AlternateGood
	AlternateDegraded // congested: not steered to
	AlternateDown     // measures nothing: not steered to
)

func (a Alternate) String() string {
	switch a {
	case AlternateGood:
		return "good"
	case AlternateDegraded:
		return "degraded"
	case AlternateDown:
		return "down"
	case AlternateUnknown:
	}
	return "unknown"
}

// Config configures the law. The caller validates it.
type Config struct {
	CakeAware bool // use excess, drops and queue depth, else excess alone against Bad and Recovery
	Yellow    bool // distinguish YELLOW from GREEN

	GreenRTT, YellowRTT, RedRTT time.Duration // excess
	MinDropsRed                 int           // packets a sample
	MinQueueYellow, MinQueueRed int           // packets
	RedSamples, GreenSamples    int           // in a row
	RTTAlpha, QueueAlpha        float64       // weights of the newest sample, 0..1

	Bad, Recovery           time.Duration
	BadSamples, GoodSamples int

	Scored     bool // the score decides, not the streaks
	Confidence Confidence
}

// Confidence configures the score, hold-down and flap damping. The last two apply
// whether or not the score decides.
type Confidence struct {
	SteerThreshold, RecoveryThreshold float64 // score 0..100
	Sustain, RecoverySustain          time.Duration
	HoldDown                          time.Duration
	FlapDetection                     bool
	FlapWindow                        time.Duration
	MaxToggles                        int
	Penalty                           time.Duration
	PenaltyThreshold                  float64 // added to SteerThreshold during Penalty
}

// Counters are the counters of a queue since the router booted or they were reset.
type Counters struct {
	Dropped       uint64 // packets
	QueuedPackets uint64 // now
	Bytes         uint64 // sent
}

// Input is what a step knows.
type Input struct {
	RTTKnown      bool // Baseline and RTT are current
	Baseline, RTT time.Duration
	CountersKnown bool // Queues were read for this step
	Queues        [2]Counters

	Alternate Alternate
	// AlternateExcess is the alternate WAN's round-trip time above its own baseline,
	// valid if AlternateExcessKnown. Loss and AlternateLoss are the shares of the two
	// WANs' probes without an answer, 0..1.
	AlternateExcessKnown bool
	AlternateExcess      time.Duration
	Loss, AlternateLoss  float64

	// RuleKnown reports that the rule was read, or written and read back, since the
	// last step; RuleEnabled is what it was last. In a dry run, which never writes, it
	// is the Steer of the last Decision, and Pretended is true.
	RuleKnown   bool
	RuleEnabled bool
	Pretended   bool
	// RuleOurs is true when RuleEnabled is what a write of ours made it, however long
	// ago that was requested.
	RuleOurs bool

	// RuleChangeable is false when the rule is absent, ambiguous or dynamic, and from
	// a failed read or write until a read succeeds, so that the outcome of the write
	// is known again.
	RuleChangeable bool
}
