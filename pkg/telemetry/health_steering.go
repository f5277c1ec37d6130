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
	h := SteeringHealth{
		UptimeSeconds: round(uptime.Seconds()),
		Version:       c.version,
		Counters:      s.Counters,
		Errors:        s.Errors,
		Thresholds:    s.Thresholds,
		PID:           os.Getpid(),
	}
	h.Errors.LastError = clean(h.Errors.LastError)
	h.Steering.Enabled, h.Steering.State, h.Steering.Mode = s.Enabled, s.State, s.Mode
	h.Congestion.Primary = congestion(s.Congestion, s.Primary)
	h.Decision.TimeInStateSeconds = round(s.InState.Seconds())
	if !s.LastTransition.IsZero() {
		h.Decision.LastTransitionTime = &s.LastTransition
	}
	if err != nil {
		h.Status, h.Reasons = Degraded, []string{clean(err.Error())}
	} else {
		h.Status, h.Reasons = s.assess(now, uptime)
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
