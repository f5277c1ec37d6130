package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Steering is the metrics of the steering daemon.
type Steering struct {
	wan                 labelled
	enabled, congestion prometheus.Gauge
	usable, score       prometheus.Gauge
}

// Steering creates the metrics of steering away from the WAN primary with the
// value 0 and returns them. states are the names of the steering states; every
// change between two of them is a series.
func (m *Metrics) Steering(primary string, states ...string) *Steering {
	if m == nil {
		return nil
	}
	wan := labelled{m: m, labels: []string{"wan", WANLabel(primary)}}
	s := &Steering{
		wan:        wan,
		enabled:    wan.gauge("wanctl_steering_enabled", "Whether new connections are steered to the other WAN (1) or not (0)."),
		congestion: wan.gauge("wanctl_congestion_state", "Congestion of the primary WAN: 1 GREEN, 2 YELLOW, 4 RED, 0 unknown."),
		usable:     wan.gauge("wanctl_steering_rule_usable", "Whether the mangle rule was read and may be switched (1) or not (0)."),
		score:      wan.gauge("wanctl_steering_score", "Score of the congestion of the primary WAN, 0 to 100."),
	}
	for _, from := range states {
		for _, to := range states {
			if from != to {
				s.transition(from, to)
			}
		}
	}
	return s
}

// Set records whether connections are steered away, and the congestion of the
// primary WAN: GREEN, YELLOW or RED.
func (s *Steering) Set(enabled bool, congestion string) {
	if s == nil {
		return
	}
	s.enabled.Set(oneIf(enabled))
	// 4 for RED, so that both loops use the same numbers.
	switch congestion {
	case "GREEN":
		s.congestion.Set(1)
	case "YELLOW":
		s.congestion.Set(2)
	case "RED":
		s.congestion.Set(4)
	default:
		s.congestion.Set(0)
	}
}

// SetScore records the score of the congestion, 0 to 100.
func (s *Steering) SetScore(score float64) {
	if s != nil {
		s.score.Set(score)
	}
}

// SetUsable records whether the rule was read and may be switched.
func (s *Steering) SetUsable(usable bool) {
	if s != nil {
		s.usable.Set(oneIf(usable))
	}
}

// Transition counts a change of the steering state.
func (s *Steering) Transition(from, to string) {
	if s != nil {
		s.transition(from, to).Inc()
	}
}

func (s *Steering) transition(from, to string) prometheus.Counter {
	return s.wan.with("from", from).with("to", to).counter("wanctl_steering_transitions_total", "Changes of the steering state.")
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
