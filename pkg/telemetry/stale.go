package telemetry

import (
	"time"
)

// Stale is the health of a WAN whose loop does not run: what its state file
// still tells, and why that is not of now.
func (w WANStatus) Stale(now time.Time, why string) WANHealth {
	w.Origin = FromFile
	h := w.health(now)
	h.Status, h.Reasons = Degraded, []string{OneLine(why)}
	return h
}

// Stale is that of a WAN, for a steering daemon that does not run.
func (s SteeringStatus) Stale(now time.Time, why string) SteeringHealth {
	h := s.health(now)
	h.Status, h.Reasons, h.Source = Degraded, []string{OneLine(why)}, FromFile
	return h
}
