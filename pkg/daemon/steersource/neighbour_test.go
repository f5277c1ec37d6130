package steersource

import (
	"testing"

	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

func TestNeighbour(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*telemetry.Health)
		want   steering.Alternate
	}{
		{"calm, or nearly so", nil, steering.AlternateGood},
		{"congested one way", func(h *telemetry.Health) { h.WANs[0].Upload.State = "SOFT_RED" }, steering.AlternateDegraded},
		{"congested badly", func(h *telemetry.Health) { h.WANs[0].Download.State = "RED" }, steering.AlternateDegraded},
		{"down", func(h *telemetry.Health) { h.WANs[0].Probe.ReflectorsAlive = 0 }, steering.AlternateDown},
		{"down, whatever it was before", func(h *telemetry.Health) {
			h.WANs[0].Probe.ReflectorsAlive, h.WANs[0].Download.State = 0, "RED"
		}, steering.AlternateDown},
		{"restarted a moment ago", func(h *telemetry.Health) {
			h.UptimeSeconds, h.WANs[0].Probe.ReflectorsAlive = 0.2, 0
		}, steering.AlternateUnknown},
		{"restarted, and congested already", func(h *telemetry.Health) {
			h.UptimeSeconds, h.WANs[0].Download.State = 0.2, "RED"
		}, steering.AlternateDegraded},
		{"stands still", func(h *telemetry.Health) { h.WANs[0].AgeSeconds = new(5.0) }, steering.AlternateUnknown},
		{"somebody else's", func(h *telemetry.Health) { h.WANs[0].Name = "lte" }, steering.AlternateUnknown},
		{"not healthy for another reason", func(h *telemetry.Health) {
			h.Status, h.WANs[0].Status = telemetry.Degraded, telemetry.Degraded
		}, steering.AlternateGood},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Neighbour{WAN: "dsl", Loop: answering(t, tt.change)}).Condition(t.Context()); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	if got := (Neighbour{WAN: "dsl", Loop: notRunning(t)}).Condition(t.Context()); got != steering.AlternateUnknown {
		t.Errorf("no loop: %v", got)
	}
}
