package config

import (
	"time"
)

// Steering is the configuration of the steering daemon, complete and checked:
// every field holds the value in force.
type Steering struct {
	Base

	Primary       string // topology.primary_wan
	PrimaryConfig string // topology.primary_wan_config: path of that WAN's file; "" when not given; see LoadNeighbours

	Alternate       string // topology.alternate_wan
	AlternateConfig string // topology.alternate_wan_config: path of that WAN's file; "" when not given

	Rule         string // mangle_rule.comment, compared exactly
	PrimaryState string // cake_state_sources.primary: state file of the primary WAN's loop; "" when not given

	// Queues of the primary WAN whose counters tell of congestion; "" leaves
	// steering on round-trip time alone.
	PrimaryDownload string
	PrimaryUpload   string

	Interval  time.Duration // between two assessments
	PingHost  string        // measured when no loop of the primary WAN runs
	PingCount int           // probes an assessment, then

	ForceOut string // address list shown beside the rule; never changed

	Assess     SteeringThresholds
	Mode       SteeringMode
	Confidence Confidence

	History int // samples and transitions kept in the state file
}

// SteeringThresholds are what one sample is judged by.
type SteeringThresholds struct {
	GreenRTT  time.Duration // excess below this is GREEN
	YellowRTT time.Duration
	RedRTT    time.Duration

	MinDropsRed    int // packets dropped a sample; 0: RED needs no confirmation
	MinQueueYellow int // packets queued
	MinQueueRed    int

	RedSamples   int // in a row, to steer
	GreenSamples int // in a row, to come back

	RTTAlpha   float64
	QueueAlpha float64

	BaselineMin time.Duration
	BaselineMax time.Duration

	// For Mode.CakeAware false.
	Bad         time.Duration
	Recovery    time.Duration
	BadSamples  int
	GoodSamples int
}

// SteeringMode says how samples are judged.
type SteeringMode struct {
	CakeAware  bool
	Yellow     bool // tell YELLOW apart from GREEN
	Confidence bool // use_confidence_scoring
}

// Confidence is the scoring of congestion and the brakes on switching. Hold-down
// and flap brake hold in every mode.
type Confidence struct {
	SteerThreshold    int           // score, 0..100
	RecoveryThreshold int           // score, below SteerThreshold
	Sustain           time.Duration // the score must stand so long
	RecoverySustain   time.Duration
	HoldDown          time.Duration // after a change, no other change for so long

	FlapDetection    bool
	FlapWindow       time.Duration
	MaxToggles       int // changes within FlapWindow
	Penalty          time.Duration
	PenaltyThreshold int // added to SteerThreshold meanwhile

	DryRun bool // only tell what the score would have decided
}
