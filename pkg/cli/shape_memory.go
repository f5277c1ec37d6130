package cli

import (
	"encoding/json"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/trace"
)

// remember writes what the law knows into a state, in the form recordings have.
func remember(dec autorate.Decision) json.RawMessage {
	text, err := json.Marshal(trace.NewMemory(dec.Baseline, dec.Memory()))
	if err != nil {
		return nil // not a number: nothing worth keeping
	}
	return text
}

// recall reads what the law knew when the state was saved. Capacities have aged
// since; a memory from the future has not. What cannot be read is not known.
func recall(s state.WAN, now time.Time) autorate.Memory {
	var m trace.Memory
	if json.Unmarshal(s.Law, &m) != nil {
		return autorate.Memory{}
	}
	law := m.Law()
	for _, d := range autorate.Directions {
		if law.Capacity[d] > 0 {
			law.Age[d] += max(0, now.Sub(s.Timestamp))
		}
	}
	return law
}
