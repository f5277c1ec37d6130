package daemon

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/notify"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

func TestWANStatus(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*telemetry.WANHealth)
		want   func(*notify.Status)
	}{
		{"measured", func(*telemetry.WANHealth) {}, func(*notify.Status) {}},
		{"a second without a reply", func(h *telemetry.WANHealth) { h.Probe.ReflectorsAlive, h.Probe.LastReplyAgeSeconds = 0, new(1.0) },
			func(s *notify.Status) { s.Line.ReflectorsAlive = 0 }},
		{"outage", func(h *telemetry.WANHealth) { h.Probe.ReflectorsAlive, h.Probe.LastReplyAgeSeconds = 0, new(4.0) },
			func(s *notify.Status) { s.Line.ReflectorsAlive, s.Line.Outage = 0, true }},
		{"slow probes", func(h *telemetry.WANHealth) { h.Probe.LastReplyAgeSeconds = new(4.0) }, func(*notify.Status) {}},
		{"the loop does not answer", func(h *telemetry.WANHealth) { *h = telemetry.WANHealth{Status: telemetry.Degraded, Upload: h.Upload} },
			func(s *notify.Status) {
				s.Health, s.Line, s.Download = "degraded", nil, &notify.DirectionStatus{}
			}},
		{"no limit in force yet", func(h *telemetry.WANHealth) { h.Download.AppliedMbps = nil }, func(s *notify.Status) { s.Download.LimitMbps = new(80.0) }},
		{"upload as well", func(h *telemetry.WANHealth) { h.Upload = telemetry.DirectionHealth{State: "RED"} },
			func(s *notify.Status) { s.Upload = &notify.DirectionStatus{State: "RED"} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := telemetry.WANHealth{
				Status: telemetry.Healthy, LoadRTTMs: new(21.0), ExcessMs: new(1.0),
				Probe:    telemetry.ProbeHealth{ReflectorsAlive: 3, LastReplyAgeSeconds: new(0.1)},
				Download: telemetry.DirectionHealth{State: "GREEN", Reason: "idle", CurrentRateMbps: new(80.0), AppliedMbps: new(90.0)},
				Upload:   telemetry.DirectionHealth{NotControlled: true},
			}
			want := notify.Status{
				Health: "healthy", Refused: "why", Line: &notify.Line{RTTMs: new(21.0), ExcessMs: new(1.0), ReflectorsAlive: 3},
				Download: &notify.DirectionStatus{State: "GREEN", Reason: "idle", LimitMbps: new(90.0)},
			}
			c.change(&h)
			c.want(&want)
			if diff := cmp.Diff(want, WANStatus(&h, []string{"why"})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSteeringStatus(t *testing.T) {
	h := telemetry.NewSteeringHealth("cable", "RED", time.Time{})
	h.Status = telemetry.Healthy
	h.SetState(true, "CABLE_DEGRADED", "active")
	if got := SteeringStatus(&h, nil); got.Steering != nil {
		t.Errorf("a rule that nobody has read: %+v", got.Steering)
	}
	h.Detail = telemetry.SteeringDetail{Reason: "steered", Note: "two red samples", Alternate: telemetry.Alternate{WAN: "lte"}, Rule: telemetry.Rule{Enabled: new(true)}}
	want := notify.Status{Health: "healthy", Steering: &notify.SteeringStatus{
		Primary: "cable", Alternate: "lte", Engaged: true, Congestion: "RED", Reason: "steered: two red samples",
	}}
	if diff := cmp.Diff(want, SteeringStatus(&h, nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReceivers(t *testing.T) {
	cfg := &config.Base{Name: "cable"}
	log := slog.New(slog.DiscardHandler)
	if got := Receivers(cfg, "v1", log); got != nil {
		t.Errorf("receivers by default: %v", got)
	}
	cfg.Notify.Command.Path = "/etc/wanctl/hook"
	cfg.Notify.Webhook.URL = config.NewSecret("https://ntfy.example/t")
	cfg.Notify.MQTT.Broker = "mqtts://broker:8883"
	var names []string
	for _, r := range Receivers(cfg, "v1", log) {
		names = append(names, r.Name())
	}
	if diff := cmp.Diff([]string{"command", "webhook", "mqtt"}, names); diff != "" {
		t.Error(diff)
	}
}

// A reload that leaves notify alone leaves receivers alone, with their connections; one that
// changes a secret does not.
func TestReconfigureNotifications(t *testing.T) {
	cfg := config.Base{Name: "cable"}
	cfg.Notify.Webhook.URL = config.NewSecret("https://ntfy.example/t")
	p := &Process{Daemon: &Daemon{}}
	n := p.NewNotifications(&cfg, slog.New(slog.DiscardHandler), func(context.Context) notify.Status { return notify.Status{} })
	same, other := cfg, cfg
	same.Notify.Webhook.URL = config.NewSecret("https://ntfy.example/t")
	same.Health.Port = 1
	if n.Reconfigure(&same) {
		t.Error("the same settings replace receivers")
	}
	other.Notify.Webhook.URL = config.NewSecret("https://ntfy.example/u")
	if !n.Reconfigure(&other) || n.Reconfigure(&other) {
		t.Error("another address is used never, or always")
	}
}
