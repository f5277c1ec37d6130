package statecmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/trace"
	"github.com/wanctl/wanctl/pkg/units"
)

// shownState is the output for programs. Of a state of one kind the part of the
// other is absent, and so is what is not known.
type shownState struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"` // "wan" or "steering"
	File      string     `json:"file,omitempty"`
	Condition string     `json:"condition"` // "ok", "missing", "damaged", "unreadable", or "unknown" where the configuration is of no use
	Problem   string     `json:"problem,omitempty"`
	ReadFrom  string     `json:"read_from,omitempty"` // the file or its backup
	SavedAt   *time.Time `json:"saved_at,omitempty"`
	Age       *float64   `json:"age_seconds,omitempty"`
	Daemon    *daemon    `json:"daemon,omitempty"` // while one runs

	WAN      *wan           `json:"wan,omitempty"`
	Steering *steeringState `json:"steering,omitempty"`
}

type daemon struct {
	PID     int        `json:"pid,omitempty"`
	Command string     `json:"command,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
}

type wan struct {
	BaselineRTT float64   `json:"baseline_rtt_ms,omitempty"`
	LoadRTT     float64   `json:"load_rtt_ms,omitempty"`
	Noise       float64   `json:"noise_ms,omitempty"` // learned: delay without a queue
	Download    direction `json:"download"`
	Upload      direction `json:"upload"`
}

type direction struct {
	Limit       int64   `json:"current_rate_bps,omitempty"` // decided
	Applied     int64   `json:"applied_rate_bps,omitempty"` // confirmed by the router
	Capacity    int64   `json:"capacity_bps,omitempty"`     // learned
	CapacityAge float64 `json:"capacity_age_seconds,omitempty"`
	Green       int     `json:"green_streak"`
	SoftRed     int     `json:"soft_red_streak"`
	Red         int     `json:"red_streak"`
}

type steeringState struct {
	State            string       `json:"current_state,omitempty"`
	Congestion       string       `json:"congestion_state,omitempty"`
	LastTransition   *time.Time   `json:"last_transition_time,omitempty"`
	BaselineRTT      float64      `json:"baseline_rtt_ms,omitempty"`
	DeltaEWMA        float64      `json:"rtt_delta_ewma_ms"`
	QueueEWMA        float64      `json:"queue_ewma_packets"`
	Red              int          `json:"red_count"`
	Good             int          `json:"good_count"`
	Bad              int          `json:"bad_count"`
	CakeReadFailures int          `json:"cake_read_failures"`
	Transitions      []transition `json:"transitions"`
	HistoryRTT       []float64    `json:"history_rtt_ms"`
	HistoryDelta     []float64    `json:"history_delta_ms"`
	Drops            []int        `json:"cake_drops_history_packets"`
	Queue            []int        `json:"queue_depth_history_packets"`
}

// transition is empty where an older program wrote another form.
type transition struct {
	At   *time.Time `json:"time,omitempty"`
	From string     `json:"from,omitempty"`
	To   string     `json:"to,omitempty"`
}

type showOptions struct {
	selection
	now time.Time
}

func newShowCmd(a *app.App) *cobra.Command {
	return app.Prints[shownState](a, &cobra.Command{
		Use:   "show [FILE...]",
		Short: "Show what is kept of each WAN and of steering, and how old it is",
		Long: `Print what the state files hold: of a WAN the limits, the round-trip times and
what the law has learned of the line (capacities, noise); of steering its state. A
lock file shows which daemon runs.

For a damaged file, the values are shown with which the daemon would start: those of
its backup or, where single values are invalid, the valid ones. The status is then 5. A
file that does not exist yet is no damage.`,
		Example: `  wanctl state show
  wanctl state show --wan spectrum -o json | jq '.[0].wan.baseline_rtt_ms'
  wanctl state show /var/lib/wanctl/spectrum_state.json.corrupt`,
		ValidArgsFunction: completeFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runShow(a, showOptions{newSelection(cmd, args), time.Now()})
		},
	})
}

func runShow(a *app.App, o showOptions) error {
	files, err := o.find(a)
	if err != nil {
		return err
	}
	shown := make([]shownState, len(files))
	byFile := map[*file]shownState{}
	for i, f := range files {
		shown[i] = f.show(o.now)
		byFile[f] = shown[i]
	}
	if err := printStates(a, shown); err != nil {
		return err
	}
	return forEach(files, func(f *file) error {
		switch s := byFile[f]; s.Condition {
		case conditionDamaged:
			return app.Checkf("%s is damaged: %s; see: wanctl state check %s", f.path, s.Problem, f.named)
		case conditionUnreadable:
			return fmt.Errorf("%s cannot be read: %s; see: wanctl state check %s", f.path, s.Problem, f.named)
		}
		return nil
	})
}

// Conditions of a state file.
const (
	conditionOK         = "ok"
	conditionMissing    = "missing"
	conditionDamaged    = "damaged"
	conditionUnreadable = "unreadable"
	conditionUnknown    = "unknown"
)

func (f *file) show(now time.Time) shownState {
	s := shownState{Name: f.name, Kind: f.kind.String(), File: f.path, Condition: conditionOK}
	if f.problem != nil {
		s.Condition, s.Problem = conditionUnknown, firstLine(f.problem)
		return s
	}
	if owner, held := f.holder(); held {
		s.Daemon = &daemon{PID: owner.PID, Command: owner.Command, Since: known(owner.Since)}
	}
	var saved time.Time
	var lost error
	if f.kind == state.KindSteering {
		l := state.OpenSteering(f.path).ReadBest()
		if lost, saved = l.Lost, l.State.Timestamp; l.Found {
			s.ReadFrom, s.Steering = l.Path, newSteering(l.State)
		}
	} else {
		l := state.OpenWAN(f.path).ReadBest()
		if lost, saved = l.Lost, l.State.Timestamp; l.Found {
			s.ReadFrom, s.WAN = l.Path, newWAN(l.State, now)
		}
	}
	switch {
	case lost == nil:
	case errors.Is(lost, fs.ErrNotExist):
		s.Condition = conditionMissing
	case errors.Is(lost, state.ErrDamaged):
		s.Condition, s.Problem = conditionDamaged, state.Reason(lost)
	default:
		s.Condition, s.Problem = conditionUnreadable, lost.Error()
	}
	if st, err := os.Stat(s.ReadFrom); err == nil && saved.IsZero() {
		saved = st.ModTime() // the earlier system writes no time for steering
	}
	if !saved.IsZero() {
		age := now.Sub(saved).Round(time.Millisecond).Seconds()
		s.SavedAt, s.Age = known(saved), &age
	}
	return s
}

// known returns t as it is written, nil for none.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

func newWAN(w state.WAN, now time.Time) *wan {
	var kept trace.Memory
	if json.Unmarshal(w.Law, &kept) != nil {
		kept = trace.Memory{}
	}
	law := kept.Law()
	age := max(0, now.Sub(w.Timestamp)) // since the save; 0 if that is in the future
	convert := func(d autorate.Direction, s state.Direction) direction {
		out := direction{
			Limit: int64(s.CurrentRate), Applied: int64(s.Applied), Capacity: int64(law.Capacity[d]),
			Green: s.GreenStreak, SoftRed: s.SoftRedStreak, Red: s.RedStreak,
		}
		if out.Capacity > 0 {
			out.CapacityAge = (law.Age[d] + age).Round(time.Millisecond).Seconds()
		}
		return out
	}
	return &wan{
		BaselineRTT: units.Millis(w.BaselineRTT), LoadRTT: units.Millis(w.LoadRTT), Noise: units.Millis(law.Noise),
		Download: convert(autorate.Download, w.Download), Upload: convert(autorate.Upload, w.Upload),
	}
}

func newSteering(s state.Steering) *steeringState {
	out := &steeringState{
		State: s.Current, Congestion: s.Congestion, LastTransition: known(s.LastTransition),
		BaselineRTT: units.Millis(s.BaselineRTT), DeltaEWMA: units.Millis(s.RTTDeltaEWMA), QueueEWMA: s.QueueEWMA,
		Red: s.RedCount, Good: s.GoodCount, Bad: s.BadCount, CakeReadFailures: s.CakeReadFailures,
		Transitions: []transition{}, HistoryRTT: allMillis(s.HistoryRTT), HistoryDelta: allMillis(s.HistoryDelta),
		Drops: append([]int{}, s.DropsHistory...), Queue: append([]int{}, s.QueueHistory...),
	}
	for _, t := range s.Transitions {
		out.Transitions = append(out.Transitions, transition{known(t.At), t.From, t.To})
	}
	return out
}

func allMillis(list []time.Duration) []float64 {
	out := make([]float64, len(list))
	for i, d := range list {
		out[i] = units.Millis(d)
	}
	return out
}
