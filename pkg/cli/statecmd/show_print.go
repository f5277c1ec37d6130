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
	case output.JSON, output.JSONL:
		return output.List(a.Out, a.Global.Output, shown, nil)
	case output.CSV:
		return output.List(a.Out, output.CSV, shownRows(shown), nil)
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

// orDash returns the text of a part of a state, a dash where there is no such part.
func orDash[T any](part func(shownState) *T, text func(*T) string) func(shownState) string {
	return func(s shownState) string {
		p := part(s)
		if p == nil {
			return "-"
		}
		return text(p)
	}
}

func wanStateColumns() []output.Column[shownState] {
	of := func(head string, value func(*wan) string) output.Column[shownState] {
		return output.Number(head, orDash(func(s shownState) *wan { return s.WAN }, value))
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
		return output.Text(head, orDash(func(s shownState) *steeringState { return s.Steering }, value))
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

// shownRow is one line of CSV, the same columns for both kinds: empty where a state
// has no such value.
type shownRow struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"`
	File      string     `json:"file"`
	Condition string     `json:"condition"`
	Problem   string     `json:"problem"`
	ReadFrom  string     `json:"read_from"`
	SavedAt   *time.Time `json:"saved_at"`
	Age       *float64   `json:"age_seconds"`
	PID       *int       `json:"daemon_pid"`

	BaselineRTT *float64  `json:"baseline_rtt_ms"`
	LoadRTT     *float64  `json:"load_rtt_ms"`
	Noise       *float64  `json:"noise_ms"`
	Download    limitsRow `json:"download_,inline"`
	Upload      limitsRow `json:"upload_,inline"`

	State           string     `json:"current_state"`
	Congestion      string     `json:"congestion_state"`
	LastTransition  *time.Time `json:"last_transition_time"`
	PrimaryBaseline *float64   `json:"primary_baseline_rtt_ms"`
	DeltaEWMA       *float64   `json:"rtt_delta_ewma_ms"`
	QueueEWMA       *float64   `json:"queue_ewma_packets"`
	Transitions     *int       `json:"transitions"`
}

type limitsRow struct {
	Limit    int64 `json:"current_rate_bps,omitempty"`
	Applied  int64 `json:"applied_rate_bps,omitempty"`
	Capacity int64 `json:"capacity_bps,omitempty"`
}

func shownRows(shown []shownState) []shownRow {
	rows := make([]shownRow, len(shown))
	for i, s := range shown {
		r := shownRow{
			Name: s.Name, Kind: s.Kind, File: s.File, Condition: s.Condition, Problem: s.Problem,
			ReadFrom: s.ReadFrom, SavedAt: s.SavedAt, Age: s.Age,
		}
		if s.Daemon != nil {
			r.PID = &s.Daemon.PID
		}
		if w := s.WAN; w != nil {
			r.BaselineRTT, r.LoadRTT, r.Noise = nonZero(w.BaselineRTT), nonZero(w.LoadRTT), nonZero(w.Noise)
			r.Download = limitsRow{w.Download.Limit, w.Download.Applied, w.Download.Capacity}
			r.Upload = limitsRow{w.Upload.Limit, w.Upload.Applied, w.Upload.Capacity}
		}
		if st := s.Steering; st != nil {
			n := len(st.Transitions)
			r.State, r.Congestion, r.LastTransition, r.PrimaryBaseline = st.State, st.Congestion, st.LastTransition, nonZero(st.BaselineRTT)
			r.DeltaEWMA, r.QueueEWMA, r.Transitions = &st.DeltaEWMA, &st.QueueEWMA, &n
		}
		rows[i] = r
	}
	return rows
}

// nonZero is nil for 0, which means not known.
func nonZero(x float64) *float64 {
	if x == 0 {
		return nil
	}
	return &x
}
