// Package telemetry exposes the loops to other programs: metrics for Prometheus
// and the health document for monitors and load balancers. It owns the names of
// the metrics and the keys of the document. It never changes what a loop does.
//
// The hot path, everything a loop calls at every tick, allocates nothing and
// takes no lock. A nil *Metrics, *WAN or *Steering discards everything.
package telemetry

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

// Metrics makes the metrics of the process on demand. Its methods may be called
// from several goroutines.
type Metrics struct {
	reg prometheus.Registerer

	mu      sync.Mutex // protects the following field
	vectors map[string]prometheus.Collector
}

// Registry holds the metrics of a process.
type Registry = prometheus.Registry

// Gatherer is where metrics come from.
type Gatherer = prometheus.Gatherer

// NewRegistry returns a registry with the metrics of the Go runtime and of the
// process.
func NewRegistry() *Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return reg
}

// New registers on reg the metric that describes the process; the others follow
// as WAN and Steering are called. It fails on a registry that has them.
func New(reg prometheus.Registerer, version string) (*Metrics, error) {
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "wanctl_build_info", Help: "Constant 1, labelled by version."}, []string{"version", "goversion"})
	if err := reg.Register(info); err != nil {
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	info.WithLabelValues(version, runtime.Version()).Set(1)
	return &Metrics{reg: reg, vectors: map[string]prometheus.Collector{}}, nil
}

// labelled makes the series with certain labels, in the order name, value.
type labelled struct {
	m      *Metrics
	labels []string
	fleet  bool // only what inFleet names is exposed
}

// with adds the label name.
func (l labelled) with(name, value string) labelled {
	return labelled{l.m, append(slices.Clone(l.labels), name, value), l.fleet}
}

// hides reports whether the metric called name is kept from those who scrape.
func (l labelled) hides(name string) bool { return l.fleet && !inFleet(name) }

func (l labelled) gauge(name, help string) prometheus.Gauge {
	if l.hides(name) {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name})
	}
	v, values := vector(l, name, func(names []string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, names)
	})
	return v.WithLabelValues(values...)
}

func (l labelled) counter(name, help string) prometheus.Counter {
	if l.hides(name) {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name})
	}
	v, values := vector(l, name, func(names []string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, names)
	})
	return v.WithLabelValues(values...)
}

func (l labelled) histogram(name, help string, upperBounds ...float64) prometheus.Observer {
	if l.hides(name) {
		return prometheus.ObserverFunc(func(float64) {})
	}
	v, values := vector(l, name, func(names []string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: upperBounds}, names)
	})
	return v.WithLabelValues(values...)
}

// sum counts values and adds them up; it has no quantiles.
func (l labelled) sum(name, help string) prometheus.Observer {
	v, values := vector(l, name, func(names []string) *prometheus.SummaryVec {
		return prometheus.NewSummaryVec(prometheus.SummaryOpts{Name: name, Help: help}, names)
	})
	return v.WithLabelValues(values...)
}

// vector returns the metric called name, which it creates and registers at
// first, and the label values of l. A name used twice is an error in this
// package, and panics.
func vector[V prometheus.Collector](l labelled, name string, create func(labelNames []string) V) (V, []string) {
	var names, values []string
	for pair := range slices.Chunk(l.labels, 2) {
		names, values = append(names, pair[0]), append(values, pair[1])
	}
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	v, known := l.m.vectors[name].(V)
	if !known {
		v = create(names)
		l.m.reg.MustRegister(v)
		l.m.vectors[name] = v
	}
	return v, values
}

// RemoveWAN removes the series that WAN created for a WAN whose loop has ended.
func (m *Metrics) RemoveWAN(name string) { m.remove(name, false) }

// RemoveSteering removes the series that Steering created for a primary WAN.
func (m *Metrics) RemoveSteering(primary string) { m.remove(primary, true) }

func (m *Metrics) remove(wan string, steering bool) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, v := range m.vectors {
		if steering == (strings.HasPrefix(name, "wanctl_steering_") || name == "wanctl_congestion_state") {
			v.(interface{ DeletePartialMatch(prometheus.Labels) int }).DeletePartialMatch(prometheus.Labels{"wan": WANLabel(wan)})
		}
	}
}

// WANLabel returns the value of the label wan for a WAN called name.
func WANLabel(name string) string { return strings.ToLower(name) }

// RunningLoops returns a Gatherer of which loops run, 1 or 0 by the name of their WAN, at
// the time it is asked. A loop that does not run has no other metrics.
func RunningLoops(wans func() map[string]bool) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		reg := prometheus.NewRegistry()
		running := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "wanctl_loop_running", Help: LoopRunningHelp}, []string{"wan"})
		reg.MustRegister(running)
		for name, runs := range wans() {
			value := 0.0
			if runs {
				value = 1
			}
			running.WithLabelValues(WANLabel(name)).Set(value)
		}
		return reg.Gather()
	})
}

// LoopRunningHelp is the help text of wanctl_loop_running.
const LoopRunningHelp = "Whether the loop of the WAN runs and answers (1) or not (0)."

// Together returns a Gatherer of the metrics of several.
func Together(all ...prometheus.Gatherer) prometheus.Gatherer { return prometheus.Gatherers(all) }

// MetricsHandler serves GET /metrics in the Prometheus text format or, if the
// client accepts it, OpenMetrics. Metrics that cannot be gathered are left out.
func MetricsHandler(from prometheus.Gatherer) http.Handler {
	opts := promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: 4,
		ErrorHandling:       promhttp.ContinueOnError,
	}
	if reg, ok := from.(*prometheus.Registry); ok {
		opts.Registry = reg // counts the failures to gather
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(from, opts))
	return mux
}
