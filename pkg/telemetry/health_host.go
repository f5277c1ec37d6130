package telemetry

import "time"

// Host is everything the loops of a host say of themselves at one moment: what
// `serve` answers at /health, and what the status page shows.
type Host struct {
	Health
	At       time.Time        `json:"at"`
	Steering []SteeringHealth `json:"steering_daemons"`
}

// NewHost puts together what was found at the moment at by a process that has
// been up for so long. The host is as healthy as the worst of its daemons; one
// without any is not.
func NewHost(version string, at time.Time, uptime time.Duration, wans []WANHealth, steering []SteeringHealth) Host {
	h := Host{At: at, Steering: steering, Health: Health{
		Status: Healthy, UptimeSeconds: round(uptime.Seconds()), Version: version, WANCount: len(wans), WANs: wans,
	}}
	if h.WANs == nil {
		h.WANs = []WANHealth{}
	}
	if h.Steering == nil {
		h.Steering = []SteeringHealth{}
	}
	if len(wans)+len(steering) == 0 {
		h.Status = Degraded
	}
	for i := range wans {
		h.Status = worse(h.Status, wans[i].Status)
		h.ConsecutiveFailures = max(h.ConsecutiveFailures, wans[i].ConsecutiveFailures)
	}
	for i := range steering {
		h.Status = worse(h.Status, steering[i].Status)
	}
	return h
}
