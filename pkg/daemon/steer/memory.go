package steer

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
)

// stateNames returns the names of the two states in the state file, the health
// document and the metrics.
func stateNames(primary string) (good, degraded string) {
	name := strings.ToUpper(primary)
	return name + "_GOOD", name + "_DEGRADED"
}

func stateName(primary string, steered bool) string {
	good, degraded := stateNames(primary)
	if steered {
		return degraded
	}
	return good
}

// memory is the state file of steering: what the last run left, and
// where this one goes.
type memory struct {
	cfg   *Config
	file  *state.File[state.Steering]
	saver *state.Saver[state.Steering]
	last  state.Steering  // what the file held
	law   steering.Memory // of it, aged
}

// openMemory takes over what the last run left, as far as it is of this
// primary WAN.
func openMemory(cfg *Config, log *slog.Logger) *memory {
	m := &memory{cfg: cfg, file: state.OpenSteering(cfg.StateFile)}
	m.saver = state.NewSaver(m.file, log)
	last, found := daemon.Restore(m.file, log)
	good, degraded := stateNames(cfg.Primary)
	switch current := last.Current; {
	case !found:
	case current != "" && current != good && current != degraded:
		log.Warn("state file is of another primary WAN: starting without it", "state", current)
	default:
		m.last = last
		m.law = decodeMemory(last, degraded, time.Now())
	}
	return m
}

// decodeMemory returns what the law knew. A file of an older program holds no
// memory of ours, but tells whether it had steered, and since when.
func decodeMemory(s state.Steering, degraded string, now time.Time) steering.Memory {
	var m steering.Memory
	if len(s.Law) > 0 && json.Unmarshal(s.Law, &m) == nil {
		return m.Aged(now.Sub(s.Timestamp))
	}
	m = steering.Memory{Steered: s.Current == degraded}
	for _, t := range slices.Backward(s.Transitions) {
		if age := now.Sub(t.At); !t.At.IsZero() && age >= 0 {
			m.Changes = append(m.Changes, age)
		}
	}
	if len(m.Changes) == 0 && !s.LastTransition.IsZero() && now.After(s.LastTransition) {
		m.Changes = []time.Duration{now.Sub(s.LastTransition)}
	}
	return m
}

// save submits what the loop knows now.
func (m *memory) save(r steerd.Record) { m.saver.Submit(m.state(r)) }

// intentWait is how long a change of the rule may wait for the disk.
const intentWait = time.Second

// saveIntent writes that a change of the rule is about to be sent. With a disk that
// fails, the change is made nevertheless; the saver has logged why.
func (m *memory) saveIntent(ctx context.Context, r steerd.Record) {
	ctx, cancel := context.WithTimeout(ctx, intentWait)
	defer cancel()
	_ = m.saver.SaveNow(ctx, m.state(r))
}

// state returns r as the file holds it, with what it held before in front.
func (m *memory) state(r steerd.Record) state.Steering {
	d, size := r.Decision, m.cfg.History
	s := state.Steering{
		Current:  stateName(m.cfg.Primary, r.Steered),
		BadCount: d.Bad, GoodCount: d.Good, RedCount: d.Red,
		BaselineRTT:      m.last.BaselineRTT,
		HistoryRTT:       tail(m.last.HistoryRTT, r.History.RTT, size),
		HistoryDelta:     tail(m.last.HistoryDelta, r.History.Excess, size),
		DropsHistory:     tail(m.last.DropsHistory, r.History.Drops, size),
		QueueHistory:     tail(m.last.QueueHistory, r.History.Depth, size),
		Transitions:      m.last.Transitions,
		LastTransition:   r.LastTransition,
		RTTDeltaEWMA:     d.ExcessEWMA,
		QueueEWMA:        d.DepthEWMA,
		CakeReadFailures: r.Counters.Failures,
		Timestamp:        r.At,
	}
	if d.Congestion != steering.Unknown { // which older programs have no word for
		s.Congestion = d.Congestion.String()
	}
	if b := r.Path.Reading.Baseline; b > 0 {
		s.BaselineRTT = b
	}
	var moves []state.Transition
	for _, t := range r.History.Transitions {
		moves = append(moves, state.Transition{
			At: t.At, From: stateName(m.cfg.Primary, !t.Steered), To: stateName(m.cfg.Primary, t.Steered),
		})
	}
	s.Transitions = tail(m.last.Transitions, moves, size)
	if law, err := json.Marshal(r.Memory); err == nil {
		s.Law = law
	}
	return s
}

// tail returns the newest n of older followed by newer.
func tail[T any](older, newer []T, n int) []T {
	all := slices.Concat(older, newer)
	return all[max(0, len(all)-n):]
}
