package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Config is the metrics of the configuration that a host has from its fleet. Its methods may be called from several goroutines.
type Config struct {
	revision prometheus.Gauge
	results  map[string]prometheus.Gauge
}

// Config creates the metrics, of a host that stands in one of these results with its
// configuration, and returns them.
func (m *Metrics) Config(results ...string) *Config {
	if m == nil {
		return nil
	}
	l := labelled{m: m}
	c := &Config{revision: l.gauge("wanctl_config_revision", "Revision of the fleet's configuration that this host uses; 0: none."), results: map[string]prometheus.Gauge{}}
	for _, r := range results {
		c.results[r] = l.with("result", r).gauge("wanctl_config_result", "How this host stands with the latest configuration of its fleet: 1 for the result that holds.")
	}
	return c
}

// Stands sets the revision in use, and the result that holds.
func (c *Config) Stands(revision uint64, result string) {
	if c == nil {
		return
	}
	c.revision.Set(float64(revision))
	for r, gauge := range c.results {
		gauge.Set(oneIf(r == result))
	}
}
