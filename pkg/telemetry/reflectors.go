package telemetry

import (
	"strings"

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

// qualityMetrics is the metrics of one reflector's quality.
type qualityMetrics struct {
	inUse, answers, baseline, noise, disagreement prometheus.Gauge
	last                                          rtt.Role
}

// newQualityMetrics returns the metrics with the labels of one. operator may be "".
func newQualityMetrics(one labelled, operator string) qualityMetrics {
	one.with("operator", operator).gauge("wanctl_reflector_info", "Operator of a reflector, as far as it is known; always 1.").Set(1)
	return qualityMetrics{
		inUse:        one.gauge("wanctl_reflector_in_use", "Whether the reflector is used for control (1) or is a spare (0)."),
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
	inUse := 0.0
	if q.Role == rtt.InUse {
		inUse = 1
		if m.last == rtt.OnTrial {
			w.replacements.Inc()
		}
	}
	m.last = q.Role
	m.inUse.Set(inUse)
	m.answers.Set(q.AnswerRate)
	m.baseline.Set(q.Baseline.Seconds())
	m.noise.Set(q.Noise.Seconds())
	m.disagreement.Set(q.Disagreement.Seconds())
}
