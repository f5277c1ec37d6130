// Package history keeps the last ten minutes of what the loops did, for the
// status page: one sample a second and WAN, and the newest events.
package history

import "time"

const (
	// Span is how far back samples reach.
	Span = 10 * time.Minute
	// Step is the time between two samples of one WAN.
	Step = time.Second
	// MaxEvents bounds the events that are kept of a process.
	MaxEvents = 256
)

// Sample is one second of a WAN. Null is for what was not known.
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

// Event is something that a person would want to know of later.
type Event struct {
	At        time.Time `json:"at"`
	WAN       string    `json:"wan"`                 // of a WAN's loop or, for steering, the primary WAN
	Kind      string    `json:"kind"`                // "state", "decision", "router", "probe", "foreign", "steering", "life"
	Direction string    `json:"direction,omitempty"` // "download" or "upload"
	Text      string    `json:"text"`                // one line, no secrets
}

// Excerpt is what there is since some moment.
type Excerpt struct {
	WANs   map[string][]Sample `json:"wans"`   // by name, oldest first
	Events []Event             `json:"events"` // oldest first
}
