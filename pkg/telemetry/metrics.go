// Package telemetry shows what the loops do to machines: metrics for
// Prometheus and the health document for monitors and load balancers. Names
// and labels of the first block of metrics are those of an earlier system,
// whose dashboards are in use.
//
// The hot path, everything a loop calls at every tick, allocates nothing and
// takes no lock. A nil *Metrics, *WAN or *Steering discards everything.
package telemetry

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds every metric of the process.
type Metrics struct {
	wan      wanVectors
	steering steeringVectors
}

// wanVectors are the metrics of the autorate loops.
type wanVectors struct {
	// Known to the dashboards of the earlier system.
	bandwidth, state                 *prometheus.GaugeVec // wan, direction
	baseline, load, delta, duration  *prometheus.GaugeVec // wan
	cycles, heldBack, updates, pings *prometheus.CounterVec
	transitions                      *prometheus.CounterVec // wan, direction

	// New.
	limit, applied, floor, ceiling *prometheus.GaugeVec   // wan, direction
	throughput, capacity, backlog  *prometheus.GaugeVec   // wan, direction
	sentBytes, dropped, foreign    *prometheus.CounterVec // wan, direction
	alive, reachable, threshold    *prometheus.GaugeVec   // wan
	requests, failures             *prometheus.CounterVec // wan, kind
	failovers                      *prometheus.CounterVec // wan
	sent, replies, timeouts        *prometheus.CounterVec // wan, reflector
	rtt, excess, write, lateness   *prometheus.HistogramVec
}

// steeringVectors are the metrics of the steering daemon.
type steeringVectors struct {
	enabled, congestion, usable, score *prometheus.GaugeVec   // wan
	transitions                        *prometheus.CounterVec // wan, from, to
}

// NewRegistry is a registry with what there is to say of the process itself.
func NewRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return reg
}

// New registers the metrics on reg. It fails on a registry that has them.
func New(reg prometheus.Registerer, version string) (*Metrics, error) {
	// Upper bounds of the histograms, in seconds.
	var (
		rttBuckets      = []float64{.001, .0025, .005, .01, .015, .02, .03, .04, .05, .075, .1, .15, .2, .3, .5, 1, 2}
		excessBuckets   = []float64{.001, .002, .003, .005, .008, .01, .015, .02, .03, .045, .06, .08, .12, .2, .4, .8}
		writeBuckets    = []float64{.001, .0025, .005, .01, .02, .04, .08, .15, .3, .6, 1.2, 2.5, 5, 10}
		latenessBuckets = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, 1}
	)
	f := factory{reg: reg}
	m := &Metrics{
		wan: wanVectors{
			bandwidth:   f.gauge("wanctl_bandwidth_mbps", "Limit of the queue, in Mbit/s.", "wan", "direction"),
			state:       f.gauge("wanctl_state", "Severity of the delay: 1 GREEN, 2 YELLOW, 3 SOFT_RED, 4 RED, 0 not known yet.", "wan", "direction"),
			baseline:    f.gauge("wanctl_rtt_baseline_ms", "Round-trip time of the idle link, in ms.", "wan"),
			load:        f.gauge("wanctl_rtt_load_ms", "Round-trip time now, in ms.", "wan"),
			delta:       f.gauge("wanctl_rtt_delta_ms", "Round-trip time above the baseline, in ms.", "wan"),
			duration:    f.gauge("wanctl_cycle_duration_seconds", "How long the last cycle of the loop took.", "wan"),
			cycles:      f.counter("wanctl_cycles_total", "Cycles of the loop.", "wan"),
			transitions: f.counter("wanctl_state_transitions_total", "Changes of wanctl_state.", "wan", "direction"),
			heldBack:    f.counter("wanctl_rate_limit_events_total", "Increases of a limit held back by the write budget.", "wan"),
			updates:     f.counter("wanctl_router_updates_total", "Limits changed on the router.", "wan"),
			pings:       f.counter("wanctl_ping_failures_total", "Cycles in which no reflector was answering.", "wan"),

			limit:      f.gauge("wanctl_limit_bits_per_second", "Limit of the queue as decided.", "wan", "direction"),
			applied:    f.gauge("wanctl_applied_limit_bits_per_second", "Limit of the queue as confirmed by the router.", "wan", "direction"),
			floor:      f.gauge("wanctl_floor_bits_per_second", "Lowest limit the configuration allows.", "wan", "direction"),
			ceiling:    f.gauge("wanctl_ceiling_bits_per_second", "Highest limit the configuration allows.", "wan", "direction"),
			throughput: f.gauge("wanctl_throughput_bits_per_second", "Rate at which the queue sends.", "wan", "direction"),
			capacity:   f.gauge("wanctl_capacity_bits_per_second", "Estimated capacity of the link, 0 when not known.", "wan", "direction"),
			backlog:    f.gauge("wanctl_queue_backlog_bytes", "Bytes waiting in the queue.", "wan", "direction"),
			sentBytes:  f.counter("wanctl_queue_sent_bytes_total", "Bytes the queue has sent while this process looked.", "wan", "direction"),
			dropped:    f.counter("wanctl_queue_dropped_packets_total", "Packets the queue has dropped while this process looked.", "wan", "direction"),
			foreign:    f.counter("wanctl_foreign_changes_total", "Changes of a limit by somebody else.", "wan", "direction"),
			alive:      f.gauge("wanctl_reflectors_alive", "Reflectors that answer.", "wan"),
			reachable:  f.gauge("wanctl_router_reachable", "Whether the last request to the router was answered.", "wan"),
			threshold:  f.gauge("wanctl_excess_threshold_seconds", "Delay above the baseline that counts as a sign of a queue.", "wan"),
			requests:   f.counter("wanctl_router_requests_total", "Requests to the router.", "wan", "kind"),
			failures:   f.counter("wanctl_router_errors_total", "Requests to the router that failed.", "wan", "kind"),
			failovers:  f.counter("wanctl_router_failovers_total", "Changes to another way to the router, back to the first included.", "wan"),
			sent:       f.counter("wanctl_probes_sent_total", "Probes sent.", "wan", "reflector"),
			replies:    f.counter("wanctl_probe_replies_total", "Replies to probes, late ones too.", "wan", "reflector"),
			timeouts:   f.counter("wanctl_probe_timeouts_total", "Probes without a reply in time.", "wan", "reflector"),
			rtt:        f.histogram("wanctl_rtt_seconds", "Round-trip times of all reflectors.", rttBuckets, "wan"),
			excess:     f.histogram("wanctl_excess_delay_seconds", "Delay above the baseline, a cycle.", excessBuckets, "wan"),
			write:      f.histogram("wanctl_router_write_seconds", "How long the router took to change a limit.", writeBuckets, "wan"),
			lateness:   f.histogram("wanctl_loop_lateness_seconds", "How late a cycle began.", latenessBuckets, "wan"),
		},
		steering: steeringVectors{
			enabled:     f.gauge("wanctl_steering_enabled", "Whether new connections are steered to the other WAN (1) or not (0).", "wan"),
			congestion:  f.gauge("wanctl_congestion_state", "Congestion of the primary WAN: 1 GREEN, 2 YELLOW, 4 RED, 0 not known yet.", "wan"),
			usable:      f.gauge("wanctl_steering_rule_usable", "Whether the mangle rule was read and may be switched (1) or not (0).", "wan"),
			score:       f.gauge("wanctl_steering_score", "Score of the congestion of the primary WAN, 0 to 100.", "wan"),
			transitions: f.counter("wanctl_steering_transitions_total", "Changes of the steering state.", "wan", "from", "to"),
		},
	}
	f.gauge("wanctl_build_info", "Constant 1, labelled by version.", "version", "goversion").WithLabelValues(version, runtime.Version()).Set(1)
	if f.err != nil {
		return nil, fmt.Errorf("registering metrics: %w", f.err)
	}
	return m, nil
}

// factory registers metrics and remembers the first error.
type factory struct {
	reg prometheus.Registerer
	err error
}

func (f *factory) register(c prometheus.Collector) {
	if err := f.reg.Register(c); f.err == nil {
		f.err = err
	}
}

func (f *factory) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	f.register(v)
	return v
}

func (f *factory) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	f.register(v)
	return v
}

func (f *factory) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	f.register(v)
	return v
}

// WANLabel is the value of the label wan for a WAN of that name.
func WANLabel(name string) string { return strings.ToLower(name) }

// MetricsHandler serves GET /metrics in the Prometheus text format or, where
// asked for, OpenMetrics. What cannot be gathered is left out; the rest is
// served.
func MetricsHandler(from prometheus.Gatherer) http.Handler {
	opts := promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: 4,
		ErrorHandling:       promhttp.ContinueOnError,
	}
	if reg, ok := from.(*prometheus.Registry); ok {
		opts.Registry = reg // counts what could not be gathered
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(from, opts))
	return mux
}
