package telemetry

import (
	"context"
	"os"
	"time"
)

// SteeringSource tells how the steering daemon is.
type SteeringSource interface {
	Snapshot(ctx context.Context) (SteeringStatus, error)
}

// SteeringStatus is the steering daemon at one moment.
type SteeringStatus struct {
	At      time.Time // when this was true
	Enabled bool      // new connections go to the other WAN
	State   string    // "<PRIMARY>_GOOD" or "<PRIMARY>_DEGRADED"
	Mode    string    // "active" or "dry_run"
	Primary string    // name of the primary WAN

	Congestion     string // GREEN, YELLOW, RED; "" not known yet
	LastTransition time.Time
	InState        time.Duration // since then, or since the start

	Counters   SteeringCounters
	Errors     SteeringErrors
	Thresholds SteeringThresholds
	Detail     SteeringDetail
}

// SteeringDetail is what a person wants to know beside the fields that older
// monitors read. Null is for what is not known.
type SteeringDetail struct {
	Name      string    `json:"name"` // of the configuration
	Reason    string    `json:"reason"`
	Alternate WANNote   `json:"alternate"`
	Path      PathNote  `json:"path"`
	Queue     QueueNote `json:"queue"`
	Rule      RuleNote  `json:"rule"`

	Score     *float64   `json:"score"` // 0..100; null: not scored
	Threshold *float64   `json:"steer_threshold"`
	HoldUntil *time.Time `json:"hold_until"`         // no change before
	Penalty   *time.Time `json:"flap_penalty_until"` // the flap brake holds so long

	ForceOut ListNote `json:"force_out"`
}

// WANNote is another WAN, as steering sees it.
type WANNote struct {
	WAN       string `json:"wan"`
	Condition string `json:"condition"` // "unknown", "good", "degraded", "down"
}

// PathNote is the round-trip time of the primary WAN.
type PathNote struct {
	Source     string   `json:"source"` // "loop", "file", "probe", "file+probe"; "" none
	Baseline   *float64 `json:"baseline_rtt_ms"`
	RTT        *float64 `json:"rtt_ms"`
	Excess     *float64 `json:"excess_ms"`
	ExcessEWMA *float64 `json:"excess_ewma_ms"`
}

// QueueNote is the primary WAN's queues on the router.
type QueueNote struct {
	Available bool     `json:"available"`
	Drops     *int     `json:"drops"`         // since the sample before
	Depth     *int     `json:"depth_packets"` // now
	DepthEWMA *float64 `json:"depth_ewma_packets"`
}

// RuleNote is the mangle rule.
type RuleNote struct {
	Comment string `json:"comment"`
	Enabled *bool  `json:"enabled"` // as last read from the router
	Error   string `json:"error,omitempty"`
}

// ListNote is an address list of the router.
type ListNote struct {
	List    string   `json:"list"`
	Entries []string `json:"entries"`
	Error   string   `json:"error,omitempty"`
}

// SteeringCounters are the counts that decide.
type SteeringCounters struct {
	RedCount         int `json:"red_count"`
	GoodCount        int `json:"good_count"`
	BadCount         int `json:"bad_count"`
	CakeReadFailures int `json:"cake_read_failures"` // in a row
}

// SteeringErrors is what does not work. No text in it may hold a password.
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
	Detail     SteeringDetail     `json:"detail"`
	Source     Origin             `json:"source,omitempty"`
	At         *time.Time         `json:"at,omitempty"`
	AgeSeconds *float64           `json:"age_seconds"` // of these values
}

// CongestionHealth is how congested a WAN is.
type CongestionHealth struct {
	State     string `json:"state"`
	StateCode int    `json:"state_code"` // 0 GREEN, 1 YELLOW, 2 RED, 3 UNKNOWN
	WAN       string `json:"wan,omitempty"`
}

// SteeringChecker makes the health document of the steering daemon.
type SteeringChecker struct {
	version string
	source  SteeringSource
	started time.Time
	now     func() time.Time
}

// NewSteeringChecker counts uptime from now on.
func NewSteeringChecker(version string, source SteeringSource) *SteeringChecker {
	return &SteeringChecker{version: version, source: source, started: time.Now(), now: time.Now}
}

// Health asks the source.
func (c *SteeringChecker) Health(ctx context.Context) SteeringHealth {
	ctx, cancel := context.WithTimeout(ctx, snapshotWait)
	defer cancel()
	s, err := c.source.Snapshot(ctx)
	now := c.now()
	uptime := now.Sub(c.started)
	h := s.health(now)
	h.UptimeSeconds, h.Version, h.PID, h.Source = round(uptime.Seconds()), c.version, os.Getpid(), FromLoop
	if err != nil {
		h.Status, h.Reasons = Degraded, []string{OneLine(err.Error())}
	} else {
		h.Status, h.Reasons = s.assess(now, uptime)
	}
	return h
}

func (s *SteeringStatus) health(now time.Time) SteeringHealth {
	h := SteeringHealth{
		Counters:   s.Counters,
		Errors:     s.Errors,
		Thresholds: s.Thresholds,
		Detail:     s.Detail,
		AgeSeconds: age(now, s.At),
	}
	h.Detail.Rule.Error, h.Detail.ForceOut.Error = OneLine(s.Detail.Rule.Error), OneLine(s.Detail.ForceOut.Error)
	if h.Detail.ForceOut.Entries == nil {
		h.Detail.ForceOut.Entries = []string{}
	}
	h.Errors.LastError = OneLine(h.Errors.LastError)
	h.Steering.Enabled, h.Steering.State, h.Steering.Mode = s.Enabled, s.State, s.Mode
	h.Congestion.Primary = congestion(s.Congestion, s.Primary)
	h.Decision.TimeInStateSeconds = round(s.InState.Seconds())
	if !s.LastTransition.IsZero() {
		h.Decision.LastTransitionTime = &s.LastTransition
	}
	if !s.At.IsZero() {
		h.At = &s.At
	}
	return h
}

// assess judges steering: starting until the congestion of the primary WAN is
// known, for a minute at most; degraded when 3 or more measurements failed in
// a row or the loop stands still; healthy otherwise, steering or not.
func (s *SteeringStatus) assess(now time.Time, uptime time.Duration) (Status, []string) {
	status, reasons := Healthy, []string(nil)
	blame := func(is Status, why string) {
		status = worse(status, is)
		reasons = append(reasons, why)
	}
	if s.Congestion == "" {
		missing := Starting
		if uptime > startGrace {
			missing = Degraded
		}
		blame(missing, "the congestion of the primary WAN is not known yet")
	}
	if max(s.Errors.ConsecutiveFailures, s.Errors.CakeReadFailures) > failuresAllowed {
		blame(Degraded, "several measurements in a row have failed")
	}
	if stalled := now.Sub(s.At); stalled > steeringStall {
		blame(Degraded, "the loop has said nothing for "+stalled.Round(time.Second).String())
	}
	return status, reasons
}

// steeringStall is longer than that of the autorate loop: the interval of
// steering may be up to a minute.
const steeringStall = 3 * time.Minute

func congestion(state, wan string) CongestionHealth {
	h := CongestionHealth{State: state, StateCode: 3, WAN: wan}
	switch state {
	case "GREEN":
		h.StateCode = 0
	case "YELLOW":
		h.StateCode = 1
	case "RED":
		h.StateCode = 2
	case "":
		h.State = "UNKNOWN"
	}
	return h
}
