package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Fleet is the metrics of the connection of a host to its fleet. Its methods may be called
// from several goroutines.
type Fleet struct {
	connected prometheus.Gauge
	dropped   prometheus.Counter
}

// Fleet creates the metrics with the value 0 and returns them.
func (m *Metrics) Fleet() *Fleet {
	if m == nil {
		return nil
	}
	l := labelled{m: m}
	return &Fleet{
		connected: l.gauge("wanctl_fleet_connected", "Whether there is a connection to a NATS server of the fleet (1) or not (0)."),
		dropped:   l.counter("wanctl_fleet_batches_dropped_total", "Batches of the state of all WANs that were not published: no connection, or one that stands still."),
	}
}

// Connected sets whether there is a connection.
func (f *Fleet) Connected(is bool) {
	if f != nil {
		f.connected.Set(oneIf(is))
	}
}

// Dropped counts a batch that was not published.
func (f *Fleet) Dropped() {
	if f != nil {
		f.dropped.Inc()
	}
}
