package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/state"
)

// stateShown is the output for programs. Of a state of one kind the part of the
// other is absent, and so is what is not known.
type stateShown struct {
	Name      string       `json:"name"`
	Kind      string       `json:"kind"` // "wan" or "steering"
	File      string       `json:"file,omitempty"`
	Condition string       `json:"condition"` // "ok", "missing", "damaged", "unreadable", or "unknown" where the configuration is of no use
	Problem   string       `json:"problem,omitempty"`
	ReadFrom  string       `json:"read_from,omitempty"` // the file or its backup
	SavedAt   *time.Time   `json:"saved_at,omitempty"`
	Age       *float64     `json:"age_seconds,omitempty"`
	Daemon    *stateDaemon `json:"daemon,omitempty"` // while one runs

	WAN      *wanKept      `json:"wan,omitempty"`
	Steering *steeringKept `json:"steering,omitempty"`
}

type stateDaemon struct {
	PID     int        `json:"pid,omitempty"`
	Command string     `json:"command,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
}

type wanKept struct {
	BaselineRTT float64       `json:"baseline_rtt_ms,omitempty"`
	LoadRTT     float64       `json:"load_rtt_ms,omitempty"`
	Noise       float64       `json:"noise_ms,omitempty"` // learned: delay without a queue
	Download    directionKept `json:"download"`
	Upload      directionKept `json:"upload"`
}

type directionKept struct {
	Limit       int64   `json:"current_rate_bps,omitempty"` // decided
	Applied     int64   `json:"applied_rate_bps,omitempty"` // confirmed by the router
	Capacity    int64   `json:"capacity_bps,omitempty"`     // learned
	CapacityAge float64 `json:"capacity_age_seconds,omitempty"`
	Green       int     `json:"green_streak"`
	SoftRed     int     `json:"soft_red_streak"`
	Red         int     `json:"red_streak"`
}

type steeringKept struct {
	State            string           `json:"current_state,omitempty"`
	Congestion       string           `json:"congestion_state,omitempty"`
	LastTransition   *time.Time       `json:"last_transition_time,omitempty"`
	BaselineRTT      float64          `json:"baseline_rtt_ms,omitempty"`
	DeltaEWMA        float64          `json:"rtt_delta_ewma_ms"`
	QueueEWMA        float64          `json:"queue_ewma_packets"`
	Red              int              `json:"red_count"`
	Good             int              `json:"good_count"`
	Bad              int              `json:"bad_count"`
	CakeReadFailures int              `json:"cake_read_failures"`
	Transitions      []transitionKept `json:"transitions"`
	HistoryRTT       []float64        `json:"history_rtt_ms"`
	HistoryDelta     []float64        `json:"history_delta_ms"`
	Drops            []int            `json:"cake_drops_history_packets"`
	Queue            []int            `json:"queue_depth_history_packets"`
}

// transitionKept is empty where an older program wrote another form.
type transitionKept struct {
	At   *time.Time `json:"time,omitempty"`
	From string     `json:"from,omitempty"`
	To   string     `json:"to,omitempty"`
}

func newStateShowCmd(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use:   "show [FILE...]",
		Short: "What is kept of each WAN and of steering, and how old it is",
		Long: `Print what the state files hold: of a WAN the limits, the round-trip times and
what the law has learned of the line (capacities, noise); of steering its state.
Which daemon runs is told by its lock file.

A file that is missing or damaged does not hide the others. Its backup is shown
instead or, where only single values are invalid, the valid ones: what the daemon
would start from. Damage is status 5, a file that does not exist yet is not.

` + app.ExitStatuses,
		Example: `  wanctl state show
  wanctl state show --wan spectrum -o json | jq '.[0].wan.baseline_rtt_ms'
  wanctl state show /var/lib/wanctl/spectrum_state.json.corrupt`,
		ValidArgsFunction: completeStateFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := stateFiles(a, cmd, args)
			if err != nil {
				return err
			}
			return showStates(a, files, time.Now())
		},
	}
}

func showStates(a *app.App, files []*stateFile, now time.Time) error {
	shown := make([]stateShown, len(files))
	of := map[*stateFile]stateShown{}
	for i, f := range files {
		shown[i] = f.show(now)
		of[f] = shown[i]
	}
	if err := printStates(a, shown); err != nil {
		return err
	}
	return eachState(files, func(f *stateFile) error {
		switch s := of[f]; s.Condition {
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

func (f *stateFile) show(now time.Time) stateShown {
	s := stateShown{Name: f.name, Kind: f.kind.String(), File: f.path, Condition: conditionOK}
	if f.problem != nil {
		s.Condition, s.Problem = conditionUnknown, firstLine(f.problem)
		return s
	}
	if owner, held := f.holder(); held {
		s.Daemon = &stateDaemon{PID: owner.PID, Command: owner.Command, Since: known(owner.Since)}
	}
	var saved time.Time
	var lost error
	if f.kind == state.KindSteering {
		l := state.OpenSteering(f.path).ReadBest()
		if lost, saved = l.Lost, l.State.Timestamp; l.Found {
			s.ReadFrom, s.Steering = l.Path, newSteeringKept(l.State)
		}
	} else {
		l := state.OpenWAN(f.path).ReadBest()
		if lost, saved = l.Lost, l.State.Timestamp; l.Found {
			s.ReadFrom, s.WAN = l.Path, newWANKept(l.State, now)
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

// known is t as it is written, nil for none.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

func newWANKept(w state.WAN, now time.Time) *wanKept {
	law := recall(w, now)
	direction := func(d autorate.Direction, kept state.Direction) directionKept {
		k := directionKept{
			Limit: int64(kept.CurrentRate), Applied: int64(kept.Applied), Capacity: int64(law.Capacity[d]),
			Green: kept.GreenStreak, SoftRed: kept.SoftRedStreak, Red: kept.RedStreak,
		}
		if k.Capacity > 0 {
			k.CapacityAge = law.Age[d].Round(time.Millisecond).Seconds()
		}
		return k
	}
	return &wanKept{
		BaselineRTT: millis(w.BaselineRTT), LoadRTT: millis(w.LoadRTT), Noise: millis(law.Noise),
		Download: direction(autorate.Download, w.Download), Upload: direction(autorate.Upload, w.Upload),
	}
}

func newSteeringKept(s state.Steering) *steeringKept {
	k := &steeringKept{
		State: s.Current, Congestion: s.Congestion, LastTransition: known(s.LastTransition),
		BaselineRTT: millis(s.BaselineRTT), DeltaEWMA: millis(s.RTTDeltaEWMA), QueueEWMA: s.QueueEWMA,
		Red: s.RedCount, Good: s.GoodCount, Bad: s.BadCount, CakeReadFailures: s.CakeReadFailures,
		Transitions: []transitionKept{}, HistoryRTT: allMillis(s.HistoryRTT), HistoryDelta: allMillis(s.HistoryDelta),
		Drops: append([]int{}, s.DropsHistory...), Queue: append([]int{}, s.QueueHistory...),
	}
	for _, t := range s.Transitions {
		k.Transitions = append(k.Transitions, transitionKept{known(t.At), t.From, t.To})
	}
	return k
}

func allMillis(list []time.Duration) []float64 {
	out := make([]float64, len(list))
	for i, d := range list {
		out[i] = millis(d)
	}
	return out
}
