package telemetry

import (
	"cmp"
	"time"
)

// SteeringDetail is for people: values beside the keys that older monitors
// read. Unknown values are null.
type SteeringDetail struct {
	Name      string    `json:"name"` // of the configuration
	Reason    string    `json:"reason"`
	Note      string    `json:"note,omitempty"` // the reason for people, where a word does not explain it
	Alternate Alternate `json:"alternate"`
	Path      Path      `json:"path"`
	Queue     Queue     `json:"queue"`
	Rule      Rule      `json:"rule"`

	Score     *float64   `json:"score"` // 0..100; null: not scored
	Threshold *float64   `json:"steer_threshold"`
	HoldUntil *time.Time `json:"hold_until"`         // no change before
	Penalty   *time.Time `json:"flap_penalty_until"` // of flap damping

	ForceOut AddressList `json:"force_out"`
}

// Alternate is the alternate WAN, as steering sees it.
type Alternate struct {
	WAN       string `json:"wan"`
	Condition string `json:"condition"` // "unknown", "good", "degraded", "down"

	Source    string   `json:"source,omitempty"` // as in Path
	Excess    *float64 `json:"excess_ms,omitempty"`
	LossRatio *float64 `json:"loss_ratio,omitempty"` // share of probes without an answer, 0..1
}

// Path is the round-trip time of the primary WAN.
type Path struct {
	Source     string   `json:"source"` // "loop", "file", "probe", "file+probe"; "" none
	Baseline   *float64 `json:"baseline_rtt_ms"`
	RTT        *float64 `json:"rtt_ms"`
	Excess     *float64 `json:"excess_ms"`
	ExcessEWMA *float64 `json:"excess_ewma_ms"`
}

// Queue describes the primary WAN's queues on the router.
type Queue struct {
	Available bool     `json:"available"`
	Drops     *int     `json:"drops"`         // since the previous sample
	Depth     *int     `json:"depth_packets"` // now
	DepthEWMA *float64 `json:"depth_ewma_packets"`
	// DropsNotCounted are the queues whose drop counter does not count.
	DropsNotCounted []string `json:"drops_not_counted,omitempty"`
}

// Rule is the mangle rule.
type Rule struct {
	Comment string `json:"comment"`
	Enabled *bool  `json:"enabled"` // as last read from the router
	// ByHand reports that somebody else made the rule what it is, and that it is left
	// alone; in a dry run, that somebody else changed it. Since is when that was seen.
	ByHand bool       `json:"by_hand,omitempty"`
	Since  *time.Time `json:"by_hand_since,omitempty"`
	Error  string     `json:"error,omitempty"`
}

// AddressList is an address list of the router.
type AddressList struct {
	List    string   `json:"list"`
	Entries []string `json:"entries"`
	Error   string   `json:"error,omitempty"`
}

// SteeringCounters are the sample counts that decisions are based on.
type SteeringCounters struct {
	RedCount         int `json:"red_count"`
	GoodCount        int `json:"good_count"`
	BadCount         int `json:"bad_count"`
	CakeReadFailures int `json:"cake_read_failures"` // in a row
}

// SteeringErrors are the current errors. No text may hold a password.
type SteeringErrors struct {
	ConsecutiveFailures int    `json:"consecutive_failures"`
	CakeReadFailures    int    `json:"cake_read_failures"` // in a row
	LastError           string `json:"last_error,omitempty"`
}

// SteeringThresholds are the thresholds in use.
type SteeringThresholds struct {
	GreenRTTMs           float64 `json:"green_rtt_ms"`
	YellowRTTMs          float64 `json:"yellow_rtt_ms"`
	RedRTTMs             float64 `json:"red_rtt_ms"`
	RedSamplesRequired   int     `json:"red_samples_required"`
	GreenSamplesRequired int     `json:"green_samples_required"`
}

// SteeringHealth is the health document of the steering daemon.
type SteeringHealth struct {
	Status        Status  `json:"status"`
	UptimeSeconds float64 `json:"uptime_seconds"`
	Version       string  `json:"version"`
	Steering      struct {
		Enabled bool   `json:"enabled"`
		State   string `json:"state"`
		Mode    string `json:"mode"`
	} `json:"steering"`
	Congestion struct {
		Primary CongestionHealth `json:"primary"`
	} `json:"congestion"`
	Decision struct {
		LastTransitionTime *time.Time `json:"last_transition_time"`
		TimeInStateSeconds float64    `json:"time_in_state_seconds"`
	} `json:"decision"`
	Counters   SteeringCounters   `json:"counters"`
	Errors     SteeringErrors     `json:"errors"`
	Thresholds SteeringThresholds `json:"thresholds"`
	PID        int                `json:"pid"`
	Reasons    []string           `json:"reasons,omitempty"`
	Warnings   []string           `json:"warnings,omitempty"` // what is doubtful though it may be healthy, for people
	Started    time.Time          `json:"-"`                  // when the loop was started; zero: with the process
	Detail     SteeringDetail     `json:"detail"`
	Source     Origin             `json:"source,omitempty"`
	At         *time.Time         `json:"at,omitempty"`
	AgeSeconds *float64           `json:"age_seconds"`  // of these values
	HA         *RouterOwner       `json:"ha,omitempty"` // of one of several nodes
}

// CongestionHealth is the congestion of a WAN.
type CongestionHealth struct {
	State     string `json:"state"`
	StateCode int    `json:"state_code"` // 0 GREEN, 1 YELLOW, 2 RED, 3 UNKNOWN
	WAN       string `json:"wan,omitempty"`
}

// congestionUnknown is the state code without a congestion state.
const congestionUnknown = 3

// NewSteeringHealth returns the health of steering away from the WAN primary,
// whose congestion is GREEN, YELLOW, RED or, while unknown, empty. The values
// are those of the moment at.
func NewSteeringHealth(primary, congestion string, at time.Time) SteeringHealth {
	h := SteeringHealth{At: known(at)}
	code, ok := map[string]int{"GREEN": 0, "YELLOW": 1, "RED": 2}[congestion]
	if !ok {
		code = congestionUnknown
	}
	h.Congestion.Primary = CongestionHealth{State: cmp.Or(congestion, "UNKNOWN"), StateCode: code, WAN: primary}
	return h
}

// SetState sets whether new connections go to the other WAN, the name of the
// state, and the mode "active" or "dry_run".
func (h *SteeringHealth) SetState(enabled bool, state, mode string) {
	h.Steering.Enabled, h.Steering.State, h.Steering.Mode = enabled, state, mode
}

// SetSince sets the time of the last transition, zero if there was none, and
// how long the state has lasted.
func (h *SteeringHealth) SetSince(lastTransition time.Time, inState time.Duration) {
	h.Decision.LastTransitionTime, h.Decision.TimeInStateSeconds = known(lastTransition), round(inState.Seconds())
}

// complete sets everything that follows from other values and the time.
func (h *SteeringHealth) complete(now time.Time) {
	if h.At != nil {
		h.AgeSeconds = Age(now, *h.At)
	}
	h.Errors.LastError = OneLine(h.Errors.LastError)
	h.Detail.Rule.Error, h.Detail.ForceOut.Error = OneLine(h.Detail.Rule.Error), OneLine(h.Detail.ForceOut.Error)
	if h.Detail.ForceOut.Entries == nil {
		h.Detail.ForceOut.Entries = []string{}
	}
}
