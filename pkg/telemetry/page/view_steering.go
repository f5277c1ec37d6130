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
	verb := "stay on"
	if s.Steering.Enabled {
		verb = "go to"
	}
	switched := "not switched since it started"
	if t := s.Decision.LastTransitionTime; t != nil {
		switched = clock(*t, now)
	}
	rule, ruleTone := "not known", toneNone
	if d.Rule.Enabled != nil {
		rule, ruleTone = "disabled", toneGood
		if *d.Rule.Enabled {
			rule, ruleTone = "enabled", toneWatch
		}
	}
	return panel{
		Name: steeringName(s),
		facts: facts{
			Text: map[string]string{
				"name":          steeringName(s),
				"status":        orNone(string(s.Status)),
				"dry":           when(dry, "dry run"),
				"reasons":       strings.Join(s.Reasons, "; "),
				"verdict":       "New connections " + when(dry, "would ") + verb + " " + pick(s.Steering.Enabled, away, home),
				"on":            pick(s.Steering.Enabled, "steering", "not steering"),
				"state":         orNone(s.Steering.State),
				"in_state":      duration(s.Decision.TimeInStateSeconds),
				"switched":      switched,
				"reason":        orNone(d.Reason),
				"primary":       home,
				"congestion":    orNone(s.Congestion.Primary.State),
				"path_source":   orNone(d.Path.Source),
				"path_rtt":      ms(d.Path.RTT),
				"path_baseline": ms(d.Path.Baseline),
				"path_excess":   signedMs(d.Path.Excess),
				"path_ewma":     signedMs(d.Path.ExcessEWMA),
				"drops":         count(d.Queue.Drops),
				"depth":         count(d.Queue.Depth),
				"depth_ewma":    number(d.Queue.DepthEWMA, 1),
				"queue":         pick(d.Queue.Available, "read", "not available"),
				"queue_errors":  inARow(s.Errors.CakeReadFailures),
				"score":         number(d.Score, 0),
				"threshold":     number(d.Threshold, 0),
				"red":           fmt.Sprintf("%d of %d", s.Counters.RedCount, s.Thresholds.RedSamplesRequired),
				"good":          fmt.Sprintf("%d of %d", s.Counters.GoodCount, s.Thresholds.GreenSamplesRequired),
				"bad":           strconv.Itoa(s.Counters.BadCount),
				"hold":          until(d.HoldUntil, now),
				"penalty":       until(d.Penalty, now),
				"alternate":     away,
				"condition":     cmp.Or(d.Alternate.Condition, "unknown"),
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
			Tone: map[string]string{
				"status": statusTone(s.Status), "dry": toneWatch, "rule": ruleTone,
				"on":         pick(s.Steering.Enabled, toneWatch, toneGood),
				"congestion": stateTone(s.Congestion.Primary.State),
				"condition":  conditionTone(d.Alternate.Condition),
			},
		},
		Score: gauge{Fill: min(max(value(d.Score), 0), 100), Mark: min(value(d.Threshold), 100), Second: -1},
	}
}

func conditionTone(condition string) string {
	switch condition {
	case "good":
		return toneGood
	case "degraded":
		return toneWarn
	case "down":
		return toneBad
	}
	return toneNone
}

// until is a moment to come, with how long that is.
func until(t *time.Time, now time.Time) string {
	if t == nil || !t.After(now) {
		return "none"
	}
	return "until " + clock(*t, now) + ", " + duration(t.Sub(now).Seconds())
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

// value is *x, or -1.
func value(x *float64) float64 {
	if x == nil {
		return -1
	}
	return *x
}
