package statecmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/state"
)

// printStates prints a table for each kind, and below them which files are not
// as they should be.
func printStates(a *app.App, shown []shownState) error {
	switch a.Global.Output {
	case output.JSON, output.JSONL, output.CSV:
		return output.List(a.Out, a.Global.Output, shown, stateFields())
	case output.Table:
	}
	tables := 0
	for _, t := range []struct {
		kind    state.Kind
		columns []output.Column[shownState]
	}{{state.KindWAN, wanStateColumns()}, {state.KindSteering, steeringStateColumns()}} {
		var of []shownState
		for _, s := range shown {
			if s.Kind == t.kind.String() {
				of = append(of, s)
			}
		}
		if len(of) == 0 {
			continue
		}
		if tables++; tables > 1 {
			if _, err := fmt.Fprintln(a.Out); err != nil {
				return err
			}
		}
		if err := output.List(a.Out, output.Table, of, t.columns); err != nil {
			return err
		}
	}
	for _, s := range shown {
		if said := s.remark(); said != "" {
			if _, err := fmt.Fprintf(a.Out, "%s: %s\n", output.Printable(s.Name), output.Printable(said)); err != nil {
				return err
			}
		}
	}
	return nil
}

// remark is what people have to know of a file beside what it holds.
func (s shownState) remark() string {
	backup := ""
	switch s.ReadFrom {
	case "":
	case s.File:
		backup = "; shown are its valid values"
	default:
		backup = "; shown is " + s.ReadFrom
	}
	switch s.Condition {
	case conditionMissing:
		if backup == "" {
			return "no state yet: there is no " + s.File
		}
		return "there is no " + s.File + backup
	case conditionDamaged, conditionUnreadable:
		return s.File + " is " + s.Condition + backup
	case conditionUnknown:
		return "its configuration cannot be used"
	}
	return ""
}

func commonStateColumns(head string) []output.Column[shownState] {
	return []output.Column[shownState]{
		output.Text(head, func(s shownState) string { return s.Name }),
		output.Text("FILE", func(s shownState) string { return s.Condition }),
		output.Number("AGE", func(s shownState) string { return stateAge(s.Age) }),
		output.Text("DAEMON", func(s shownState) string {
			switch {
			case s.Daemon == nil:
				return "-"
			case s.Daemon.PID == 0:
				return "starting"
			}
			return fmt.Sprintf("PID %d", s.Daemon.PID)
		}),
	}
}

func wanStateColumns() []output.Column[shownState] {
	of := func(head string, value func(*wan) string) output.Column[shownState] {
		return output.Number(head, func(s shownState) string {
			if s.WAN == nil {
				return "-"
			}
			return value(s.WAN)
		})
	}
	return append(commonStateColumns("WAN"),
		of("BASELINE", func(w *wan) string { return msText(w.BaselineRTT) }),
		of("LOAD", func(w *wan) string { return msText(w.LoadRTT) }),
		of("NOISE", func(w *wan) string { return msText(w.Noise) }),
		of("DOWN", func(w *wan) string { return rateText(w.Download.Limit) }),
		of("UP", func(w *wan) string { return rateText(w.Upload.Limit) }),
		of("LINE DOWN", func(w *wan) string { return rateText(w.Download.Capacity) }),
		of("LINE UP", func(w *wan) string { return rateText(w.Upload.Capacity) }),
	)
}

func steeringStateColumns() []output.Column[shownState] {
	of := func(head string, value func(*steeringState) string) output.Column[shownState] {
		return output.Text(head, func(s shownState) string {
			if s.Steering == nil {
				return "-"
			}
			return value(s.Steering)
		})
	}
	return append(commonStateColumns("STEERING"),
		of("STATE", func(s *steeringState) string { return dash(s.State) }),
		of("SINCE", func(s *steeringState) string {
			if s.LastTransition == nil {
				return "-"
			}
			return s.LastTransition.Local().Format(time.DateTime)
		}),
		of("CONGESTION", func(s *steeringState) string { return dash(s.Congestion) }),
		of("BASELINE", func(s *steeringState) string { return msText(s.BaselineRTT) }),
		of("DELAY", func(s *steeringState) string { return fmt.Sprintf("%.1f ms", s.DeltaEWMA) }),
		of("QUEUE", func(s *steeringState) string { return fmt.Sprintf("%.0f", s.QueueEWMA) }),
		of("TRANSITIONS", func(s *steeringState) string { return fmt.Sprint(len(s.Transitions)) }),
	)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func msText(ms float64) string {
	if ms == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", ms)
}

func rateText(bps int64) string {
	if bps == 0 {
		return "-"
	}
	return bitrate.Rate(bps).Human()
}

// stateAge is an age in its largest unit.
func stateAge(seconds *float64) string {
	switch {
	case seconds == nil:
		return "-"
	case *seconds < 0:
		return "in the future"
	case *seconds < 120:
		return fmt.Sprintf("%.0f s", *seconds)
	case *seconds < 2*3600:
		return fmt.Sprintf("%.0f min", *seconds/60)
	case *seconds < 2*86400:
		return fmt.Sprintf("%.0f h", *seconds/3600)
	}
	return fmt.Sprintf("%.0f d", *seconds/86400)
}

// firstLine is the first of several problems.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// stateFields are the columns of CSV, one set for both kinds: what a state does
// not have is empty.
func stateFields() []output.Column[shownState] {
	optional := func(name string, value func(shownState) any) output.Column[shownState] {
		return output.Field(name, func(s shownState) any {
			switch v := value(s).(type) {
			case nil:
				return ""
			case float64:
				return numberText(v)
			case *float64:
				if v == nil {
					return ""
				}
				return numberText(*v)
			case *time.Time:
				if v == nil {
					return ""
				}
				return v.Format(time.RFC3339Nano)
			default:
				return v
			}
		})
	}
	ofWAN := func(name string, value func(*wan) any) output.Column[shownState] {
		return optional(name, func(s shownState) any {
			if s.WAN == nil {
				return nil
			}
			return unlessZero(value(s.WAN))
		})
	}
	ofSteering := func(name string, value func(*steeringState) any) output.Column[shownState] {
		return optional(name, func(s shownState) any {
			if s.Steering == nil {
				return nil
			}
			return value(s.Steering)
		})
	}
	return []output.Column[shownState]{
		optional("name", func(s shownState) any { return s.Name }),
		optional("kind", func(s shownState) any { return s.Kind }),
		optional("file", func(s shownState) any { return s.File }),
		optional("condition", func(s shownState) any { return s.Condition }),
		optional("problem", func(s shownState) any { return s.Problem }),
		optional("read_from", func(s shownState) any { return s.ReadFrom }),
		optional("saved_at", func(s shownState) any { return s.SavedAt }),
		optional("age_seconds", func(s shownState) any { return s.Age }),
		optional("daemon_pid", func(s shownState) any {
			if s.Daemon == nil {
				return nil
			}
			return s.Daemon.PID
		}),
		ofWAN("baseline_rtt_ms", func(w *wan) any { return w.BaselineRTT }),
		ofWAN("load_rtt_ms", func(w *wan) any { return w.LoadRTT }),
		ofWAN("noise_ms", func(w *wan) any { return w.Noise }),
		ofWAN("download_current_rate_bps", func(w *wan) any { return w.Download.Limit }),
		ofWAN("download_applied_rate_bps", func(w *wan) any { return w.Download.Applied }),
		ofWAN("download_capacity_bps", func(w *wan) any { return w.Download.Capacity }),
		ofWAN("upload_current_rate_bps", func(w *wan) any { return w.Upload.Limit }),
		ofWAN("upload_applied_rate_bps", func(w *wan) any { return w.Upload.Applied }),
		ofWAN("upload_capacity_bps", func(w *wan) any { return w.Upload.Capacity }),
		ofSteering("current_state", func(s *steeringState) any { return s.State }),
		ofSteering("congestion_state", func(s *steeringState) any { return s.Congestion }),
		ofSteering("last_transition_time", func(s *steeringState) any { return s.LastTransition }),
		ofSteering("primary_baseline_rtt_ms", func(s *steeringState) any { return unlessZero(s.BaselineRTT) }),
		ofSteering("rtt_delta_ewma_ms", func(s *steeringState) any { return s.DeltaEWMA }),
		ofSteering("queue_ewma_packets", func(s *steeringState) any { return s.QueueEWMA }),
		ofSteering("transitions", func(s *steeringState) any { return len(s.Transitions) }),
	}
}

// unlessZero is nil for a number that says "not known".
func unlessZero(v any) any {
	if v == 0.0 || v == int64(0) {
		return nil
	}
	return v
}

// numberText writes a number in full, never as 1e+06.
func numberText(x float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", x), "0"), ".")
}
