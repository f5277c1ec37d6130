package shape

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/state"
)

func TestMemory(t *testing.T) {
	saved := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	dec := autorate.Decision{Baseline: 24 * time.Millisecond, Noise: 2500 * time.Microsecond, Samples: 3}
	dec.Directions[autorate.Download] = autorate.DirectionDecision{Capacity: 40 * bitrate.Mbps, CapacityAge: 20 * time.Second}
	known := autorate.Snapshot{Noise: 2500 * time.Microsecond, Samples: 3, Capacity: [2]bitrate.Rate{40 * bitrate.Mbps}, Age: [2]time.Duration{80 * time.Second}}
	fresh := known
	fresh.Age[autorate.Download] = 20 * time.Second
	for _, tt := range []struct {
		name string
		law  string // "" for what encodeMemory writes
		now  time.Time
		want autorate.Snapshot
	}{
		{"a minute later", "", saved.Add(time.Minute), known},
		{"the clock stepped back", "", saved.Add(-time.Hour), fresh},
		{"damaged", `{"noise_ms":`, saved, autorate.Snapshot{}},
		{"absurd", `{"noise_ms":-3,"download":{"capacity_bps":-1},"upload":{"capacity_bps":5,"age_seconds":-9}}`, saved, autorate.Snapshot{}},
		{"of something else", `[1,2]`, saved, autorate.Snapshot{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := state.WAN{Timestamp: saved, Law: encodeMemory(dec)}
			if tt.law != "" {
				s.Law = []byte(tt.law)
			}
			if diff := cmp.Diff(tt.want, decodeMemory(s, tt.now)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
