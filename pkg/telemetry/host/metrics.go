package host

import (
	"context"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

// gathered is the metrics of every daemon that runs.
type gathered [][]*dto.MetricFamily

// Metrics serves GET /metrics: those of own, those of all daemons that run,
// and which daemons do. Of one that does not run there is nothing else but the
// age of its state.
func (h *Host) Metrics(own prometheus.Gatherer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all := prometheus.Gatherers{own, h.running(r.Context())}
		for _, families := range h.gather(r.Context()) {
			all = append(all, prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return families, nil }))
		}
		telemetry.MetricsHandler(all).ServeHTTP(w, r)
	})
}

// gather asks all daemons at once. One that does not answer has no metrics.
func (h *Host) gather(ctx context.Context) gathered {
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
		all.agree()
		return all
	})
}

// agree lets all daemons describe a metric in the words of the first: beside a
// daemon of another version, the metrics of the others would be left out for a
// help text that was reworded since.
func (g gathered) agree() {
	help := map[string]*string{}
	for _, families := range g {
		for _, f := range families {
			if first, known := help[f.GetName()]; known {
				f.Help = first
				continue
			}
			help[f.GetName()] = f.Help
		}
	}
}

// running is the metrics about the daemons.
func (h *Host) running(ctx context.Context) prometheus.Gatherer {
	reg := prometheus.NewRegistry()
	vector := func(name, help string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"wan"})
		reg.MustRegister(v)
		return v
	}
	loops := vector("wanctl_loop_running", "Whether the loop of the WAN runs and answers (1) or not (0).")
	steering := vector("wanctl_steering_running", "Whether the steering daemon of the primary WAN runs and answers (1) or not (0).")
	ages := vector("wanctl_state_age_seconds", "Age of the state file of the WAN's loop.")
	s := h.survey(ctx)
	for _, v := range s.views {
		if v.member.client() == nil {
			continue // its name is not known
		}
		of, value := steering, 0.0
		if v.member.wan != nil {
			of = loops
		}
		if v.running {
			value = 1
		}
		of.WithLabelValues(telemetry.WANLabel(v.member.label())).Set(value)
		if v.member.wan != nil && v.saved != nil {
			ages.WithLabelValues(telemetry.WANLabel(v.member.label())).Set(max(s.at.Sub(*v.saved).Seconds(), 0))
		}
	}
	return reg
}
