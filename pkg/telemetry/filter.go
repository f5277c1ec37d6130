package telemetry

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// OfWAN returns a Gatherer of the metrics that carry the label of one WAN. Those
// of the process (go_, process_, wanctl_build_info) carry none.
func OfWAN(from prometheus.Gatherer, name string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		all, err := from.Gather()
		return FamiliesOfWAN(all, name), err
	})
}

// FamiliesOfWAN returns the part of families that carries the label of the WAN
// called name, and the metrics of processes with the labels of OfLoop. It does not
// change families.
func FamiliesOfWAN(families []*dto.MetricFamily, name string) []*dto.MetricFamily {
	wan := WANLabel(name)
	var kept []*dto.MetricFamily
	for _, f := range families {
		process := ofProcess(f.GetName())
		if !process && !strings.HasPrefix(f.GetName(), "wanctl_") {
			continue
		}
		var mine []*dto.Metric
		for _, m := range f.GetMetric() {
			if slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool {
				return process && l.GetName() == "daemon" || !process && l.GetName() == "wan" && l.GetValue() == wan
			}) {
				mine = append(mine, m)
			}
		}
		if mine != nil {
			kept = append(kept, withMetrics(f, mine))
		}
	}
	return kept
}

// OfLoop is OfWAN with what a process needs and has: CPU time, memory, files,
// goroutines, start. Those series are labelled with daemon, the command that the
// process runs, and wan, the WANs of its loops, so that they can stand beside those of
// other processes.
func OfLoop(from prometheus.Gatherer, name string, process func() (daemon, wan string)) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		all, err := from.Gather()
		kept := FamiliesOfWAN(all, name)
		daemon, wan := process()
		labels := []*dto.LabelPair{{Name: new("daemon"), Value: &daemon}, {Name: new("wan"), Value: &wan}}
		for _, f := range all {
			if ofProcess(f.GetName()) {
				m := &dto.Metric{Label: labels, Gauge: f.GetMetric()[0].GetGauge(), Counter: f.GetMetric()[0].GetCounter()}
				kept = append(kept, withMetrics(f, []*dto.Metric{m}))
			}
		}
		return kept, err
	})
}

// ofProcess reports whether the metric called name is of a process, and says something
// about a loop.
func ofProcess(name string) bool {
	switch name {
	case "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds",
		"process_start_time_seconds", "go_goroutines":
		return true
	}
	return false
}

// withMetrics returns the family f with other metrics.
func withMetrics(f *dto.MetricFamily, metrics []*dto.Metric) *dto.MetricFamily {
	return &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type, Unit: f.Unit, Metric: metrics}
}
