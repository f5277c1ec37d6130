package steer

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steering"
)

// FuzzMemory: whatever the memory in a state file says, and whenever it was saved, the
// law that continues from it can be saved again, and a line without congestion is not
// steered away from.
func FuzzMemory(f *testing.F) {
	ours, err := json.Marshal(steering.Memory{Steered: true, Red: 7, Changes: []time.Duration{time.Minute}, Sampled: true, Score: 60})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ours, int64(time.Hour))
	f.Add([]byte(`{"change_ages_ns":[-1,9223372036854775807],"score":1e308,"excess_ewma_ns":1e300,"red_count":-5,"steer":true}`), int64(-1))
	f.Add([]byte(`{"penalty_left_ns":9223372036854775807,"above":{"for_ns":-3}}`), int64(1)<<62)
	f.Add([]byte(``), int64(0))
	saved := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text []byte, later int64) {
		m := decodeMemory(state.Steering{Law: text, Timestamp: saved}, "DSL_DEGRADED", saved.Add(time.Duration(later)))
		for _, age := range m.Changes {
			if later >= 0 && age < 0 {
				var written steering.Memory
				if json.Unmarshal(text, &written) == nil && len(written.Changes) == len(m.Changes) && min(written.Changes[0], written.Changes[len(written.Changes)-1]) >= 0 {
					t.Errorf("a change %v ago", age)
				}
			}
		}
		law := steering.New(steering.Config{}, m)
		var dec steering.Decision
		for i := range 2000 {
			dec = law.Step(time.Duration(i)*time.Second, steering.Input{
				RTTKnown: true, Baseline: 20 * time.Millisecond, RTT: 20 * time.Millisecond, CountersKnown: true,
				RuleKnown: true, RuleEnabled: dec.Steer, RuleOurs: true, RuleChangeable: true,
			})
		}
		if dec.Steer {
			t.Errorf("steered: %+v", dec)
		}
		if _, err := json.Marshal(law.Remember(2000 * time.Second)); err != nil {
			t.Errorf("cannot be saved: %v", err)
		}
	})
}
