package page

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

const (
	// staleAfter is the age from which the values of a WAN are not of now.
	staleAfter = 5 * time.Second
	// openAtMost is up to how many WANs have their details open from the start.
	openAtMost = 3
	// eventsShown bounds the table of events.
	eventsShown = history.MaxEvents
	// entriesShown bounds the list of forced-out addresses.
	entriesShown = 200
)

// A tone is the colour of a badge. The word in the badge says the same.
const (
	toneGood  = "good"
	toneWatch = "watch"
	toneWarn  = "warn"
	toneBad   = "bad"
	toneNone  = "none"
)

// document is what page.html shows.
type document struct {
	facts
	WANs, Steering []panel
	Events         []eventRow
	At             time.Time
	AsOf, Zone     string
	Blank          blank
}

// blank is an empty panel of each kind, from which the script makes new ones.
type blank struct{ WAN, Steering panel }

// panel is a WAN or a steering daemon.
type panel struct {
	facts
	Name       string
	Open       bool
	Stale      bool
	Directions []direction // of a WAN
	Score      gauge       // of steering
}

type direction struct {
	facts
	Key   string // "download" or "upload"
	Title string
	Gauge gauge
}

// gauge is a bar from 0 to 100: how much of it is filled, and where the marks
// are; a negative mark is not there.
type gauge struct{ Fill, Mark, Second float64 }

type eventRow struct {
	At              time.Time
	Clock, WAN      string
	Kind, Direction string
	Text            string
}

func newDocument(host telemetry.Host, past history.Excerpt, now time.Time, open []string) document {
	if host.At.IsZero() {
		host.At = now
	}
	zone, _ := host.At.Local().Zone()
	d := document{
		facts: hostFacts(host),
		At:    host.At, AsOf: clock(host.At, host.At), Zone: zone,
		Blank: blank{WAN: wanPanel(telemetry.WANHealth{}, host.At), Steering: steeringPanel(telemetry.SteeringHealth{}, host.At)},
	}
	for _, w := range host.WANs {
		p := wanPanel(w, host.At)
		p.Open = len(host.WANs) <= openAtMost || slices.Contains(open, w.Name) || slices.Contains(open, "all")
		d.WANs = append(d.WANs, p)
	}
	for _, s := range host.Steering {
		d.Steering = append(d.Steering, steeringPanel(s, host.At))
	}
	d.Events = eventRows(past.Events, host.At)
	return d
}

// eventRows are the newest events, newest first.
func eventRows(events []history.Event, now time.Time) []eventRow {
	events = slices.Clone(events)
	slices.Reverse(events) // of those at the same time, the last one first
	slices.SortStableFunc(events, func(a, b history.Event) int { return b.At.Compare(a.At) })
	rows := make([]eventRow, 0, eventsShown)
	for _, e := range events[:min(len(events), eventsShown)] {
		rows = append(rows, eventRow{e.At, clock(e.At, now), orNone(e.WAN), e.Kind, e.Direction, e.Text})
	}
	return rows
}

func hostFacts(h telemetry.Host) facts {
	verdict, tone := verdict(h)
	return facts{
		Text: map[string]string{"verdict": verdict, "version": h.Version, "uptime": duration(h.UptimeSeconds)},
		Tone: map[string]string{"verdict": tone},
	}
}

// verdict is the whole host in a line.
func verdict(h telemetry.Host) (text, tone string) {
	var degraded, starting []string
	note := func(status telemetry.Status, name string) {
		switch status {
		case telemetry.Healthy:
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
		return "Nothing runs here", toneNone
	case len(degraded) > 0:
		return "Degraded: " + few(degraded), toneBad
	case len(starting) > 0:
		return "Starting: " + few(starting), toneWatch
	}
	return "Healthy", toneGood
}

// few names three and counts the rest.
func few(names []string) string {
	if len(names) <= 3 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
}

func statusTone(s telemetry.Status) string {
	switch s {
	case telemetry.Healthy:
		return toneGood
	case telemetry.Starting:
		return toneWatch
	case telemetry.Degraded:
		return toneBad
	}
	return toneNone
}

func stateTone(state string) string {
	switch state {
	case "GREEN":
		return toneGood
	case "YELLOW":
		return toneWatch
	case "SOFT_RED":
		return toneWarn
	case "RED":
		return toneBad
	}
	return toneNone
}

// origin says whether the values of w are of now, where they are from, and how
// old they are.
func origin(w telemetry.WANHealth, now time.Time) (text, tone, values string) {
	if w.At == nil {
		return "no data yet", toneNone, none
	}
	age := now.Sub(*w.At)
	old := duration(age.Seconds()) + " old"
	values = pick(w.Source == telemetry.FromFile, "the state file, ", "the loop, ") + old
	if w.Source == telemetry.FromFile || age > staleAfter {
		return "stale: " + old, toneBad, values
	}
	return "live", toneGood, values
}

func wanPanel(w telemetry.WANHealth, now time.Time) panel {
	source, sourceTone, values := origin(w, now)
	router, routerTone := "not known", toneNone
	switch {
	case w.Router.Reachable:
		router, routerTone = "answers", toneGood
	case w.Router.LastError != "":
		router, routerTone = "does not answer", toneBad
	}
	p := panel{
		Name:  w.Name,
		Stale: sourceTone != toneGood,
		facts: facts{
			Text: map[string]string{
				"name":       w.Name,
				"status":     orNone(string(w.Status)),
				"source":     source,
				"values":     values,
				"dry":        when(w.DryRun, "dry run"),
				"reasons":    strings.Join(w.Reasons, "; "),
				"rtt":        ms(w.LoadRTTMs),
				"baseline":   ms(w.BaselineRTTMs),
				"excess":     signedMs(w.ExcessMs),
				"probe":      orNone(w.Probe.Mode),
				"reflectors": ofMany(w.Probe.ReflectorsAlive, w.Probe.Reflectors),
				"last_reply": ago(w.Probe.LastReplyAgeSeconds),
				"failures":   inARow(w.ConsecutiveFailures),
				"router":     router,
				"way":        orNone(strings.TrimSpace(w.Router.Transport + " " + w.Router.Address)),
				"latency":    ms(w.Router.LatencyMs),
				"answered":   ago(w.Router.LastAnswerAgeSeconds),
				"failovers":  strconv.Itoa(w.Router.Failovers),
				"error":      w.Router.LastError,
			},
			Tone: map[string]string{"status": statusTone(w.Status), "source": sourceTone, "router": routerTone, "dry": toneWatch},
		},
	}
	p.Directions = []direction{
		newDirection("download", "Download", w.Download),
		newDirection("upload", "Upload", w.Upload),
	}
	return p
}

func newDirection(key, title string, d telemetry.DirectionHealth) direction {
	return direction{
		Key: key, Title: title,
		facts: facts{
			Prefix: key + "_",
			Text: map[string]string{
				"limit":      mbps(d.CurrentRateMbps),
				"state":      orNone(d.State),
				"reason":     orNone(d.Reason),
				"throughput": mbps(d.ThroughputMbps),
				"applied":    mbps(d.AppliedMbps),
				"floor":      mbps(d.FloorMbps),
				"ceiling":    mbps(d.CeilingMbps),
				"capacity":   mbps(d.CapacityMbps),
			},
			Tone: map[string]string{"state": stateTone(d.State)},
		},
		Gauge: gauge{
			Fill:   max(share(d.ThroughputMbps, d.CeilingMbps), 0),
			Mark:   share(d.CurrentRateMbps, d.CeilingMbps),
			Second: share(d.FloorMbps, d.CeilingMbps),
		},
	}
}

// share is x of whole in percent, at most 100; -1 when that is not known.
func share(x, whole *float64) float64 {
	if x == nil || whole == nil || *whole <= 0 {
		return -1
	}
	return min(*x / *whole * 100, 100)
}

func inARow(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d in a row", n)
}

func ofMany(n, all int) string {
	if all == 0 {
		return none
	}
	return fmt.Sprintf("%d of %d", n, all)
}

func when(cond bool, text string) string { return pick(cond, text, "") }

func pick(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}
