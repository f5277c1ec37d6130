package shape

import (
	"encoding/json"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/trace"
)

// encodeMemory returns what the law knows for a state file, in the form that
// recordings have.
func encodeMemory(dec autorate.Decision) json.RawMessage {
	text, err := json.Marshal(trace.NewMemory(dec.Baseline, dec.Snapshot()))
	if err != nil {
		return nil // not a number: nothing worth keeping
	}
	return text
}

// decodeMemory returns what the law knew when the state was saved, and zero for
// what cannot be read. Capacities have aged since, unless the state is from the
// future.
func decodeMemory(s state.WAN, now time.Time) autorate.Snapshot {
	var m trace.Memory
	if json.Unmarshal(s.Law, &m) != nil {
		return autorate.Snapshot{}
	}
	law := m.Law()
	for _, d := range autorate.Directions {
		if law.Capacity[d] > 0 {
			law.Age[d] += max(0, now.Sub(s.Timestamp))
		}
	}
	return law
}

// stateObserver submits a state to the saver every second and at every change
// that matters; the saver decides when to write.
type stateObserver struct {
	saver  *state.Saver[state.WAN]
	state  state.WAN
	nextAt time.Duration
}

// Observe implements control.Observer.
func (o *stateObserver) Observe(e control.Event) {
	step, ok := e.(*control.Step)
	if !ok {
		return
	}
	dec := &step.Decision
	changed := false
	for _, d := range autorate.Directions {
		changed = o.direction(d).update(dec.Directions[d], step.Input.Applied[d]) || changed
	}
	if dec.Alive > 0 {
		o.state.BaselineRTT, o.state.LoadRTT = dec.Baseline, dec.RTT
	}
	if !changed && dec.At < o.nextAt || o.state.BaselineRTT == 0 {
		return
	}
	o.nextAt = dec.At + time.Second
	o.state.Law = encodeMemory(*dec)
	o.saver.Submit(o.state)
}

func (o *stateObserver) direction(d autorate.Direction) *stateCounters {
	if d == autorate.Upload {
		return (*stateCounters)(&o.state.Upload)
	}
	return (*stateCounters)(&o.state.Download)
}

// stateCounters counts successive steps in one state, as readers of older state
// files expect.
type stateCounters state.Direction

func (s *stateCounters) update(dec autorate.DirectionDecision, applied bitrate.Rate) (changed bool) {
	next := stateCounters{CurrentRate: dec.Limit, Applied: applied}
	switch dec.State {
	case autorate.Green:
		next.GreenStreak = s.GreenStreak + 1
	case autorate.SoftRed:
		next.SoftRedStreak = s.SoftRedStreak + 1
	case autorate.Red:
		next.RedStreak = s.RedStreak + 1
	case autorate.Yellow:
	}
	changed = next.CurrentRate != s.CurrentRate || next.Applied != s.Applied
	*s = next
	return changed
}
