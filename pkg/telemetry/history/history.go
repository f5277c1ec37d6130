// Package history keeps the last ten minutes of the loops for the status page:
// one sample per second and WAN, and the newest events. It owns the bounded
// store and its JSON form. It writes nothing to disk.
package history

import "time"

const (
	// Span is how far back samples reach.
	Span = 10 * time.Minute
	// Step is the time between two samples of one WAN.
	Step = time.Second
	// MaxEvents bounds the events that a process keeps.
	MaxEvents = 256
)

// Sample is one second of a WAN. Unknown values are null.
type Sample struct {
	At         time.Time    `json:"at"`     // its end
	RTT        *float64     `json:"rtt_ms"` // median of the second
	RTTMax     *float64     `json:"rtt_max_ms"`
	Baseline   *float64     `json:"baseline_rtt_ms"`
	Excess     *float64     `json:"excess_ms"`  // highest of the second
	Directions [2]Direction `json:"directions"` // download, upload
}

// Direction is one direction of a WAN during a second.
type Direction struct {
	Limit      int64  `json:"limit_bps"`
	Throughput int64  `json:"throughput_bps"`
	State      string `json:"state"` // the worst of the second
}

// Event is an incident that is worth reading about later.
type Event struct {
	At        time.Time `json:"at"`
	WAN       string    `json:"wan"`                 // the WAN of a loop or, for steering, the primary WAN
	Kind      string    `json:"kind"`                // "state", "decision", "router", "probe", "foreign", "steering", "life"
	Direction string    `json:"direction,omitempty"` // "download" or "upload"
	Text      string    `json:"text"`                // one line, no secrets
}

// Window is the part of a history after some moment.
type Window struct {
	WANs   map[string][]Sample `json:"wans"`   // by name, oldest first
	Events []Event             `json:"events"` // oldest first
}
