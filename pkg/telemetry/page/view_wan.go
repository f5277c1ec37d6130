package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/report"
)

// staleAfter is the age from which the values of a WAN no longer count as live.
const staleAfter = 5 * time.Second

func wanPanel(w telemetry.WANHealth, now time.Time, past report.Latency) panel {
	source, sourceSeverity, values := origin(w, now)
	router, routerSeverity := "not known", severityNone
	switch {
	case w.Router.Reachable:
		router, routerSeverity = "answers", severityGood
	case w.Router.LastError != "":
		router, routerSeverity = "does not answer", severityBad
	}
	line, lineSeverity := lineOf(w)
	p := panel{
		Name: w.Name, Stale: sourceSeverity != severityGood, Reflectors: reflectorRows(w.Probe.Hosts), Gauges: map[string]gauge{}, Bounds: map[string]bounds{},
		fields: fields{
			Text: map[string]string{
				"name":       w.Name,
				"status":     orNone(string(w.Status)),
				"source":     source,
				"values":     values,
				"dry":        when(w.DryRun, "dry run"),
				"reasons":    strings.Join(w.Reasons, "; "),
				"warnings":   strings.Join(w.Warnings, "; "),
				"rtt":        ms(w.LoadRTTMs),
				"baseline":   ms(w.BaselineRTTMs),
				"excess":     signedMs(w.ExcessMs),
				"probe":      orNone(w.Probe.Mode),
				"reflectors": ofMany(w.Probe.ReflectorsAlive, w.Probe.Reflectors),
				"samples":    evidence(w.Probe.Samples),
				"last_reply": ago(w.Probe.LastReplyAgeSeconds),
				"line":       line,
				"grade":      when(past.Grade != "", "grade "+past.Grade),
				"idle":       spread(past.Idle),
				"loaded":     spread(past.Loaded),
				"routes":     routeText(w.Probe.Routes),
				"failures":   inARow(w.ConsecutiveFailures),
				"router":     router,
				"address":    orNone(strings.TrimSpace(w.Router.Transport + " " + w.Router.Address)),
				"latency":    ms(w.Router.LatencyMs),
				"answered":   ago(w.Router.LastAnswerAgeSeconds),
				"failovers":  strconv.Itoa(w.Router.Failovers),
				"error":      w.Router.LastError,
				"node":       w.HA.Text(),
			},
			Severity: severities{"status": statusSeverity(w.Status), "source": sourceSeverity, "router": routerSeverity, "dry": severityWatch, "line": lineSeverity, "grade": gradeSeverity(past.Grade)},
		},
	}
	p.direction("download", w.Download)
	p.direction("upload", w.Upload)
	return p
}

// direction adds the fields, the gauge and the bounds of one direction.
func (p *panel) direction(key string, d telemetry.DirectionHealth) {
	if d.NotControlled {
		p.Absent = append(p.Absent, key)
	}
	p.Text[key+"_limit"] = mbps(d.CurrentRateMbps)
	p.Text[key+"_state"] = orNone(d.State)
	p.Text[key+"_reason"] = orNone(d.Reason)
	p.Text[key+"_throughput"] = mbps(d.ThroughputMbps)
	p.Text[key+"_applied"] = mbps(d.AppliedMbps)
	p.Text[key+"_floor"] = mbps(d.FloorMbps)
	p.Text[key+"_ceiling"] = mbps(d.CeilingMbps)
	p.Text[key+"_capacity"] = mbps(d.CapacityMbps)
	p.Severity[key+"_state"] = stateSeverity(d.State)
	p.Gauges[key] = gauge{
		Fill:   max(share(d.ThroughputMbps, d.CeilingMbps), 0),
		Mark:   share(d.CurrentRateMbps, d.CeilingMbps),
		Second: share(d.FloorMbps, d.CeilingMbps),
	}
	p.Bounds[key] = bounds{d.FloorMbps, d.CeilingMbps}
}

// origin returns whether the values of w are live, where they are from, and
// how old they are.
func origin(w telemetry.WANHealth, now time.Time) (text string, is severity, values string) {
	if w.At == nil {
		return "no data yet", severityNone, none
	}
	age := now.Sub(*w.At)
	old := duration(age.Seconds()) + " old"
	values = pick(w.Source == telemetry.FromFile, "the state file, ", "the loop, ") + old
	if w.Source == telemetry.FromFile || age > staleAfter {
		return "stale: " + old, severityBad, values
	}
	return "live", severityGood, values
}

// share returns x of whole in percent, at most 100; -1 when it is unknown.
func share(x, whole *float64) float64 {
	if x == nil || whole == nil || *whole <= 0 {
		return -1
	}
	return min(*x / *whole * 100, 100)
}

func routeText(routes []telemetry.ProbeRoute) string {
	var texts []string
	for _, r := range routes {
		texts = append(texts, r.String())
	}
	return strings.Join(texts, ", ")
}

func inARow(n int) string { return when(n > 0, strconv.Itoa(n)+" in a row") }

func ofMany(n, all int) string { return pick(all > 0, fmt.Sprintf("%d of %d", n, all), none) }

func when(cond bool, text string) string { return pick(cond, text, "") }

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

// evidence says how long an excess has to last to be taken for a queue.
func evidence(samples int) string {
	if samples < 2 {
		return ""
	}
	return fmt.Sprintf("the lowest of %d samples", samples)
}
