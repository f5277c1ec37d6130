package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/report"
)

const (
	// openAtMost is the number of WANs up to which all details are open at first.
	openAtMost = 3
	// eventsShown bounds the table of events.
	eventsShown = history.MaxEvents
	// entriesShown bounds the list of forced-out addresses.
	entriesShown = 200
)

// snapshot is everything on the page that changes every second.
type snapshot struct {
	fields
	At       time.Time `json:"at"`
	WANs     []panel   `json:"wans"`
	Steering []panel   `json:"steering"`
}

// panel is a WAN or a steering daemon.
type panel struct {
	fields
	Name   string            `json:"name"`
	Stale  bool              `json:"stale"`
	Gauges map[string]gauge  `json:"gauges"` // by direction, or "score"
	Bounds map[string]bounds `json:"bounds,omitempty"`
	Absent []string          `json:"absent,omitempty"` // directions that are not controlled
	// Reflectors are those of a WAN, spares included.
	Reflectors []reflectorRow `json:"reflectors,omitempty"`
	Open       bool           `json:"-"`
}

// gauge is a bar from 0 to 100: its filled part and the places of its marks. A
// negative mark is outside of the bar.
type gauge struct {
	Fill   float64 `json:"fill"`
	Mark   float64 `json:"mark"`
	Second float64 `json:"second"`
}

// bounds are the configured limits of a direction in Mbit/s, for its chart.
type bounds struct {
	Floor   *float64 `json:"floor"`
	Ceiling *float64 `json:"ceiling"`
}

// Directions returns the two directions of a WAN's panel.
func (p panel) Directions() []direction {
	return []direction{{p, "download", "Download"}, {p, "upload", "Upload"}}
}

// direction is the part of a WAN's panel for one direction.
type direction struct {
	panel
	Key, Title string
}

// Field returns the direction's own field.
func (d direction) Field(key string, labelAndUnit ...string) (field, error) {
	return d.panel.Field(d.Key+"_"+key, labelAndUnit...)
}

// Absent reports whether the direction is not controlled, and not shown.
func (d direction) Absent() bool { return slices.Contains(d.panel.Absent, d.Key) }

// Gauge returns the direction's gauge.
func (d direction) Gauge() gauge { return d.Gauges[d.Key] }

// document is what page.html shows.
type document struct {
	snapshot
	Events     []eventRow // that matter
	Usual      []eventRow
	AsOf, Zone string
	Blank      blank
}

// blank is an empty panel of each kind, from which the script makes new ones.
type blank struct{ WAN, Steering panel }

type eventRow struct {
	At              time.Time
	Clock, WAN      string
	Kind, Direction string
	Text            string
}

// newSnapshot returns the snapshot of host; now stands in for the time of a
// host that has none.
func newSnapshot(host telemetry.Host, now time.Time, past map[string]report.Latency) snapshot {
	if !host.At.IsZero() {
		now = host.At
	}
	text, severity := verdict(host)
	line, lineSeverity := linesVerdict(host)
	s := snapshot{
		At: now, WANs: make([]panel, len(host.WANs)), Steering: make([]panel, len(host.Steering)),
		fields: fields{
			Text:     map[string]string{"verdict": text, "line": line, "version": host.Version, "uptime": duration(host.UptimeSeconds)},
			Severity: severities{"verdict": severity, "line": lineSeverity},
		},
	}
	for i, w := range host.WANs {
		s.WANs[i] = wanPanel(w, now, past[w.Name])
	}
	for i, d := range host.Steering {
		s.Steering[i] = steeringPanel(d, now)
	}
	return s
}

func newDocument(host telemetry.Host, past history.Window, now time.Time, latencies map[string]report.Latency, open []string) document {
	s := newSnapshot(host, now, latencies)
	for i := range s.WANs {
		w := &s.WANs[i]
		w.Open = len(s.WANs) <= openAtMost || slices.Contains(open, w.Name) || slices.Contains(open, "all")
	}
	zone, _ := s.At.Local().Zone()
	return document{
		snapshot: s, AsOf: clock(s.At, s.At), Zone: zone,
		Events: eventRows(past.Events, s.At, false), Usual: eventRows(past.Events, s.At, true),
		Blank: blank{WAN: wanPanel(telemetry.WANHealth{}, s.At, report.Latency{}), Steering: steeringPanel(telemetry.SteeringHealth{}, s.At)},
	}
}

// eventRows returns the newest of the events that are usual, or of the others, newest
// first.
func eventRows(events []history.Event, now time.Time, usual bool) []eventRow {
	events = slices.DeleteFunc(slices.Clone(events), func(e history.Event) bool { return e.Usual() != usual })
	slices.Reverse(events) // of those at the same time, the last one first
	slices.SortStableFunc(events, func(a, b history.Event) int { return b.At.Compare(a.At) })
	rows := make([]eventRow, 0, eventsShown)
	for _, e := range events[:min(len(events), eventsShown)] {
		rows = append(rows, eventRow{e.At, clock(e.At, now), orNone(e.WAN), e.Kind, e.Direction, e.Text})
	}
	return rows
}

// verdict returns the state of the whole host in one line.
func verdict(h telemetry.Host) (string, severity) {
	var degraded, starting []string
	note := func(status telemetry.Status, name string) {
		switch status {
		case telemetry.Healthy, telemetry.Standby:
		case telemetry.Starting:
			starting = append(starting, name)
		default:
			degraded = append(degraded, name)
		}
	}
	for _, w := range h.WANs {
		note(w.Status, w.Name)
	}
	for _, s := range h.Steering {
		note(s.Status, steeringName(s))
	}
	switch {
	case len(h.WANs)+len(h.Steering) == 0:
		return "Nothing runs here", severityNone
	case len(degraded) > 0:
		return "Degraded: " + few(degraded), severityBad
	case len(starting) > 0:
		return "Starting: " + few(starting), severityWatch
	}
	return "Healthy", severityGood
}

// few names three and counts the rest.
func few(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}

func statusSeverity(s telemetry.Status) severity {
	switch s {
	case telemetry.Healthy, telemetry.Standby:
		return severityGood
	case telemetry.Starting:
		return severityWatch
	case telemetry.Degraded:
		return severityBad
	}
	return severityNone
}

// stateSeverity takes the name of a congestion state.
func stateSeverity(state string) severity {
	switch state {
	case "GREEN":
		return severityGood
	case "YELLOW":
		return severityWatch
	case "SOFT_RED":
		return severityWarn
	case "RED":
		return severityBad
	}
	return severityNone
}
