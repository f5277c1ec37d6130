package fleetlink

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/fleet/live"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// WANs returns what a batch has of the loops in a health document.
func WANs(h telemetry.Health) []live.WAN {
	list := make([]live.WAN, len(h.WANs))
	for i := range h.WANs {
		w := &h.WANs[i]
		list[i] = live.WAN{
			Name: w.Name, Status: string(w.Status), Reasons: strings.Join(w.Reasons, "; "),
			RTTMs: w.LoadRTTMs, BaselineMs: w.BaselineRTTMs, ExcessMs: w.ExcessMs, Reflectors: w.Probe.ReflectorsAlive,
			Download: direction(&w.Download), Upload: direction(&w.Upload),
		}
	}
	return list
}

func direction(d *telemetry.DirectionHealth) *live.Direction {
	if d.NotControlled {
		return nil
	}
	limit := d.AppliedMbps
	if limit == nil {
		limit = d.CurrentRateMbps
	}
	return &live.Direction{State: d.State, LimitMbps: limit, ThroughputMbps: d.ThroughputMbps}
}
