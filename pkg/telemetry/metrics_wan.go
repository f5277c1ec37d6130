package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// WANConfig describes a WAN to its metrics.
type WANConfig struct {
	Name       string
	Reflectors []string // in the order of rtt.Event.Reflector
	Operators  []string // of the first of them, the ICMP hosts; "" where unknown
	Floor      [2]bitrate.Rate
	Ceiling    [2]bitrate.Rate
	// NotControlled are directions without metrics.
	NotControlled [2]bool
	// Fleet leaves only what many WANs are watched by.
	Fleet bool
}

// delayed is the delay above the baseline that people notice in a call.
const delayed = 30 * time.Millisecond

// inFleet reports whether a WAN of a fleet has the metric called name. With
// wanctl_loop_running they are 20 series.
func inFleet(name string) bool {
	switch name {
	case "wanctl_state", "wanctl_applied_limit_bits_per_second", "wanctl_throughput_bits_per_second",
		"wanctl_floor_bits_per_second", "wanctl_ceiling_bits_per_second", "wanctl_router_write_refused", // by direction
		"wanctl_rtt_baseline_ms", "wanctl_rtt_delta_ms", "wanctl_cycles_total", "wanctl_delayed_cycles_total",
		"wanctl_reflectors_alive", "wanctl_router_reachable", "wanctl_queues_faulty":
		return true
	}
	return false
}

// WAN is the metrics of one WAN, resolved for its loop. Unless stated otherwise,
// only the goroutine of the loop may call its methods.
type WAN struct {
	baseline, load, delta, duration  prometheus.Gauge
	alive, reachable, threshold      prometheus.Gauge
	routeShared                      prometheus.Gauge
	cycles, heldBack, updates, pings prometheus.Counter
	delayed                          prometheus.Counter
	faulty                           prometheus.Gauge
	failovers                        prometheus.Counter
	reads, writes                    requestMetrics
	rtt, excess, write, lateness     prometheus.Observer
	directions                       [2]directionMetrics
	reflectors                       []reflectorMetrics
	qualities                        []qualityMetrics
	replacements                     prometheus.Counter

	answered bool // a probe was answered or timed out
}

type directionMetrics struct {
	bandwidth, state, limit, applied, throughput, capacity, backlog prometheus.Gauge
	transitions, foreign, sentBytes, dropped, refusals              prometheus.Counter
	refused                                                         prometheus.Gauge
	faults                                                          [len(actuate.Faults)]prometheus.Gauge // in that order
	faulty                                                          bool

	last     autorate.State
	counters autorate.Counters // newest reading
	read     bool              // there was a reading
}

type requestMetrics struct{ total, failed prometheus.Counter }

// WAN creates the metrics of one WAN with the value 0 and returns them. Called
// again, after a reload, it returns the same series.
func (m *Metrics) WAN(cfg WANConfig) *WAN {
	if m == nil {
		return nil
	}
	wan := labelled{m, []string{"wan", WANLabel(cfg.Name)}, cfg.Fleet}
	if cfg.Fleet {
		cfg.Reflectors, cfg.Operators = nil, nil
	}
	w := &WAN{
		// Names and labels of the earlier system, whose dashboards are in use.
		baseline: wan.gauge("wanctl_rtt_baseline_ms", "Round-trip time of the idle link, in ms."),
		load:     wan.gauge("wanctl_rtt_load_ms", "Round-trip time now, in ms."),
		delta:    wan.gauge("wanctl_rtt_delta_ms", "Round-trip time above the baseline, in ms."),
		duration: wan.gauge("wanctl_cycle_duration_seconds", "How long the last cycle of the loop took."),
		cycles:   wan.counter("wanctl_cycles_total", "Cycles of the loop."),
		heldBack: wan.counter("wanctl_rate_limit_events_total", "Increases of a limit held back by the write budget."),
		updates:  wan.counter("wanctl_router_updates_total", "Limits changed on the router."),
		pings:    wan.counter("wanctl_ping_failures_total", "Cycles in which no reflector was answering."),

		delayed:      wan.counter("wanctl_delayed_cycles_total", "Cycles with a delay of more than 30 ms above the baseline."),
		faulty:       wan.gauge("wanctl_queues_faulty", "Queues that limit nothing, or not as their limit says."),
		alive:        wan.gauge("wanctl_reflectors_alive", "Reflectors that answer."),
		reachable:    wan.gauge("wanctl_router_reachable", "Whether the last request to the router was answered."),
		routeShared:  wan.gauge("wanctl_probe_route_shared", "Whether another WAN of this host is measured by the same route (1) or not (0)."),
		replacements: wan.counter("wanctl_reflector_replacements_total", "Reflectors in use that were replaced by another one."),
		threshold:    wan.gauge("wanctl_excess_threshold_seconds", "Delay above the baseline that counts as a sign of a queue."),
		failovers:    wan.counter("wanctl_router_failovers_total", "Switches to another address or transport of the router, including those back to the first."),
		reads:        requests(wan.with("kind", "read")),
		writes:       requests(wan.with("kind", "write")),
		rtt: wan.histogram("wanctl_rtt_seconds", "Round-trip times of all reflectors.",
			.001, .0025, .005, .01, .015, .02, .03, .04, .05, .075, .1, .15, .2, .3, .5, 1, 2),
		excess: wan.histogram("wanctl_excess_delay_seconds", "Delay above the baseline in each cycle.",
			.001, .002, .003, .005, .008, .01, .015, .02, .03, .045, .06, .08, .12, .2, .4, .8),
		write: wan.histogram("wanctl_router_write_seconds", "How long the router took to change a limit.",
			.001, .0025, .005, .01, .02, .04, .08, .15, .3, .6, 1.2, 2.5, 5, 10),
		lateness: wan.histogram("wanctl_loop_lateness_seconds", "How late a cycle began.",
			.0005, .001, .002, .005, .01, .02, .05, .1, .25, 1),
	}
	for _, d := range autorate.Directions {
		if !cfg.NotControlled[d] {
			w.directions[d] = newDirectionMetrics(wan.with("direction", d.String()), cfg.Floor[d], cfg.Ceiling[d])
		}
	}
	for i, name := range cfg.Reflectors {
		one := wan.with("reflector", name)
		if i < len(cfg.Operators) {
			w.qualities = append(w.qualities, newQualityMetrics(one, cfg.Operators[i]))
		}
		w.reflectors = append(w.reflectors, newReflectorMetrics(one))
	}
	return w
}

func newDirectionMetrics(one labelled, floor, ceiling bitrate.Rate) directionMetrics {
	one.gauge("wanctl_floor_bits_per_second", "Lowest limit the configuration allows.").Set(float64(floor))
	one.gauge("wanctl_ceiling_bits_per_second", "Highest limit the configuration allows.").Set(float64(ceiling))
	m := directionMetrics{
		bandwidth:   one.gauge("wanctl_bandwidth_mbps", "Limit of the queue, in Mbit/s."),
		state:       one.gauge("wanctl_state", "Severity of the delay: 1 GREEN, 2 YELLOW, 3 SOFT_RED, 4 RED, 0 unknown."),
		transitions: one.counter("wanctl_state_transitions_total", "Changes of wanctl_state."),

		limit:      one.gauge("wanctl_limit_bits_per_second", "Limit of the queue as decided."),
		applied:    one.gauge("wanctl_applied_limit_bits_per_second", "Limit of the queue as confirmed by the router."),
		throughput: one.gauge("wanctl_throughput_bits_per_second", "Rate at which the queue sends."),
		capacity:   one.gauge("wanctl_capacity_bits_per_second", "Estimated capacity of the link, 0 when unknown."),
		backlog:    one.gauge("wanctl_queue_backlog_bytes", "Bytes waiting in the queue."),
		foreign:    one.counter("wanctl_foreign_changes_total", "Changes of a limit by another program or user."),
		refusals:   one.counter("wanctl_router_refused_writes_total", "Limits that the router refused to set."),
		refused:    one.gauge("wanctl_router_write_refused", "Whether the router refused to set the limit at the last attempt (1) or not (0)."),
		sentBytes:  one.counter("wanctl_queue_sent_bytes_total", "Bytes the queue has sent since this process started."),
		dropped:    one.counter("wanctl_queue_dropped_packets_total", "Packets the queue has dropped since this process started."),
	}
	for i, f := range actuate.Faults {
		m.faults[i] = one.with("fault", f.String()).gauge("wanctl_queue_fault", "Whether the queue limits nothing, or not as its limit says, for this reason (1), or not (0).")
	}
	return m
}

func requests(one labelled) requestMetrics {
	return requestMetrics{
		total:  one.counter("wanctl_router_requests_total", "Requests to the router."),
		failed: one.counter("wanctl_router_errors_total", "Requests to the router that failed."),
	}
}

// Stepped records one cycle of the loop: the input of the law, its decision, and
// how late the cycle began.
func (w *WAN) Stepped(in autorate.Input, dec autorate.Decision, late time.Duration) {
	if w == nil {
		return
	}
	w.cycles.Inc()
	w.lateness.Observe(late.Seconds())
	for i := range in.Events {
		w.event(in.Events[i])
	}
	for i := range in.Readings {
		for d := range w.directions {
			w.directions[d].reading(in.Readings[i].Queues[d])
		}
	}
	w.alive.Set(float64(dec.Alive))
	w.threshold.Set(dec.Threshold.Seconds())
	switch {
	case dec.Alive > 0:
		w.load.Set(millis(dec.RTT))
		w.baseline.Set(millis(dec.Baseline))
		w.delta.Set(millis(dec.RTT - dec.Baseline))
		w.excess.Observe(dec.Excess.Seconds())
		if dec.Excess > delayed {
			w.delayed.Inc()
		}
	case w.answered: // otherwise the first replies are still under way
		w.pings.Inc()
	}
	for d := range w.directions {
		w.directions[d].decision(dec.Directions[d], in.Applied[d])
	}
}

func (w *WAN) event(e rtt.Event) {
	if e.Kind != rtt.Sent && e.Kind != rtt.Spare {
		w.answered = true
	}
	if e.Kind == rtt.Reply {
		w.rtt.Observe(e.RTT.Seconds())
	}
	if int(e.Reflector) >= len(w.reflectors) {
		return
	}
	w.reflectors[e.Reflector].event(e)
}

func (m *directionMetrics) decision(dec autorate.DirectionDecision, applied bitrate.Rate) {
	if m.bandwidth == nil {
		return // not controlled
	}
	m.bandwidth.Set(dec.Limit.Mbps())
	m.limit.Set(float64(dec.Limit))
	m.applied.Set(float64(applied))
	m.throughput.Set(float64(dec.Throughput))
	m.capacity.Set(float64(dec.Capacity))
	if dec.State != m.last {
		m.state.Set(float64(dec.State))
		if m.last != 0 {
			m.transitions.Inc()
		}
		m.last = dec.State
	}
}

// reading turns counters since the router's boot into counters since the start
// of this process.
func (m *directionMetrics) reading(c autorate.Counters) {
	if m.bandwidth == nil {
		return
	}
	m.backlog.Set(float64(c.QueuedBytes))
	if m.read {
		m.sentBytes.Add(increase(m.counters.Bytes, c.Bytes))
		m.dropped.Add(increase(m.counters.Dropped, c.Dropped))
	}
	m.counters, m.read = c, true
}

// increase returns the growth of a counter that restarts at 0 when the router
// boots or a user resets it.
func increase(from, to uint64) float64 {
	if to < from {
		return float64(to)
	}
	return float64(to - from)
}

// CycleTook records the duration of one cycle.
func (w *WAN) CycleTook(d time.Duration) {
	if w != nil {
		w.duration.Set(d.Seconds())
	}
}

// HeldBack counts a raise that the write budget postponed.
func (w *WAN) HeldBack(autorate.Direction) {
	if w != nil {
		w.heldBack.Inc()
	}
}

// Fault records what is wrong with the queue of d.
func (w *WAN) Fault(d autorate.Direction, f actuate.Fault) {
	if w == nil || w.directions[d].bandwidth == nil {
		return
	}
	w.directions[d].faulty = f != actuate.NoFault
	for i, one := range actuate.Faults {
		w.directions[d].faults[i].Set(oneIf(one == f))
	}
	faulty := 0
	for _, m := range w.directions {
		if m.faulty {
			faulty++
		}
	}
	w.faulty.Set(float64(faulty))
}

// Foreign counts a limit that another program or user changed on the router.
func (w *WAN) Foreign(d autorate.Direction, _, _ bitrate.Rate) {
	if w != nil {
		w.directions[d].foreign.Inc()
	}
}

// Written records an attempt to change the limits want on the router. The error
// err is that of a request without a usable answer; refused are the directions
// that the router refused to change.
func (w *WAN) Written(want [2]bitrate.Rate, took time.Duration, err error, refused [2]bool) {
	if w == nil {
		return
	}
	w.request(w.writes, err)
	if err != nil {
		return
	}
	w.write.Observe(took.Seconds())
	updated := false
	for d := range w.directions {
		m := &w.directions[d]
		switch {
		case refused[d]:
			m.refusals.Inc()
			m.refused.Set(1)
		case want[d] != 0:
			m.refused.Set(0)
			updated = true
		}
	}
	if updated {
		w.updates.Inc()
	} else {
		w.writes.failed.Inc()
	}
}

// Polled records an attempt to read from the router.
func (w *WAN) Polled(_ time.Duration, err error) {
	if w != nil {
		w.request(w.reads, err)
	}
}

// FailedOver counts a switch to another address or transport of the router. Any
// goroutine may call it.
func (w *WAN) FailedOver() {
	if w != nil {
		w.failovers.Inc()
	}
}

// RouteShared records whether another WAN is measured by the same route. Any goroutine
// may call it.
func (w *WAN) RouteShared(is bool) {
	if w == nil {
		return
	}
	w.routeShared.Set(oneIf(is))
}

func (w *WAN) request(m requestMetrics, err error) {
	m.total.Inc()
	if err != nil {
		m.failed.Inc()
		w.reachable.Set(0)
		return
	}
	w.reachable.Set(1)
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
