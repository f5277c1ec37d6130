package steer

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
)

func TestRecallSteering(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	ours, err := json.Marshal(steering.Memory{Steered: true, Red: 7, Changes: []time.Duration{time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		left state.Steering
		want steering.Memory
	}{
		{
			name: "ours, aged",
			left: state.Steering{Current: "DSL_DEGRADED", Timestamp: ago(time.Hour), Law: ours},
			want: steering.Memory{
				Steered: true, Red: 7, Changes: []time.Duration{time.Hour + time.Minute},
				AskAge: time.Hour, StepAge: time.Hour, SampleAge: time.Hour, ReadingAge: time.Hour, WouldAge: time.Hour,
			},
		},
		{
			name: "ours, of a clock that was set back: not younger than it was",
			left: state.Steering{Current: "DSL_DEGRADED", Timestamp: ago(-time.Hour), Law: ours},
			want: steering.Memory{Steered: true, Red: 7, Changes: []time.Duration{time.Minute}},
		},
		{
			name: "an older program's, with transitions",
			left: state.Steering{Current: "DSL_DEGRADED", Transitions: []state.Transition{
				{At: ago(3 * time.Minute)}, {}, {At: ago(time.Minute)}, {At: ago(-time.Minute)},
			}, LastTransition: ago(time.Minute)},
			want: steering.Memory{Steered: true, Changes: []time.Duration{time.Minute, 3 * time.Minute}},
		},
		{
			name: "an older program's, with the last one alone",
			left: state.Steering{Current: "DSL_GOOD", LastTransition: ago(time.Minute)},
			want: steering.Memory{Changes: []time.Duration{time.Minute}},
		},
		{
			name: "an older program's, with one in the future",
			left: state.Steering{Current: "DSL_DEGRADED", LastTransition: ago(-time.Minute)},
			want: steering.Memory{Steered: true},
		},
		{
			name: "a law that is no law of ours: as an older program's",
			left: state.Steering{Current: "DSL_DEGRADED", Law: json.RawMessage(`{"red_count":"many"}`)},
			want: steering.Memory{Steered: true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, decodeMemory(tt.left, "DSL_DEGRADED", now)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestOpenSteeringMemory: a file that is damaged, or of another WAN, is no
// reason to fail, and is told of.
func TestOpenSteeringMemory(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		steered    bool
		said       string
	}{
		{"none", "", false, ""},
		{"an older program's", `{"current_state":"DSL_DEGRADED","good_count":7}`, true, ""},
		{"an older program's that never ran", `{"current_state":null}`, false, ""},
		{"of another WAN", `{"current_state":"CABLE_DEGRADED"}`, false, "state file is of another primary WAN"},
		{"torn", `{"current_state":"DSL_DEGR`, false, "state file was damaged"},
		{"a directory", "/", false, "state file cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "steering.json")
			var err error
			switch tt.text {
			case "":
			case "/":
				err = os.Mkdir(path, 0o700)
			default:
				err = os.WriteFile(path, []byte(tt.text), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			cfg := config.Steering{Primary: "dsl"}
			cfg.StateFile = path
			m := openMemory(&Config{Steering: &cfg}, slog.New(slog.NewTextHandler(&said, nil)))
			if m.law.Steered != tt.steered {
				t.Errorf("steered %v, want %v", m.law.Steered, tt.steered)
			}
			if !strings.Contains(said.String(), tt.said) || tt.said == "" && said.Len() > 0 {
				t.Errorf("said %q, want %q", said.String(), tt.said)
			}
		})
	}
}

// TestSteeringState: the file holds what the loop saw behind what was there
// before, no more than it may.
func TestSteeringState(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	const ms = time.Millisecond
	m := memory{
		cfg: &Config{Steering: &config.Steering{Primary: "dsl", History: 3}},
		last: state.Steering{
			HistoryRTT: []time.Duration{1 * ms, 2 * ms}, BaselineRTT: 20 * ms, DropsHistory: []int{1, 2, 3, 4},
			Transitions: []state.Transition{{At: at.Add(-time.Hour), From: "DSL_GOOD", To: "DSL_DEGRADED"}},
		},
	}
	r := steerd.Record{Status: steerd.Status{
		At: at, Steered: true, LastTransition: at.Add(-time.Minute),
		Decision: steering.Decision{Congestion: steering.Red, Red: 4, ExcessEWMA: 50 * ms, DepthEWMA: 1.5},
	}}
	r.Counters.Failures = 2
	r.History = steerd.History{
		RTT:         []time.Duration{3 * ms, 4 * ms},
		Transitions: []steerd.Transition{{At: at.Add(-time.Minute), Steered: true}},
	}
	got := m.state(r)
	var law steering.Memory
	if err := json.Unmarshal(got.Law, &law); err != nil {
		t.Fatal(err)
	}
	want := state.Steering{
		Current: "DSL_DEGRADED", RedCount: 4, BaselineRTT: 20 * ms,
		HistoryRTT: []time.Duration{2 * ms, 3 * ms, 4 * ms}, HistoryDelta: nil, DropsHistory: []int{2, 3, 4},
		LastTransition: at.Add(-time.Minute), RTTDeltaEWMA: 50 * ms, QueueEWMA: 1.5,
		Congestion: "RED", CakeReadFailures: 2, Timestamp: at, Law: got.Law,
	}
	transitions := got.Transitions
	got.Transitions = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(transitions) != 2 || transitions[1].To != "DSL_DEGRADED" || !transitions[0].At.Before(transitions[1].At) {
		t.Errorf("transitions: %+v", transitions)
	}
	r.Decision.Congestion = steering.Unknown
	if got := m.state(r).Congestion; got != "" {
		t.Errorf("congestion %q, though it is not known", got)
	}
	r.Path.Reading.Baseline = 21 * ms
	if got := m.state(r).BaselineRTT; got != 21*ms {
		t.Errorf("baseline %v, want the newest one", got)
	}
}

func TestTail(t *testing.T) {
	older := []int{1, 2, 3}
	for _, tt := range []struct {
		name  string
		newer []int
		n     int
		want  []int
	}{
		{"room for all", []int{4}, 9, []int{1, 2, 3, 4}},
		{"the newest", []int{4, 5}, 3, []int{3, 4, 5}},
		{"none but the new", []int{4, 5}, 1, []int{5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tail(older, tt.newer, tt.n); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
