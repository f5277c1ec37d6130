package telemetry

import (
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// Status is the condition of a WAN, of steering or of a whole host.
type Status string

// Statuses, in rising severity.
const (
	Healthy  Status = "healthy"
	Standby  Status = "standby" // its loop runs on another node, and is as well as healthy here
	Starting Status = "starting"
	Degraded Status = "degraded"
)

func (s Status) severity() int {
	switch s {
	case Degraded:
		return 2
	case Starting:
		return 1
	case Healthy, Standby:
	}
	return 0
}

// Well reports whether there is nothing to do.
func (s Status) Well() bool { return s == Healthy || s == Standby }

func worse(a, b Status) Status {
	if b.severity() > a.severity() {
		return b
	}
	return a
}

// Thresholds between healthy and degraded.
const (
	startGrace      = 60 * time.Second // then a missing value is a fault
	failuresAllowed = 2                // in a row
	silenceAllowed  = 10 * time.Second // without any reply to a probe
	routerPatience  = 30 * time.Second // of failing calls to the router
	stallAllowed    = 5 * time.Second  // since the last sign of the autorate loop
	steeringStall   = 3 * time.Minute  // the interval of steering may be up to a minute
)

// assessment collects what is wrong, and how bad it is.
type assessment struct {
	status  Status
	reasons []string
}

func (a *assessment) add(s Status, reason string) {
	a.status = worse(a.status, s)
	a.reasons = append(a.reasons, reason)
}

// missing adds the reason as a fault once the process has been up for a while.
func (a *assessment) missing(uptime time.Duration, reason string) {
	if uptime > startGrace {
		a.add(Degraded, reason)
	} else {
		a.add(Starting, reason)
	}
}

// silent adds the reason with its duration when seconds are more than allowed.
// Nil seconds are none.
func (a *assessment) silent(seconds *float64, allowed time.Duration, reason string) {
	if seconds == nil {
		return
	}
	if silent := time.Duration(*seconds * float64(time.Second)); silent > allowed {
		a.add(Degraded, reason+" for "+silent.Round(time.Second).String())
	}
}

// assess sets Status and Reasons of a WAN whose process has been up for uptime:
//
//   - starting until the first round-trip time and the first limit read from
//     the router, for a minute at most;
//   - degraded when the loop does not run or stands still, when 3 or more
//     measurements or router calls failed in a row, when no probe was answered
//     for 10 s, when the router has not answered for 30 s, when it refuses a
//     limit, or when a queue limits nothing;
//   - healthy otherwise. A congested link is healthy: controlling it is the
//     purpose. So is one where ICMP is filtered and TCP is measured instead.
func (h *WANHealth) assess(uptime time.Duration) {
	a := assessment{status: Healthy}
	defer func() { h.Status, h.Reasons = a.status, a.reasons }()
	if h.Source == FromFile {
		a.add(Degraded, "no loop runs for this WAN; the values are from its state file")
		return
	}
	if h.Probe.LastReplyAgeSeconds == nil {
		a.missing(uptime, "no round-trip time yet")
	}
	a.silent(h.Probe.LastReplyAgeSeconds, silenceAllowed, "no reflector has answered")
	if h.Download.limitUnknown() || h.Upload.limitUnknown() {
		a.missing(uptime, "the limits on the router are not known yet")
	}
	if h.Router.LastError != "" {
		a.silent(h.Router.LastAnswerAgeSeconds, routerPatience, "the router has not answered")
	}
	for _, text := range h.Faults {
		a.add(Degraded, OneLine(text))
	}
	refused := false
	for _, d := range autorate.Directions {
		if text := h.Direction(d).Refused; text != "" {
			a.add(Degraded, fmt.Sprintf("the router refuses the %v limit: %s", d, text))
			refused = true
		}
	}
	if h.ConsecutiveFailures > failuresAllowed && !refused {
		a.add(Degraded, "several measurements or router calls in a row have failed")
	}
	a.silent(h.AgeSeconds, stallAllowed, "the loop has said nothing")
}

// assess sets Status and Reasons of steering: starting until the congestion of
// the primary WAN is known, for a minute at most; degraded when 3 or more
// measurements failed in a row or the loop stands still; healthy otherwise,
// steering or not.
func (h *SteeringHealth) assess(uptime time.Duration) {
	a := assessment{status: Healthy}
	if h.Congestion.Primary.StateCode == congestionUnknown {
		a.missing(uptime, "the congestion of the primary WAN is not known yet")
	}
	if max(h.Errors.ConsecutiveFailures, h.Errors.CakeReadFailures) > failuresAllowed {
		a.add(Degraded, "several measurements in a row have failed")
	}
	a.silent(h.AgeSeconds, steeringStall, "the loop has said nothing")
	h.Status, h.Reasons = a.status, a.reasons
}
