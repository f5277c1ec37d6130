package steering

import "time"

// Congestion is the assessment of one sample.
type Congestion uint8

// Assessments in rising severity.
const (
	Unknown Congestion = iota // nothing to judge by yet
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

// Alternate is what is known of the WAN that traffic would be steered to.
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

// Config is what the law is to do; all of it validated by its caller.
type Config struct {
	CakeAware bool // judge by excess, drops and queue depth, else by excess alone against Bad and Recovery
	Yellow    bool // tell YELLOW apart from GREEN

	GreenRTT, YellowRTT, RedRTT time.Duration // excess
	MinDropsRed                 int           // packets a sample
	MinQueueYellow, MinQueueRed int           // packets
	RedSamples, GreenSamples    int           // in a row
	RTTAlpha, QueueAlpha        float64       // weights of the newest sample, 0..1

	Bad, Recovery           time.Duration
	BadSamples, GoodSamples int

	Scored     bool // the score decides, not the counts of samples
	Confidence Confidence
}

// Confidence configures the score and the brakes. The brakes (HoldDown and the
// flap brake) hold whether or not the score decides.
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

// Counters are a queue's counters since the router booted or somebody reset
// them.
type Counters struct {
	Dropped       uint64 // packets
	QueuedPackets uint64 // now
}

// Input is what a step has to go by.
type Input struct {
	RTTKnown      bool // Baseline and RTT are of now
	Baseline, RTT time.Duration
	CountersKnown bool // Queues were read for this step
	Queues        [2]Counters
	Alternate     Alternate

	// RuleKnown says that the rule was read, or written and read back, since
	// the last step, and RuleEnabled how it was last. Where nothing is ever
	// written, in a dry run, the Steer of the last Decision takes its place.
	RuleKnown   bool
	RuleEnabled bool

	// RuleChangeable is false when the rule is absent, ambiguous or dynamic, or
	// when the router does not answer: from a failed read or write on until a
	// read has succeeded, so that what became of the write is known again.
	RuleChangeable bool
}
