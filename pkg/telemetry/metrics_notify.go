package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Notifications is the metrics of one receiver of notifications. Its methods may be called
// from several goroutines.
type Notifications struct{ sent, failed, superseded prometheus.Counter }

// Notifications creates the metrics of a receiver, such as "webhook", of the loop called
// name with the value 0 and returns them. RemoveWAN with that name removes them.
func (m *Metrics) Notifications(name, receiver string) *Notifications {
	if m == nil {
		return nil
	}
	l := labelled{m: m, labels: []string{"wan", WANLabel(name), "receiver", receiver}}
	return &Notifications{
		sent:       l.counter("wanctl_notifications_sent_total", "Events that the receiver has accepted."),
		failed:     l.counter("wanctl_notifications_failed_total", "Attempts to deliver an event that failed."),
		superseded: l.counter("wanctl_notifications_superseded_total", "Events that were not delivered because a newer one said what is so."),
	}
}

// Sent counts an event that the receiver has accepted.
func (n *Notifications) Sent() {
	if n != nil {
		n.sent.Inc()
	}
}

// Failed counts an attempt that failed.
func (n *Notifications) Failed() {
	if n != nil {
		n.failed.Inc()
	}
}

// Superseded counts an event that is not delivered any more.
func (n *Notifications) Superseded() {
	if n != nil {
		n.superseded.Inc()
	}
}
