package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// WANConfig is what the metrics of one WAN say from the start.
type WANConfig struct {
	Name       string
	Reflectors []string // in the order of rtt.Event.Reflector
	Floor      [2]bitrate.Rate
	Ceiling    [2]bitrate.Rate
}

// WAN is the metrics of one WAN, resolved for its loop. Unless another is
// named, one goroutine calls its methods, the one that runs the loop.
type WAN struct {
	baseline, load, delta, duration  prometheus.Gauge
	alive, reachable, threshold      prometheus.Gauge
	cycles, heldBack, updates, pings prometheus.Counter
	failovers                        prometheus.Counter
	reads, writes                    requestMetrics
	rtt, excess, write, lateness     prometheus.Observer
	directions                       [2]directionMetrics
	reflectors                       []reflectorMetrics

	answered bool // some probe was answered or timed out
}

type directionMetrics struct {
	bandwidth, state, limit, applied, throughput, capacity, backlog prometheus.Gauge
	transitions, foreign, sentBytes, dropped                        prometheus.Counter

	last     autorate.State
	counters autorate.Counters // newest reading
	read     bool              // there was one
}

type reflectorMetrics struct{ sent, replies, timeouts prometheus.Counter }

type requestMetrics struct{ total, failed prometheus.Counter }

// WAN makes the metrics of one WAN exist, at 0, and returns them. Calling it
// again, after a reload, goes on with the same series.
func (m *Metrics) WAN(cfg WANConfig) *WAN {
	if m == nil {
		return nil
	}
	v, wan := &m.wan, WANLabel(cfg.Name)
	requests := func(kind string) requestMetrics {
		return requestMetrics{v.requests.WithLabelValues(wan, kind), v.failures.WithLabelValues(wan, kind)}
	}
	w := &WAN{
		baseline:  v.baseline.WithLabelValues(wan),
		load:      v.load.WithLabelValues(wan),
		delta:     v.delta.WithLabelValues(wan),
		duration:  v.duration.WithLabelValues(wan),
		alive:     v.alive.WithLabelValues(wan),
		reachable: v.reachable.WithLabelValues(wan),
		threshold: v.threshold.WithLabelValues(wan),
		cycles:    v.cycles.WithLabelValues(wan),
		heldBack:  v.heldBack.WithLabelValues(wan),
		updates:   v.updates.WithLabelValues(wan),
		pings:     v.pings.WithLabelValues(wan),
		failovers: v.failovers.WithLabelValues(wan),
		reads:     requests("read"),
		writes:    requests("write"),
		rtt:       v.rtt.WithLabelValues(wan),
		excess:    v.excess.WithLabelValues(wan),
		write:     v.write.WithLabelValues(wan),
		lateness:  v.lateness.WithLabelValues(wan),
	}
	for _, d := range autorate.Directions {
		l := d.String()
		w.directions[d] = directionMetrics{
			bandwidth:   v.bandwidth.WithLabelValues(wan, l),
			state:       v.state.WithLabelValues(wan, l),
			limit:       v.limit.WithLabelValues(wan, l),
			applied:     v.applied.WithLabelValues(wan, l),
			throughput:  v.throughput.WithLabelValues(wan, l),
			capacity:    v.capacity.WithLabelValues(wan, l),
			backlog:     v.backlog.WithLabelValues(wan, l),
			transitions: v.transitions.WithLabelValues(wan, l),
			foreign:     v.foreign.WithLabelValues(wan, l),
			sentBytes:   v.sentBytes.WithLabelValues(wan, l),
			dropped:     v.dropped.WithLabelValues(wan, l),
		}
		v.floor.WithLabelValues(wan, l).Set(float64(cfg.Floor[d]))
		v.ceiling.WithLabelValues(wan, l).Set(float64(cfg.Ceiling[d]))
	}
	for _, name := range cfg.Reflectors {
		w.reflectors = append(w.reflectors, reflectorMetrics{
			sent:     v.sent.WithLabelValues(wan, name),
			replies:  v.replies.WithLabelValues(wan, name),
			timeouts: v.timeouts.WithLabelValues(wan, name),
		})
	}
	return w
}

// Stepped takes in one cycle of the loop: what the law saw, what it decided,
// and how late the cycle began.
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
	case w.answered: // else the first replies are still under way
		w.pings.Inc()
	}
	for d := range w.directions {
		w.directions[d].decision(dec.Directions[d], in.Applied[d])
	}
}

func (w *WAN) event(e rtt.Event) {
	if e.Kind != rtt.Sent {
		w.answered = true
	}
	if e.Kind == rtt.Reply {
		w.rtt.Observe(e.RTT.Seconds())
	}
	if int(e.Reflector) >= len(w.reflectors) {
		return
	}
	r := &w.reflectors[e.Reflector]
	switch e.Kind {
	case rtt.Sent:
		r.sent.Inc()
	case rtt.Reply:
		r.replies.Inc()
	case rtt.Lost:
		r.timeouts.Inc()
	}
}

func (m *directionMetrics) decision(dec autorate.DirectionDecision, applied bitrate.Rate) {
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

// reading turns counters since the router's boot into counters since our start.
func (m *directionMetrics) reading(c autorate.Counters) {
	m.backlog.Set(float64(c.QueuedBytes))
	if m.read {
		m.sentBytes.Add(increase(m.counters.Bytes, c.Bytes))
		m.dropped.Add(increase(m.counters.Dropped, c.Dropped))
	}
	m.counters, m.read = c, true
}

// increase of a counter that starts over when the router boots or somebody
// resets it.
func increase(from, to uint64) float64 {
	if to < from {
		return float64(to)
	}
	return float64(to - from)
}

// CycleTook takes in how long one cycle worked.
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

// Foreign counts a limit that somebody else changed on the router.
func (w *WAN) Foreign(d autorate.Direction, _, _ bitrate.Rate) {
	if w != nil {
		w.directions[d].foreign.Inc()
	}
}

// Written takes in an attempt to change limits on the router.
func (w *WAN) Written(took time.Duration, err error) {
	if w == nil {
		return
	}
	w.request(w.writes, err)
	if err == nil {
		w.updates.Inc()
		w.write.Observe(took.Seconds())
	}
}

// Polled takes in an attempt to read from the router.
func (w *WAN) Polled(_ time.Duration, err error) {
	if w != nil {
		w.request(w.reads, err)
	}
}

// FailedOver counts a change to another way to the router. Any goroutine may
// call it.
func (w *WAN) FailedOver() {
	if w != nil {
		w.failovers.Inc()
	}
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
