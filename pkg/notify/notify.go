// Package notify sends what changes about a loop to receivers outside of it: a command, a
// webhook, an MQTT broker. It samples the loop once a second from a goroutine of its own,
// so that no loop ever waits for a receiver.
//
// It owns the document of an event and what reaches which receiver: a Tracker turns
// statuses into events, an outbox holds for each receiver the newest event of each kind,
// and one goroutine per receiver delivers them. It never changes what a loop does.
package notify

import (
	"fmt"
	"strings"
	"time"
)

// Kind is what an event is about.
type Kind string

// Kinds of events.
const (
	Health        Kind = "health"        // healthy or degraded
	State         Kind = "state"         // of the law in one direction: GREEN to RED
	Outage        Kind = "outage"        // whether any reflector answers: up or down
	Steering      Kind = "steering"      // whether new connections go to the other WAN: engaged or released
	Loop          Kind = "loop"          // running or stopped
	Taken         Kind = "takeover"      // the node that owns the router now, as the loop starts
	Configuration Kind = "configuration" // accepted, or refused by a reload
	Test          Kind = "test"          // sent by 'wanctl notify test'
)

// Values of events that are not values of a Status.
const (
	Up       = "up"
	Down     = "down"
	Engaged  = "engaged"
	Released = "released"
	Running  = "running"
	Stopped  = "stopped"
	Accepted = "accepted"
	Refused  = "refused"
)

// Event is one change, as receivers read it. Its JSON schema is notify-event in
// configs/output.schema.json.
type Event struct {
	Time      time.Time `json:"time"`    // of the event
	Version   string    `json:"version"` // of this program
	Host      string    `json:"host"`    // that the loop runs on
	WAN       string    `json:"wan"`     // the name in the configuration
	Kind      Kind      `json:"event"`
	Direction string    `json:"direction,omitempty"` // of a State
	Old       string    `json:"old"`
	New       string    `json:"new"`
	Reason    string    `json:"reason,omitempty"`
	// OldSeconds is how long the old value lasted: of an outage, its duration.
	OldSeconds float64 `json:"old_duration_seconds"`
	Summary    string  `json:"summary"` // one line for people
	Status     Status  `json:"status"`  // of the loop at that time
}

// Status is a loop at one moment. What is unknown is null, what does not apply absent.
type Status struct {
	Time    time.Time `json:"time"`
	Health  string    `json:"health"` // "starting", "healthy" or "degraded"
	Reasons []string  `json:"reasons,omitempty"`
	// Refused is why a reload kept the old configuration.
	Refused string `json:"configuration_refused,omitempty"`

	Takeover *Takeover        `json:"takeover,omitempty"` // with which the loop began
	Line     *Line            `json:"line,omitempty"`     // of the loop of a WAN
	Steering *SteeringStatus  `json:"steering,omitempty"`
	Download *DirectionStatus `json:"download,omitempty"`
	Upload   *DirectionStatus `json:"upload,omitempty"`
}

// Takeover is how one of several nodes came to own a router.
type Takeover struct {
	Router string `json:"router"`
	Node   string `json:"node"`
	From   string `json:"from"` // the node before it
	Reason string `json:"reason"`
}

// String describes t in one line.
func (t *Takeover) String() string {
	return fmt.Sprintf("%s has taken router %s over from %s: %s", t.Node, t.Router, t.From, t.Reason)
}

// Line is what is measured of a WAN.
type Line struct {
	RTTMs           *float64 `json:"rtt_ms"`
	BaselineRTTMs   *float64 `json:"baseline_rtt_ms"`
	ExcessMs        *float64 `json:"excess_ms"`
	ReflectorsAlive int      `json:"reflectors_alive"`
	Outage          bool     `json:"outage"` // no reflector answers
}

// DirectionStatus is one direction that is controlled.
type DirectionStatus struct {
	State          string   `json:"state"`
	Reason         string   `json:"reason,omitempty"`
	LimitMbps      *float64 `json:"limit_mbps"`
	ThroughputMbps *float64 `json:"throughput_mbps"`
	CapacityMbps   *float64 `json:"capacity_mbps"`
}

// SteeringStatus is the steering of one primary WAN.
type SteeringStatus struct {
	Primary    string `json:"primary"`
	Alternate  string `json:"alternate"`
	Engaged    bool   `json:"engaged"`
	Congestion string `json:"congestion"`
	Reason     string `json:"reason,omitempty"`
}

// summary describes e in one line.
func (e *Event) summary() string {
	what := string(e.Kind)
	if e.Direction != "" {
		what = e.Direction
	}
	text := fmt.Sprintf("%s: %s %s, was %s", e.WAN, what, e.New, e.Old)
	switch {
	case e.Kind == Outage && e.New == Up:
		text = fmt.Sprintf("%s: outage over after %s", e.WAN, seconds(e.OldSeconds))
	case e.Kind == Outage:
		text = e.WAN + ": outage"
	case e.Kind == Loop, e.Kind == Configuration:
		text = fmt.Sprintf("%s: %s %s", e.WAN, what, e.New)
	case e.Kind == Steering && e.Status.Steering != nil:
		to := e.Status.Steering.Primary
		if e.New == Engaged {
			to = e.Status.Steering.Alternate
		}
		text = fmt.Sprintf("%s: new connections go to %s", e.WAN, to)
	case e.Kind == Taken:
		return strings.Join(strings.Fields(e.WAN+": "+e.Status.Takeover.String()), " ")
	case e.Kind == Test:
		return e.WAN + ": test of wanctl's notifications"
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return strings.Join(strings.Fields(text), " ")
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
