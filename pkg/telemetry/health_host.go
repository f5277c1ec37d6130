package telemetry

import "time"

// Host is the health document of all loops of a host at one moment: the answer
// of `serve` at /health, and the content of the status page.
type Host struct {
	Health
	At       time.Time        `json:"at"`
	Steering []SteeringHealth `json:"steering_daemons"`
}

// NewHost returns the health of a host at the moment at, gathered by a process
// that has been up for uptime. The host is as healthy as the worst of its
// daemons; a host without daemons is degraded.
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
