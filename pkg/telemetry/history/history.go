// Package history is what happened on the WANs of a host. A loop adds up what it sees
// into a Rollup a second. A Store keeps the last ten minutes of these as points for the
// status page. A Writer keeps them on disk: seconds for an hour, minutes for a month,
// hours for a year, and the events that matter; an Archive reads them, whether the loop
// runs or not. Nothing in a loop waits for any of it.
package history

import "time"

const (
	// Span is how far back a Store reaches.
	Span = 10 * time.Minute
	// Step is the time between two points of one WAN in a Store.
	Step = time.Second
	// MaxEvents bounds the events that a process keeps in memory: so many that matter,
	// and so many usual ones.
	MaxEvents = 256
)

// Point is one interval of a WAN as charts show it. Unknown values are null.
type Point struct {
	At         time.Time         `json:"at"`     // its end
	RTT        *float64          `json:"rtt_ms"` // median of a second; of more, the mean of those
	RTTMax     *float64          `json:"rtt_max_ms"`
	Baseline   *float64          `json:"baseline_rtt_ms"`
	Excess     *float64          `json:"excess_ms"`  // highest
	Directions [2]DirectionPoint `json:"directions"` // download, upload
}

// DirectionPoint is one direction of a WAN in a Point.
type DirectionPoint struct {
	Limit      int64  `json:"limit_bps"`
	Throughput int64  `json:"throughput_bps"`
	State      string `json:"state"` // the worst
}

// Event is an incident that is worth reading about later.
type Event struct {
	At        time.Time `json:"at"`
	WAN       string    `json:"wan"`                 // the WAN of a loop or, for steering, the primary WAN
	Kind      string    `json:"kind"`                // "state", "decision", "router", "probe", "foreign", "steering", "owner", "life"
	Direction string    `json:"direction,omitempty"` // "download" or "upload"
	Text      string    `json:"text"`                // one line, no secrets
	// Duration is that of what has ended with the event, 0 for others.
	Duration float64 `json:"duration_seconds,omitempty"`
}

// Usual reports whether e is the work of the law on a line that is in order: a change of
// state, a cut. A busy line has many of them.
func (e *Event) Usual() bool { return e.Kind == "state" || e.Kind == "decision" }

// Window is the part of a history after some moment.
type Window struct {
	WANs   map[string][]Point `json:"wans"`   // by name, oldest first
	Events []Event            `json:"events"` // oldest first
}

// point returns r as a point that ends with it.
func (r *Rollup) point() Point {
	p := Point{At: r.end()}
	block := new([4]float64) // one object, not four
	known := func(i int, v float64) *float64 {
		block[i] = v
		return &block[i]
	}
	if r.RTT.Count > 0 {
		p.RTT, p.RTTMax, p.Excess = known(0, r.RTT.Mean()), known(1, r.RTT.Max), known(2, r.Excess.Max)
	}
	if r.Baseline.Count > 0 {
		p.Baseline = known(3, r.Baseline.Mean())
	}
	for i := range r.Directions {
		d := &r.Directions[i]
		p.Directions[i] = DirectionPoint{Limit: bps(d.Limit), Throughput: bps(d.Throughput), State: d.Worst().String()}
	}
	return p
}

// bps returns the mean of kbit/s in bit/s.
func bps(g Gauge) int64 { return int64(g.Mean() * 1000) }
