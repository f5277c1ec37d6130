// Package steering is the law of steering: from the delay above the baseline,
// the drops and the queue depth of the primary WAN it decides whether new
// latency-sensitive connections go to the other WAN.
//
// It is a pure function of its state, the time and the input, like autorate.
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
	RTTKnown       bool // Baseline and RTT are of now
	Baseline, RTT  time.Duration
	CountersKnown  bool // Queues were read for this step
	Queues         [2]Counters
	Alternate      Alternate
	RuleKnown      bool // the rule was read, or written and read back, since the last step
	RuleEnabled    bool
	RuleChangeable bool // false: absent, ambiguous, dynamic, or the router does not answer
}
