package steersource

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// left is a state file with that baseline, saved so long ago.
func left(t *testing.T, baseline, age time.Duration) *state.File[state.WAN] {
	t.Helper()
	f := state.OpenWAN(filepath.Join(t.TempDir(), "dsl.json"))
	if err := f.Save(state.WAN{BaselineRTT: baseline, Timestamp: time.Now().Add(-age)}); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPath(t *testing.T) {
	wan := func(change func(*telemetry.WANHealth)) func(*telemetry.Health) {
		return func(h *telemetry.Health) { change(&h.WANs[0]) }
	}
	for _, tt := range []struct {
		name string
		path Path
		want steerd.Reading
		err  string
	}{
		{
			name: "the loop knows best",
			path: Path{Loop: answering(t, nil), File: left(t, 5*ms, 0), Probes: measured(0, 7*ms)},
			want: steerd.Reading{Source: "loop", Baseline: 20 * ms, RTT: 30 * ms},
		},
		{
			name: "names of WANs have no case",
			path: Path{Loop: answering(t, wan(func(w *telemetry.WANHealth) { w.Name = "DSL" }))},
			want: steerd.Reading{Source: "loop", Baseline: 20 * ms, RTT: 30 * ms},
		},
		{
			name: "no loop: the baseline it left, own probes",
			path: Path{Loop: notRunning(t), File: left(t, 5*ms, time.Hour), Probes: measured(0, 7*ms, 9*ms, 8*ms)},
			want: steerd.Reading{Source: "file+probe", Baseline: 5 * ms, RTT: 8 * ms},
		},
		{
			name: "no loop, and it left more than own probes ever took",
			path: Path{Loop: notRunning(t), File: left(t, 20*ms, time.Hour), Probes: measured(0, 7*ms, 9*ms, 8*ms)},
			want: steerd.Reading{Source: "probe", Baseline: 7 * ms, RTT: 8 * ms},
		},
		{
			name: "no loop, and own probes take less than is believed",
			path: Path{Loop: notRunning(t), File: left(t, 20*ms, time.Hour), Probes: measured(0, ms/2)},
			want: steerd.Reading{Source: "file+probe", Baseline: 20 * ms, RTT: ms / 2},
		},
		{
			name: "no loop, an old file: own probes alone",
			path: Path{Loop: notRunning(t), File: left(t, 5*ms, 13*time.Hour), Probes: measured(0, 7*ms, 9*ms, 8*ms)},
			want: steerd.Reading{Source: "probe", Baseline: 7 * ms, RTT: 8 * ms},
		},
		{
			name: "no loop, a file from the future: own probes alone",
			path: Path{Loop: notRunning(t), File: left(t, 5*ms, -time.Hour), Probes: measured(0, 7*ms)},
			want: steerd.Reading{Source: "probe", Baseline: 7 * ms, RTT: 7 * ms},
		},
		{
			name: "no loop, a file that is not believed: own probes alone",
			path: Path{Loop: notRunning(t), File: left(t, 900*ms, 0), Probes: measured(0, 7*ms)},
			want: steerd.Reading{Source: "probe", Baseline: 7 * ms, RTT: 7 * ms},
		},
		{
			name: "no loop, no file",
			path: Path{Loop: notRunning(t), File: state.OpenWAN(filepath.Join(t.TempDir(), "none")), Probes: measured(0, 7*ms)},
			want: steerd.Reading{Source: "probe", Baseline: 7 * ms, RTT: 7 * ms},
		},
		{
			name: "a loop that stands still",
			path: Path{Loop: answering(t, wan(func(w *telemetry.WANHealth) { w.AgeSeconds = new(4.0) })), Probes: measured(0, 7*ms)},
			want: steerd.Reading{Source: "probe", Baseline: 7 * ms, RTT: 7 * ms},
		},
		{
			name: "a loop of an age unknown, and nothing else",
			path: Path{Loop: answering(t, wan(func(w *telemetry.WANHealth) { w.AgeSeconds = nil }))},
			err:  "the loop of dsl stands still",
		},
		{
			name: "a loop without replies: what it last knew is not of now",
			path: Path{Loop: answering(t, wan(func(w *telemetry.WANHealth) { w.Probe.ReflectorsAlive = 0 }))},
			err:  "the loop of dsl has no round-trip time",
		},
		{
			name: "a loop that has measured nothing yet",
			path: Path{Loop: answering(t, wan(func(w *telemetry.WANHealth) { w.LoadRTTMs = nil }))},
			err:  "the loop of dsl has no round-trip time",
		},
		{
			name: "a loop with a baseline that is not believed",
			path: Path{Loop: answering(t, wan(func(w *telemetry.WANHealth) { w.BaselineRTTMs = new(0.4) }))},
			err:  "the baseline of the loop of dsl, 0.4 ms, is outside thresholds.baseline_rtt_bounds",
		},
		{
			name: "somebody else's loop",
			path: Path{Loop: answering(t, wan(func(w *telemetry.WANHealth) { w.Name = "lte" }))},
			err:  "is not that of dsl",
		},
		{
			name: "own probes too near",
			path: Path{Loop: notRunning(t), Probes: measured(0, 50*time.Microsecond)},
			err:  "the lowest of own probes, 0.05 ms, is outside thresholds.baseline_rtt_bounds",
		},
		{
			name: "own probes without a reply",
			path: Path{Loop: notRunning(t), File: left(t, 5*ms, 0), Probes: measured(time.Minute, 7*ms)},
			err:  "192.0.2.1 does not answer own probes",
		},
		{name: "nobody to ask", path: Path{}, err: "no loop of dsl is known"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.path.WAN, tt.path.Min, tt.path.Max = "dsl", ms, 500*ms
			got, err := tt.path.Read(t.Context())
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestPathPauses: where the loop answers, own probes may end.
func TestPathPauses(t *testing.T) {
	probes := measured(0, 7*ms)
	p := Path{WAN: "dsl", Loop: notRunning(t), Probes: probes, Min: ms, Max: 500 * ms}
	if _, err := p.Read(t.Context()); err != nil || probes.unwanted() {
		t.Fatalf("just read, and not wanted: %v", err)
	}
	p.Loop = answering(t, nil)
	if _, err := p.Read(t.Context()); err != nil || !probes.unwanted() {
		t.Fatalf("still wanted beside a loop: %v", err)
	}
}
