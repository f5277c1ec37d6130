package cli

import (
	"log/slog"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/control"
)

// decisionLog turns what a loop does into log lines: decisions and changes of
// state, not ticks. Its logger writes to a bounded queue, so it never blocks.
type decisionLog struct {
	control.Nobody
	log *slog.Logger

	last    autorate.Decision
	probing bool
	polling bool // the last poll worked
	writing bool // the last write worked
}

func newDecisionLog(log *slog.Logger) *decisionLog {
	return &decisionLog{log: log, probing: true, polling: true, writing: true}
}

// Stepped implements control.Observer.
func (o *decisionLog) Stepped(_ autorate.Input, dec autorate.Decision, _ time.Duration) {
	for _, d := range autorate.Directions {
		now, before := &dec.Directions[d], &o.last.Directions[d]
		if now.State != before.State && before.State != 0 {
			o.log.Info("state", "direction", d.String(), "from", before.State.String(), "to", now.State.String(),
				"excess_ms", millis(dec.Excess), "reason", now.Reason.String())
		}
		if now.Reason != before.Reason && telling(now.Reason) {
			o.log.Info("decision", "direction", d.String(), "reason", now.Reason.String(),
				"limit", now.Limit.Human(), "was", before.Limit.Human(), "excess_ms", millis(dec.Excess),
				"slope", round(dec.Slope, 2), "throughput", now.Throughput.Human(), "capacity", now.Capacity.Human())
		}
	}
	if alive := dec.Alive > 0; alive != o.probing && dec.At > 2*time.Second {
		o.probing = alive
		if alive {
			o.log.Info("probes answered again", "reflectors", dec.Alive)
		} else {
			o.log.Warn("no reflector answers: limits are held")
		}
	}
	o.last = dec
}

// telling reports whether a reason is worth a line at the default level: what
// the law found out, not what it does all the time.
func telling(r autorate.Reason) bool {
	switch r {
	case autorate.Cut, autorate.Settled, autorate.Undone, autorate.Verifying, autorate.Rebased:
		return true
	}
	return false
}

// Wrote implements control.Observer.
func (o *decisionLog) Wrote(w control.Write) {
	if w.Err != nil {
		if o.writing {
			o.log.Error("router write failed: will read back before trying again", "error", w.Err)
		}
		o.writing = false
		return
	}
	if !o.writing {
		o.log.Info("router writes work again")
	}
	o.writing = true
	for _, d := range autorate.Directions {
		if w.Want[d] == 0 {
			continue
		}
		o.log.Debug("limit", "direction", d.String(), "from", w.Before[d].Human(), "to", w.Applied[d].Human(),
			"took_ms", millis(w.Took), "dry_run", w.DryRun)
	}
}

// Polled implements control.Observer.
func (o *decisionLog) Polled(_ time.Duration, err error) {
	switch works := err == nil; {
	case works && !o.polling:
		o.log.Info("queue counters are read again")
		o.polling = true
	case !works && o.polling:
		o.log.Warn("queue counters cannot be read: limits are held", "error", err)
		o.polling = false
	}
}

// Foreign implements control.Observer.
func (o *decisionLog) Foreign(d autorate.Direction, ours, theirs bitrate.Rate) {
	o.log.Warn("somebody else changed a limit on the router: going on from there, between floor and ceiling", "direction", d.String(),
		"ours", ours.Human(), "theirs", theirs.Human())
}
