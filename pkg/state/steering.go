package state

import (
	"encoding/json"
	"math"
	"time"

	"github.com/wanctl/wanctl/pkg/state/salvage"
)

// Steering is what the steering daemon remembers. The histories are the
// caller's to bound (state.history_size).
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
	alone bool // raw stood there in place of a list
}

// worthSaving reports whether s differs from the saved state in more than
// samples.
func (s Steering) worthSaving(saved Steering) bool {
	return s.Current != saved.Current || s.Congestion != saved.Congestion ||
		!s.LastTransition.Equal(saved.LastTransition) || len(s.Transitions) != len(saved.Transitions)
}

// OpenSteering is the state file of the steering daemon at path.
func OpenSteering(path string) *File[Steering] {
	return &File[Steering]{path: path, kind: OfSteering, decode: decodeSteering, encode: encodeSteering}
}

func decodeSteering(f fields) Steering {
	own := decodeOwn(f)
	return Steering{
		Current:          f.text("current_state"),
		BadCount:         f.count("bad_count"),
		GoodCount:        f.count("good_count"),
		RedCount:         f.count("red_count"),
		BaselineRTT:      f.delay("baseline_rtt", 0),
		HistoryRTT:       f.delays("history_rtt", 0),
		HistoryDelta:     f.delays("history_delta", -maxDelay),
		Transitions:      decodeTransitions(f),
		LastTransition:   f.time("last_transition_time"),
		RTTDeltaEWMA:     f.delay("rtt_delta_ewma", -maxDelay),
		QueueEWMA:        f.number("queue_ewma", 0, maxCount),
		DropsHistory:     f.counts("cake_drops_history"),
		QueueHistory:     f.counts("queue_depth_history"),
		Congestion:       f.text("congestion_state"),
		CakeReadFailures: f.count("cake_read_failures"),
		Timestamp:        own.savedAt,
		Law:              own.law,
	}
}

func (f fields) delays(key string, lowest time.Duration) []time.Duration {
	return convert(f.numbers(key, millis(lowest), millis(maxDelay)), fromMillis)
}

func (f fields) counts(key string) []int {
	return convert(f.numbers(key, 0, maxCount), func(x float64) int { return int(math.Round(x)) })
}

func convert[A, B any](in []A, as func(A) B) []B {
	var out []B
	for _, x := range in {
		out = append(out, as(x))
	}
	return out
}

// decodeTransitions keeps what it does not understand: a transition is history,
// and nothing depends on it.
func decodeTransitions(f fields) []Transition {
	f.shape.Member("transitions").List()
	if !f.has("transitions") {
		return nil
	}
	text := f.obj["transitions"]
	list, err := salvage.List(text)
	if err != nil {
		return []Transition{{raw: text, alone: true}}
	}
	return convert(list, func(raw json.RawMessage) Transition {
		t := Transition{raw: raw}
		if o, err := parseObject(raw); err == nil {
			in := newFields(o) // what is wrong in it is not asked for
			t.At, t.From, t.To = in.time("timestamp"), in.text("from"), in.text("to")
		}
		return t
	})
}

func encodeSteering(doc object, s Steering) error {
	if s.Timestamp.IsZero() {
		s.Timestamp = time.Now()
	}
	e := encoder{}
	e.do(doc.putText("current_state", s.Current))
	e.do(doc.put("bad_count", s.BadCount))
	e.do(doc.put("good_count", s.GoodCount))
	e.do(doc.put("red_count", s.RedCount))
	if s.BaselineRTT > 0 {
		e.do(doc.put("baseline_rtt", millis(s.BaselineRTT)))
	} else {
		e.do(doc.put("baseline_rtt", nil))
	}
	e.do(putList(doc, "history_rtt", convert(s.HistoryRTT, millis)))
	e.do(putList(doc, "history_delta", convert(s.HistoryDelta, millis)))
	if len(s.Transitions) == 1 && s.Transitions[0].alone {
		doc["transitions"] = s.Transitions[0].raw
	} else {
		doc.putRaw("transitions", convert(s.Transitions, encodeTransition))
	}
	if s.LastTransition.IsZero() {
		e.do(doc.put("last_transition_time", nil))
	} else {
		e.do(doc.put("last_transition_time", s.LastTransition.Local().Format(compatTime)))
	}
	e.do(doc.put("rtt_delta_ewma", millis(s.RTTDeltaEWMA)))
	e.do(doc.put("queue_ewma", s.QueueEWMA))
	e.do(putList(doc, "cake_drops_history", s.DropsHistory))
	e.do(putList(doc, "queue_depth_history", s.QueueHistory))
	e.do(doc.putText("congestion_state", s.Congestion))
	e.do(doc.put("cake_read_failures", s.CakeReadFailures))
	e.own(doc, s.Timestamp, s.Law)
	return e.err
}

// putList writes a list, empty rather than null.
func putList[T any](doc object, key string, list []T) error {
	if list == nil {
		list = []T{}
	}
	return doc.put(key, list)
}

func encodeTransition(t Transition) json.RawMessage {
	if t.raw != nil {
		return t.raw
	}
	data, err := json.Marshal(map[string]string{
		"timestamp": t.At.Local().Format(compatTime), "from": t.From, "to": t.To,
	})
	if err != nil {
		return json.RawMessage("null") // strings always encode
	}
	return data
}
