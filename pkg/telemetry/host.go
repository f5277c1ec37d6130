package telemetry

import "time"

// Host is everything the loops of a host say of themselves at one moment: what
// `serve` answers at /health, and what the status page shows.
type Host struct {
	Health
	At       time.Time        `json:"at"`
	Steering []SteeringHealth `json:"steering_daemons"`
}
