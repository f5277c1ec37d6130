package shape

import (
	"bytes"
	"log/slog"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/state"
)

// A limit whose queue is not there stays noted until the queue is back; the other is
// restored, once.
func TestRestoreSavedKeepsRemainingEntries(t *testing.T) {
	for _, tt := range []struct{ name, away, back string }{
		{"renamed", `/queue tree set down name=away`, `/queue tree set away name=down`},
		{"removed", `/queue tree remove down`, `/queue tree add name=down parent=global max-limit=9M`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			eachTransport(t, "download: down, upload: up", func(t *testing.T, r *simrouter.Router, q *Queues) {
				run := func(script string) {
					t.Helper()
					if err := r.Run(script); err != nil {
						t.Fatal(err)
					}
				}
				limit := func(name string) string {
					row, _ := r.State().Row("/queue/tree", "name", name)
					return row["max-limit"]
				}
				j := state.OpenJournal(filepath.Join(t.TempDir(), "w_state.json"))
				if err := j.Begin(state.SavedLimits{Limits: map[string]bitrate.Rate{"down": 300 * bitrate.Mbps, "up": 30 * bitrate.Mbps, "gone": 1}}); err != nil {
					t.Fatal(err)
				}
				run(tt.away)
				for range 2 {
					list, err := q.RestoreSaved(t.Context(), j)
					if !router.IsItemError(err) || !strings.Contains(err.Error(), `queue "down" to 300`) {
						t.Fatalf("error %v", err)
					}
					var log bytes.Buffer
					if err := logRestored(slog.New(slog.NewTextHandler(&log, nil)), list, err); err != nil {
						t.Errorf("shape does not start: %v", err)
					}
					if !strings.Contains(log.String(), `it stays noted, for the next start" queue=down limit=300M`) {
						t.Errorf("log %s", log.String())
					}
					saved, _, _ := j.Load()
					if want := map[string]bitrate.Rate{"down": 300 * bitrate.Mbps}; !maps.Equal(saved.Limits, want) {
						t.Errorf("%v stay noted", saved.Limits)
					}
					if got := limit("up"); got != "30000000" && got != "30M" {
						t.Errorf("upload limit %s", got)
					}
					run(`/queue tree set up max-limit=30M`)
				}
				run(`/queue tree set up max-limit=31M`) // by the loop meanwhile
				run(tt.back)
				if _, err := q.RestoreSaved(t.Context(), j); err != nil {
					t.Fatal(err)
				}
				if _, found, _ := j.Load(); found || limit("down") != "300000000" && limit("down") != "300M" {
					t.Errorf("found %v, download limit %s", found, limit("down"))
				}
				if got := limit("up"); got != "31000000" && got != "31M" {
					t.Errorf("upload limit %s written again", got)
				}
			})
		})
	}
}
