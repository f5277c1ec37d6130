package notify

import (
	"math"
	"strings"
	"time"
)

// Tracker turns the statuses of one loop into events. It is pure: times are arguments.
type Tracker struct {
	For time.Duration // how long a health, state or outage has to differ before it is an event

	started bool
	values  map[condition]*tracked
}

// condition is what has one value at a time.
type condition struct {
	kind      Kind
	direction string
}

type tracked struct {
	value   string    // as last reported
	since   time.Time // when that began
	differs time.Time // since when the value is another one; zero: it is not
}

// expected are the values that need no event at the start.
var expected = map[Kind]string{Health: "healthy", State: "GREEN", Outage: Up, Configuration: Accepted}

// unknown is the state of a direction before the first decision.
const unknown = "UNKNOWN"

// Step returns the events of a status. The first status that is not that of a loop which
// is starting begins with an event of kind Loop.
func (t *Tracker) Step(s *Status) []Event {
	if t.values == nil {
		t.values = map[condition]*tracked{}
	}
	var events []Event
	if !t.started {
		if s.Health == "starting" {
			return nil
		}
		t.started = true
		t.values[condition{kind: Loop}] = &tracked{value: Running, since: s.Time}
		events = append(events, Event{Time: s.Time, Kind: Loop, Old: Stopped, New: Running, Reason: s.Health})
		if s.Takeover != nil {
			events = append(events, Event{Time: s.Time, Kind: Taken, Old: s.Takeover.From, New: s.Takeover.Node, Reason: s.Takeover.Reason})
		}
	}
	add := func(c condition, value, reason string) {
		if e, changed := t.observe(c, value, s.Time); changed {
			e.Reason = reason
			events = append(events, e)
		}
	}
	reasons := strings.Join(s.Reasons, "; ")
	if s.Health != "starting" { // a loop that cannot be asked for a moment is not starting again
		add(condition{kind: Health}, s.Health, reasons)
	}
	if s.Line != nil {
		value := Up
		if s.Line.Outage {
			value = Down
		}
		add(condition{kind: Outage}, value, "")
	}
	for _, d := range []struct {
		name string
		*DirectionStatus
	}{{"download", s.Download}, {"upload", s.Upload}} {
		if d.DirectionStatus != nil {
			add(condition{State, d.name}, d.State, d.Reason)
		}
	}
	if s.Steering != nil {
		value := Released
		if s.Steering.Engaged {
			value = Engaged
		}
		add(condition{kind: Steering}, value, s.Steering.Reason)
	}
	value := Accepted
	if s.Refused != "" {
		value = Refused
	}
	add(condition{kind: Configuration}, value, s.Refused)
	return events
}

// Stop returns the event of the end of the loop, if its start was one.
func (t *Tracker) Stop(now time.Time) []Event {
	if !t.started {
		return nil
	}
	return []Event{{
		Time: now, Kind: Loop, Old: Running, New: Stopped,
		OldSeconds: duration(t.values[condition{kind: Loop}].since, now),
	}}
}

// observe returns the event of a value that has lasted.
func (t *Tracker) observe(c condition, value string, now time.Time) (e Event, changed bool) {
	if value == "" || value == unknown {
		return e, false
	}
	v := t.values[c]
	if v == nil {
		first, known := expected[c.kind]
		if !known { // whatever it is, it is not news
			first = value
		}
		v = &tracked{value: first, since: now}
		t.values[c] = v
	}
	if value == v.value {
		v.differs = time.Time{}
		return e, false
	}
	if v.differs.IsZero() {
		v.differs = now
	}
	if t.holds(c.kind) && now.Sub(v.differs) < t.For {
		return e, false
	}
	e = Event{Time: now, Kind: c.kind, Direction: c.direction, Old: v.value, New: value, OldSeconds: duration(v.since, v.differs)}
	v.value, v.since, v.differs = value, v.differs, time.Time{}
	return e, true
}

// holds reports whether an event of the kind waits for For. The others change seldom, and
// have brakes of their own.
func (t *Tracker) holds(k Kind) bool { return k == Health || k == State || k == Outage }

func duration(from, to time.Time) float64 {
	return math.Round(max(to.Sub(from), 0).Seconds()*1000) / 1000
}
