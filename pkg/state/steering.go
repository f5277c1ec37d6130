package state

import (
	"encoding/json"
	"time"
)

// Steering is the state of the steering daemon. The caller bounds the histories
// (state.history_size).
type Steering struct {
	Current          string // "<PRIMARY>_GOOD" or "<PRIMARY>_DEGRADED"
	BadCount         int
	GoodCount        int
	RedCount         int
	BaselineRTT      time.Duration // of the primary WAN; 0: not known
	HistoryRTT       []time.Duration
	HistoryDelta     []time.Duration
	Transitions      []Transition
	LastTransition   time.Time     // zero: never
	RTTDeltaEWMA     time.Duration // smoothed RTT above the baseline
	QueueEWMA        float64       // smoothed queue depth, packets
	DropsHistory     []int         // packets dropped a sample
	QueueHistory     []int         // packets queued at each sample
	Congestion       string        // GREEN, YELLOW or RED
	CakeReadFailures int           // in a row

	Timestamp time.Time // of this state; zero: written as the time of saving

	// Law is the steering law's own snapshot, opaque here. It must not be
	// changed after Save or Submit.
	Law json.RawMessage
}

// Transition is one change of the steering state. Transitions written by the
// earlier system keep all they hold, whatever their shape.
type Transition struct {
	At   time.Time
	From string
	To   string

	raw   json.RawMessage
	alone bool // raw stood in place of a list
}

// worthSaving reports whether s differs from the saved state in more than
// samples.
func (s Steering) worthSaving(saved Steering) bool {
	return s.Current != saved.Current || s.Congestion != saved.Congestion ||
		!s.LastTransition.Equal(saved.LastTransition) || len(s.Transitions) != len(saved.Transitions)
}

// OpenSteering returns the state file of the steering daemon at path.
func OpenSteering(path string) *File[Steering] {
	return &File[Steering]{path: path, kind: KindSteering, bind: (*Steering).bind}
}

func (s *Steering) bind() binding {
	return binding{[]field{
		textField("current_state", &s.Current),
		countField("bad_count", &s.BadCount),
		countField("good_count", &s.GoodCount),
		countField("red_count", &s.RedCount),
		orNull(rttField("baseline_rtt", &s.BaselineRTT)),
		delaysField("history_rtt", &s.HistoryRTT, 0),
		delaysField("history_delta", &s.HistoryDelta, -maxDelay),
		{"transitions", s.parseTransitions, s.transitions, "[]"},
		orNull(timeField("last_transition_time", &s.LastTransition)),
		delayField("rtt_delta_ewma", &s.RTTDeltaEWMA, -maxDelay),
		numberField("queue_ewma", &s.QueueEWMA, 0, maxCount, func(x float64) float64 { return x }, func() any { return s.QueueEWMA }),
		countsField("cake_drops_history", &s.DropsHistory),
		countsField("queue_depth_history", &s.QueueHistory),
		textField("congestion_state", &s.Congestion),
		countField("cake_read_failures", &s.CakeReadFailures),
	}, &s.Timestamp, &s.Law}
}

// parseTransitions accepts every shape: transitions are history, and nothing
// depends on them.
func (s *Steering) parseTransitions(raw json.RawMessage) error {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		s.Transitions = []Transition{{raw: raw, alone: true}}
		return nil
	}
	s.Transitions = nil
	for _, item := range items {
		t := Transition{raw: item}
		var doc object
		if json.Unmarshal(item, &doc) == nil {
			decodeFields(doc, []field{timeField("timestamp", &t.At), textField("from", &t.From), textField("to", &t.To)})
		}
		s.Transitions = append(s.Transitions, t)
	}
	return nil
}

func (s *Steering) transitions() any {
	if len(s.Transitions) == 1 && s.Transitions[0].alone {
		return s.Transitions[0].raw
	}
	return convertAll(s.Transitions, func(t Transition) any {
		if t.raw != nil {
			return t.raw
		}
		return map[string]string{"timestamp": t.At.Local().Format(compatTime), "from": t.From, "to": t.To}
	})
}
