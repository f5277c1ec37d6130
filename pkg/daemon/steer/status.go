package steer

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/steersource"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/units"
)

// Snapshot implements telemetry.SteeringSource.
func (c *Controller) Snapshot(ctx context.Context) (telemetry.SteeringHealth, error) {
	st, err := c.loop.Status(ctx)
	if err != nil {
		return c.status(steerd.Status{At: time.Now(), DryRun: c.mode.DryRun}), fmt.Errorf("asking the steering loop: %w", err)
	}
	return c.status(st), nil
}

// status returns st as the health document shows it.
func (c *Controller) status(st steerd.Status) telemetry.SteeringHealth {
	d := st.Decision
	congestion, mode := "", "active"
	if st.Steps > 0 && d.Congestion != 0 {
		congestion = d.Congestion.String()
	}
	if st.DryRun {
		mode = "dry_run"
	}
	h := telemetry.NewSteeringHealth(c.cfg.Primary, congestion, st.At)
	h.Started, h.Warnings, h.HA = c.started, c.Warnings(), c.mode.Node.HA()
	h.SetState(st.Steered, stateName(c.cfg.Primary, st.Steered), mode)
	h.SetSince(st.LastTransition, st.InState)
	h.Counters = telemetry.SteeringCounters{
		RedCount: d.Red, GoodCount: d.Good, BadCount: d.Bad, CakeReadFailures: st.Counters.Failures,
	}
	h.Errors = telemetry.SteeringErrors{
		ConsecutiveFailures: max(st.Path.Failures, st.Rule.Failures),
		CakeReadFailures:    st.Counters.Failures,
		LastError:           daemon.FirstError(st.Rule.Err, st.Path.Err, st.Counters.Err),
	}
	h.Thresholds, h.Detail = Thresholds(st.Law), c.detail(st)
	return h
}

func (c *Controller) detail(st steerd.Status) telemetry.SteeringDetail {
	d := st.Decision
	x := telemetry.SteeringDetail{
		Name:      c.cfg.Name,
		Reason:    d.Reason.String(),
		Alternate: telemetry.Alternate{WAN: c.cfg.Alternate, Condition: st.Alternate.Condition.String(), Source: st.Alternate.Source},
		Path:      telemetry.Path{Source: st.Path.Reading.Source},
		Queue:     telemetry.Queue{Available: st.Counters.Known},
		Rule:      telemetry.Rule{Comment: c.cfg.Rule, Error: daemon.FirstError(st.Rule.Err)},
		ForceOut:  c.lists.note(),
	}
	if st.Path.Known {
		x.Path.RTT, x.Path.Baseline = ms(st.Path.Reading.RTT), ms(st.Path.Reading.Baseline)
	}
	if st.Steps > 0 && d.Congestion != 0 {
		x.Path.Excess, x.Path.ExcessEWMA = new(units.Millis(d.Excess)), new(units.Millis(d.ExcessEWMA))
	}
	x.Note = c.note(st)
	if a := st.Alternate; a.Baseline > 0 && a.RTT > 0 {
		x.Alternate.Excess = new(units.Millis(a.RTT - a.Baseline))
	}
	if loss := st.Alternate.Loss; loss > 0 {
		x.Alternate.LossRatio = new(units.Round(loss, 3))
	}
	if st.Rule.ByHand {
		x.Rule.ByHand, x.Rule.Since = true, &st.Rule.Since
	}
	x.Queue.DropsNotCounted = c.cfg.notCounted(d.DropsNotCounted)
	if d.Counted {
		x.Queue.Drops, x.Queue.Depth, x.Queue.DepthEWMA = new(d.Drops), new(d.Depth), new(units.Round(d.DepthEWMA, 2))
	}
	if st.Rule.Known {
		x.Rule.Enabled = new(st.Rule.Enabled)
	}
	if c.inUse.Load().Mode.Confidence {
		x.Score, x.Threshold = new(units.Round(d.Score, 1)), new(units.Round(d.SteerThreshold, 1))
	}
	if !st.HoldUntil.IsZero() {
		x.HoldUntil = &st.HoldUntil
	}
	if !st.PenaltyUntil.IsZero() {
		x.Penalty = &st.PenaltyUntil
	}
	return x
}

// ms returns d in milliseconds; nil when not known.
func ms(d time.Duration) *float64 {
	if d <= 0 {
		return nil
	}
	return new(units.Millis(d))
}

// listReader reads the address list that is shown beside the rule.
type listReader struct {
	client router.Client
	list   string
	last   atomic.Pointer[telemetry.AddressList]
}

// run reads the list every minute until ctx ends.
func (l *listReader) run(ctx context.Context) error {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		l.read(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func (l *listReader) read(ctx context.Context) {
	note := telemetry.AddressList{List: l.list, Entries: []string{}}
	entries, err := l.client.Addresses(ctx, l.list)
	if err != nil {
		note.Error = err.Error()
	}
	for _, e := range entries {
		note.Entries = append(note.Entries, steersource.Entry(e))
	}
	l.last.Store(&note)
}

func (l *listReader) note() telemetry.AddressList {
	if n := l.last.Load(); n != nil {
		return *n
	}
	return telemetry.AddressList{List: l.list}
}
