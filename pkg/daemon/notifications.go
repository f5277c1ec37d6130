package daemon

import (
	"context"
	"log/slog"
	"reflect"
	"strings"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/notify"
	"github.com/wanctl/wanctl/pkg/notify/mqtt"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// Notifications sends the events of one loop to the receivers of its configuration. It
// reads the same health document as every monitor, once a second.
type Notifications struct {
	*notify.Notifier
	version string
	log     *slog.Logger
	inUse   config.Notify // read by Reconfigure alone
}

// NewNotifications returns the notifications of the loop of cfg, which sample describes.
func (p *Process) NewNotifications(cfg *config.Base, log *slog.Logger, sample func(context.Context) notify.Status) *Notifications {
	n := &Notifications{version: p.Version, log: log, inUse: cfg.Notify}
	n.Notifier = notify.New(notify.Config{
		WAN: cfg.Name, Version: p.Version, Sample: sample, Log: log,
		Count: func(receiver string) notify.Counter { return p.Metrics.Notifications(cfg.Name, receiver) },
	}, n.settings(cfg))
	return n
}

// Reconfigure has the receivers of cfg take the place of the present ones, if they differ,
// and reports whether they do.
func (n *Notifications) Reconfigure(cfg *config.Base) (changed bool) {
	if reflect.DeepEqual(n.inUse, cfg.Notify) {
		return false
	}
	n.inUse = cfg.Notify
	n.Replace(n.settings(cfg))
	return true
}

func (n *Notifications) settings(cfg *config.Base) notify.Settings {
	s := notify.Settings{For: cfg.Notify.For, Receivers: Receivers(cfg, n.version, n.log)}
	for _, kind := range cfg.Notify.Events {
		s.Kinds = append(s.Kinds, notify.Kind(kind))
	}
	return s
}

// Receivers returns those that a configuration names. None has connected yet.
func Receivers(cfg *config.Base, version string, log *slog.Logger) []notify.Receiver {
	var list []notify.Receiver
	if c := cfg.Notify.Command; c.Path != "" {
		list = append(list, notify.NewCommand(notify.CommandConfig{Path: c.Path, Args: c.Args, Timeout: c.Timeout}, log))
	}
	if w := cfg.Notify.Webhook; w.URL.IsSet() {
		c := notify.WebhookConfig{
			URL: w.URL.Reveal(), Text: w.Format == "text", TLSFingerprint: w.TLSFingerprint, Timeout: w.Timeout, Version: version,
		}
		for _, h := range w.Headers {
			c.Headers = append(c.Headers, h.Reveal())
		}
		list = append(list, notify.NewWebhook(c))
	}
	if m := cfg.Notify.MQTT; m.Broker != "" {
		list = append(list, mqtt.New(mqtt.Config{
			Broker: m.Broker, User: m.User, Password: m.Password.Reveal(), ClientID: m.ClientID, TLSFingerprint: m.TLSFingerprint,
			DiscoveryPrefix: m.DiscoveryPrefix, TopicPrefix: m.TopicPrefix, Interval: m.Interval, Name: cfg.Name, Version: version,
		}, log))
	}
	return list
}

// WANStatus returns the health of a WAN as receivers read it. kept are the reasons why the
// loop has an old configuration.
func WANStatus(h *telemetry.WANHealth, kept []string) notify.Status {
	s := status(h.Status, h.Reasons, kept)
	if age := h.Probe.LastReplyAgeSeconds; age != nil {
		s.Line = &notify.Line{
			RTTMs: h.LoadRTTMs, BaselineRTTMs: h.BaselineRTTMs, ExcessMs: h.ExcessMs,
			ReflectorsAlive: h.Probe.ReflectorsAlive,
			Outage:          h.Probe.ReflectorsAlive == 0 && *age > outageAfter,
		}
	}
	s.Download, s.Upload = directionStatus(&h.Download), directionStatus(&h.Upload)
	return s
}

// outageAfter is the time in seconds without any reply from which there is an outage: a
// line that is probed once a second has had a chance then.
const outageAfter = 3

func directionStatus(h *telemetry.DirectionHealth) *notify.DirectionStatus {
	if h.NotControlled {
		return nil
	}
	limit := h.AppliedMbps
	if limit == nil {
		limit = h.CurrentRateMbps
	}
	return &notify.DirectionStatus{
		State: h.State, Reason: h.Reason, LimitMbps: limit, ThroughputMbps: h.ThroughputMbps, CapacityMbps: h.CapacityMbps,
	}
}

// SteeringStatus is WANStatus of steering. What it does is absent until the rule is known.
func SteeringStatus(h *telemetry.SteeringHealth, kept []string) notify.Status {
	s := status(h.Status, h.Reasons, kept)
	if h.Detail.Rule.Enabled != nil {
		reason := h.Detail.Reason
		if h.Detail.Note != "" {
			reason += ": " + h.Detail.Note
		}
		s.Steering = &notify.SteeringStatus{
			Primary: h.Congestion.Primary.WAN, Alternate: h.Detail.Alternate.WAN,
			Engaged: h.Steering.Enabled, Congestion: h.Congestion.Primary.State, Reason: reason,
		}
	}
	return s
}

func status(s telemetry.Status, reasons, kept []string) notify.Status {
	return notify.Status{Health: string(s), Reasons: reasons, Refused: strings.Join(kept, "; ")}
}
