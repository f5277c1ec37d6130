package telemetry

import (
	"strings"
	"time"
)

// Host is the health document of all loops of a host at one moment: the answer
// of `serve` at /health, and the content of the status page.
type Host struct {
	Health
	At       time.Time        `json:"at"`
	Steering []SteeringHealth `json:"steering_daemons"`
	HA       *HA              `json:"ha,omitempty"` // of one of several nodes
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

// Problems returns a text for each loop that is degraded: its name and why.
func (h Host) Problems() []string {
	list := h.Health.Problems()
	for _, s := range h.Steering {
		if s.Status == Degraded {
			list = append(list, s.Detail.Name+" degraded: "+strings.Join(s.Reasons, ", "))
		}
	}
	return list
}

// Doubts returns the warnings of all loops, each with the name of its loop.
func (h Host) Doubts() []string {
	var list []string
	for _, w := range h.WANs {
		for _, text := range w.Warnings {
			list = append(list, w.Name+": "+text)
		}
	}
	for _, s := range h.Steering {
		for _, text := range s.Warnings {
			list = append(list, s.Detail.Name+": "+text)
		}
	}
	return list
}
