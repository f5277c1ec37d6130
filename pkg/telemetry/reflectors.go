package telemetry

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wanctl/wanctl/pkg/rtt"
)

// Reflector is one host of ping_hosts in a health document.
type Reflector struct {
	Host           string   `json:"host"`
	Operator       string   `json:"operator,omitempty"`
	Use            string   `json:"use"`          // in_use, trial or spare
	AnswerRatio    *float64 `json:"answer_ratio"` // of the newest probes
	BaselineRTTMs  *float64 `json:"baseline_rtt_ms"`
	NoiseMs        *float64 `json:"noise_ms"`        // mean deviation from the other reflectors
	DisagreementMs *float64 `json:"disagreement_ms"` // mean excess beyond that of the others, in use only
	Fault          string   `json:"fault,omitempty"` // in use: what is wrong with it; a spare: why it was dropped
}

// NewReflector returns the reflector host of quality q.
func NewReflector(host string, q rtt.Quality) Reflector {
	r := Reflector{Host: host, Use: strings.ReplaceAll(q.Role.String(), " ", "_"), BaselineRTTMs: Milliseconds(q.Baseline), Fault: q.Fault.String()}
	if q.Operator != host {
		r.Operator = q.Operator
	}
	if q.Known {
		r.AnswerRatio = new(round(q.AnswerRate))
		r.NoiseMs = new(round(millis(q.Noise)))
		if q.Role == rtt.InUse {
			r.DisagreementMs = new(round(millis(q.Disagreement)))
		}
	}
	return r
}

// SetHosts sets the reflectors, and their number in use.
func (h *ProbeHealth) SetHosts(hosts []Reflector) {
	h.Hosts, h.Reflectors = hosts, 0
	for _, r := range hosts {
		if r.Use == "in_use" {
			h.Reflectors++
		}
	}
}

// reflectorMetrics is the metrics of the probes to one reflector.
type reflectorMetrics struct {
	sent, replies, timeouts prometheus.Counter
	rtt                     prometheus.Observer
	jitter                  prometheus.Gauge

	last   time.Duration // RTT of the newest reply, 0 before the first
	spread time.Duration // value of jitter
}

func newReflectorMetrics(one labelled) reflectorMetrics {
	return reflectorMetrics{
		sent:     one.counter("wanctl_probes_sent_total", "Probes sent."),
		replies:  one.counter("wanctl_probe_replies_total", "Replies to probes, including late ones."),
		timeouts: one.counter("wanctl_probe_timeouts_total", "Probes without a reply in time."),
		rtt:      one.sum("wanctl_reflector_rtt_seconds", "Round-trip times of the reflector: their sum and number."),
		jitter:   one.gauge("wanctl_reflector_jitter_seconds", "Mean difference between two round-trip times of the reflector that follow each other."),
	}
}

func (r *reflectorMetrics) event(e rtt.Event) {
	switch e.Kind {
	case rtt.Sent, rtt.Spare:
		r.sent.Inc()
	case rtt.Reply:
		r.replies.Inc()
		r.rtt.Observe(e.RTT.Seconds())
		if r.last != 0 { // RFC 3550, section 6.4.1
			r.spread += ((e.RTT - r.last).Abs() - r.spread) / 16
			r.jitter.Set(r.spread.Seconds())
		}
		r.last = e.RTT
	case rtt.Lost:
		r.timeouts.Inc()
	}
}

// qualityMetrics is the metrics of one reflector's quality.
type qualityMetrics struct {
	inUse, excluded, answers, baseline, noise, disagreement prometheus.Gauge
	last                                                    rtt.Role
}

// newQualityMetrics returns the metrics with the labels of one. operator may be "".
func newQualityMetrics(one labelled, operator string) qualityMetrics {
	one.with("operator", operator).gauge("wanctl_reflector_info", "Operator of a reflector, as far as it is known; always 1.").Set(1)
	return qualityMetrics{
		inUse:        one.gauge("wanctl_reflector_in_use", "Whether the reflector is used for control (1) or is a spare (0)."),
		excluded:     one.gauge("wanctl_reflector_excluded", "Whether the reflector was dropped for a fault and may not be used yet (1) or not (0)."),
		answers:      one.gauge("wanctl_reflector_answer_ratio", "Share of the newest probes that the reflector answered."),
		baseline:     one.gauge("wanctl_reflector_baseline_seconds", "Idle round-trip time of the reflector, 0 when unknown."),
		noise:        one.gauge("wanctl_reflector_noise_seconds", "Mean deviation of the reflector's delay from that of the others."),
		disagreement: one.gauge("wanctl_reflector_disagreement_seconds", "Mean excess delay of the reflector beyond that of the others, 0 for a spare."),
	}
}

// Reflector records the quality of reflector i. Only the goroutine of the loop may
// call it.
func (w *WAN) Reflector(i int, q rtt.Quality) {
	if w == nil || i >= len(w.qualities) {
		return
	}
	m := &w.qualities[i]
	if q.Role == rtt.InUse && m.last == rtt.OnTrial {
		w.replacements.Inc()
	}
	m.last = q.Role
	m.inUse.Set(oneIf(q.Role == rtt.InUse))
	m.excluded.Set(oneIf(q.Role != rtt.InUse && q.Fault != rtt.NoFault))
	m.answers.Set(q.AnswerRate)
	m.baseline.Set(q.Baseline.Seconds())
	m.noise.Set(q.Noise.Seconds())
	m.disagreement.Set(q.Disagreement.Seconds())
}
