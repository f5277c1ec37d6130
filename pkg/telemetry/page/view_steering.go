package page

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/telemetry"
)

func steeringName(s telemetry.SteeringHealth) string { return cmp.Or(s.Detail.Name, "steering") }

func steeringPanel(s telemetry.SteeringHealth, now time.Time) panel {
	d := s.Detail
	away := cmp.Or(d.Alternate.WAN, "the other WAN")
	home := cmp.Or(s.Congestion.Primary.WAN, "the primary WAN")
	dry := s.Steering.Mode == "dry_run"
	rule, ruleSeverity := "not known", severityNone
	if d.Rule.Enabled != nil {
		rule, ruleSeverity = pick(*d.Rule.Enabled, "enabled", "disabled"), pick(*d.Rule.Enabled, severityWatch, severityGood)
	}
	if d.Rule.ByHand {
		rule += " by hand"
	}
	p := panel{
		Name:   steeringName(s),
		Gauges: map[string]gauge{"score": {Fill: min(max(value(d.Score), 0), 100), Mark: min(value(d.Threshold), 100), Second: -1}},
		fields: fields{
			Text: map[string]string{
				"name":          steeringName(s),
				"status":        orNone(string(s.Status)),
				"dry":           when(dry, "dry run"),
				"reasons":       strings.Join(s.Reasons, "; "),
				"verdict":       "New connections " + when(dry, "would ") + pick(s.Steering.Enabled, "go to "+away, "stay on "+home),
				"on":            pick(s.Steering.Enabled, "steering", "not steering"),
				"state":         orNone(s.Steering.State),
				"in_state":      duration(s.Decision.TimeInStateSeconds),
				"switched":      "not switched since it started",
				"reason":        orNone(d.Reason),
				"note":          d.Note,
				"node":          s.HA.Text(),
				"primary":       home,
				"congestion":    orNone(s.Congestion.Primary.State),
				"path_source":   orNone(d.Path.Source),
				"path_rtt":      ms(d.Path.RTT),
				"path_baseline": ms(d.Path.Baseline),
				"path_excess":   signedMs(d.Path.Excess),
				"path_ewma":     signedMs(d.Path.ExcessEWMA),
				"drops":         count(d.Queue.Drops),
				"uncounted":     strings.Join(d.Queue.DropsNotCounted, ", "),
				"depth":         count(d.Queue.Depth),
				"depth_ewma":    number(d.Queue.DepthEWMA, 1),
				"queue":         pick(d.Queue.Available, "read", "not available"),
				"queue_errors":  inARow(s.Errors.CakeReadFailures),
				"score":         number(d.Score, 0),
				"threshold":     number(d.Threshold, 0),
				"red":           fmt.Sprintf("%d of %d", s.Counters.RedCount, s.Thresholds.RedSamplesRequired),
				"good":          fmt.Sprintf("%d of %d", s.Counters.GoodCount, s.Thresholds.GreenSamplesRequired),
				"bad":           strconv.Itoa(s.Counters.BadCount),
				"hold":          "none",
				"penalty":       "none",
				"alternate":     away,
				"condition":     cmp.Or(d.Alternate.Condition, "unknown"),
				"away_excess":   signedMs(d.Alternate.Excess),
				"rule":          rule,
				"comment":       orNone(d.Rule.Comment),
				"rule_error":    d.Rule.Error,
				"list":          orNone(d.ForceOut.List),
				"entries":       addresses(len(d.ForceOut.Entries)),
				"addresses":     entries(d.ForceOut.Entries),
				"list_error":    d.ForceOut.Error,
				"failures":      inARow(s.Errors.ConsecutiveFailures),
				"error":         s.Errors.LastError,
			},
			Severity: severities{
				"status": statusSeverity(s.Status), "dry": severityWatch, "rule": ruleSeverity,
				"on":         pick(s.Steering.Enabled, severityWatch, severityGood),
				"congestion": stateSeverity(s.Congestion.Primary.State),
				"condition":  conditionSeverity(d.Alternate.Condition),
			},
			Time: map[string]time.Time{},
			now:  now,
		},
	}
	if t := s.Decision.LastTransitionTime; t != nil {
		p.Text["switched"], p.Time["switched"] = "", *t
	}
	p.until("hold", d.HoldUntil)
	p.until("penalty", d.Penalty)
	return p
}

// until makes the field key say how long it is to a moment in the future, and
// when that is.
func (f fields) until(key string, t *time.Time) {
	if t != nil && t.After(f.now) {
		f.Text[key], f.Time[key] = duration(t.Sub(f.now).Seconds())+", until ", *t
	}
}

func conditionSeverity(condition string) severity {
	switch condition {
	case "good":
		return severityGood
	case "degraded":
		return severityWarn
	case "down":
		return severityBad
	}
	return severityNone
}

func addresses(n int) string {
	switch n {
	case 0:
		return "no addresses"
	case 1:
		return "1 address"
	}
	return fmt.Sprintf("%d addresses", n)
}

func entries(list []string) string {
	if len(list) <= entriesShown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:entriesShown], ", "), len(list)-entriesShown)
}

// value returns *x, or -1.
func value(x *float64) float64 {
	if x == nil {
		return -1
	}
	return *x
}
