package aggregate

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

// gathered are the metrics of every daemon that runs.
type gathered [][]*dto.MetricFamily

// Metrics serves GET /metrics: those of own, those of all daemons that run and of their
// processes, and which daemons run. For a daemon that does not run there is only the age
// of its state file.
func (h *Host) Metrics(own prometheus.Gatherer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nodes := func() *telemetry.HA { return h.survey(r.Context()).nodes() }
		all := prometheus.Gatherers{own, h.running(r.Context()), telemetry.NodeMetrics(nodes)}
		for _, families := range h.gather(r.Context(), own) {
			all = append(all, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil }))
		}
		telemetry.MetricsHandler(all).ServeHTTP(w, r)
	})
}

// gather asks all daemons at once. One that does not answer has no metrics. What they
// have in common with own has the same help texts.
func (h *Host) gather(ctx context.Context, own prometheus.Gatherer) gathered {
	return h.metrics.get(ctx, func(ctx context.Context) gathered {
		members := h.survey(ctx).answering()
		all := make(gathered, len(members))
		var wg sync.WaitGroup
		for i, m := range members {
			wg.Go(func() {
				if families, err := m.client().Metrics(ctx, m.label()); err == nil {
					all[i] = families
				}
			})
		}
		wg.Wait()
		first, _ := own.Gather() // its errors are reported by the handler
		all.agree(first)
		return all
	})
}

// agree gives each metric the help text of own or of the first daemon that has it:
// beside a daemon of another version, metrics whose help text has changed would be left
// out otherwise. Of what several sockets of one process say of the process it keeps one.
func (g gathered) agree(own []*dto.MetricFamily) {
	help, seen := map[string]*string{}, map[string]bool{}
	for _, families := range slices.Insert(slices.Clone(g), 0, own) {
		for _, f := range families {
			if first, known := help[f.GetName()]; known {
				f.Help = first
			}
			help[f.GetName()] = f.Help
			f.Metric = slices.DeleteFunc(f.Metric, func(m *dto.Metric) bool {
				if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == "daemon" }) {
					return false
				}
				key := f.GetName() + fmt.Sprint(m.GetLabel())
				defer func() { seen[key] = true }()
				return seen[key]
			})
		}
	}
}

// running returns the metrics about the daemons themselves.
func (h *Host) running(ctx context.Context) prometheus.Gatherer {
	reg := prometheus.NewRegistry()
	vector := func(name, help string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"wan"})
		reg.MustRegister(v)
		return v
	}
	loops := vector("wanctl_loop_running", telemetry.LoopRunningHelp)
	steering := vector("wanctl_steering_running", "Whether the steering daemon of the primary WAN runs and answers (1) or not (0).")
	ages := vector("wanctl_state_age_seconds", "Age of the state file of the WAN's loop.")
	s := h.survey(ctx)
	for _, v := range s.views {
		if v.member.client() == nil || v.ha().Elsewhere() {
			continue // its name is unknown, or it runs on another node
		}
		of, value := steering, 0.0
		if v.wan != nil {
			of = loops
		}
		if v.running {
			value = 1
		}
		of.WithLabelValues(telemetry.WANLabel(v.member.label())).Set(value)
		if v.wan != nil && v.saved != nil && (!v.running || !v.wan.DryRun) { // a dry run saves nothing
			ages.WithLabelValues(telemetry.WANLabel(v.member.label())).Set(max(s.at.Sub(*v.saved).Seconds(), 0))
		}
	}
	return reg
}
