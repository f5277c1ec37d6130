package telemetry

import (
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
// called name. It does not change families.
func FamiliesOfWAN(families []*dto.MetricFamily, name string) []*dto.MetricFamily {
	wan := WANLabel(name)
	var kept []*dto.MetricFamily
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "wanctl_") {
			continue
		}
		var mine []*dto.Metric
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "wan" && l.GetValue() == wan {
					mine = append(mine, m)
					break
				}
			}
		}
		if mine != nil {
			kept = append(kept, &dto.MetricFamily{Name: f.Name, Help: f.Help, Type: f.Type, Unit: f.Unit, Metric: mine})
		}
	}
	return kept
}
