package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Steering is the metrics of the steering daemon.
type Steering struct {
	wan                 string
	enabled, congestion prometheus.Gauge
	usable, score       prometheus.Gauge
	transitions         *prometheus.CounterVec
}

// Steering makes the metrics of steering away from the WAN primary exist, at
// 0, and returns them. states are the names of the steering states; every
// change between two of them is a series.
func (m *Metrics) Steering(primary string, states ...string) *Steering {
	if m == nil {
		return nil
	}
	wan := WANLabel(primary)
	s := &Steering{
		wan:         wan,
		enabled:     m.steering.enabled.WithLabelValues(wan),
		congestion:  m.steering.congestion.WithLabelValues(wan),
		usable:      m.steering.usable.WithLabelValues(wan),
		score:       m.steering.score.WithLabelValues(wan),
		transitions: m.steering.transitions,
	}
	for _, from := range states {
		for _, to := range states {
			if from != to {
				s.transitions.WithLabelValues(wan, from, to)
			}
		}
	}
	return s
}

// Set says whether connections are steered away, and how congested the primary
// WAN is: GREEN, YELLOW or RED.
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

// SetScore tells the score of the congestion, 0 to 100.
func (s *Steering) SetScore(score float64) {
	if s != nil {
		s.score.Set(score)
	}
}

// SetUsable says whether the rule was read and may be switched.
func (s *Steering) SetUsable(usable bool) {
	if s != nil {
		s.usable.Set(oneIf(usable))
	}
}

// Transition counts a change of the steering state.
func (s *Steering) Transition(from, to string) {
	if s != nil {
		s.transitions.WithLabelValues(s.wan, from, to).Inc()
	}
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
