package shape

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// prober is what an eventObserver reports of the probes.
type prober interface {
	Mode() probe.Mode
	EchoLimit() rtt.EchoLimit
}

// eventObserver turns what a loop does into events for the log and the history:
// decisions and changes of state, not ticks.
type eventObserver struct {
	to    daemon.Events
	probe prober // nil: nothing to report
	path  string // of the configuration
	// describe returns what a fault of a queue means.
	describe func(autorate.Direction, actuate.Fault) string

	last        autorate.Decision
	replies     bool          // a reflector answers
	silentSince time.Duration // while none does
	lastMode    probe.Mode
	polls       bool     // the last poll worked
	stalled     reminder // of writes that are not answered
	refusals    [2]reminder
	faults      [2]reminder
	base        baselineWatch
	jitter      samplesWatch
	echoes      reminder      // of an echo limit
	next        time.Duration // time of the next check for one
}

func newEventObserver(log *slog.Logger, feed *history.Feed, probe prober, path string, describe func(autorate.Direction, actuate.Fault) string) *eventObserver {
	return &eventObserver{to: daemon.Events{Logger: log, Feed: feed}, probe: probe, path: path, describe: describe, replies: true, polls: true}
}

// Observe implements control.Observer.
func (o *eventObserver) Observe(e control.Event) {
	switch e := e.(type) {
	case *control.Step:
		o.decision(&e.Decision)
	case *control.Poll:
		o.poll(e.Err)
	case control.Write:
		o.write(&e)
	case control.Read:
		for d, f := range e.Faults {
			o.fault(autorate.Direction(d), f)
		}
	case control.ExternalChange:
		o.to.Warn("somebody else changed a limit on the router: going on from there, between floor and ceiling",
			"direction", e.Direction.String(), "ours", e.Ours.Human(), "theirs", e.Theirs.Human())
		o.to.Record("foreign", e.Direction.String(),
			fmt.Sprintf("somebody else changed the limit on the router to %s, ours was %s", e.Theirs.Human(), e.Ours.Human()))
	case control.Reconfigured:
		o.to.Reloaded(o.path)
	}
}

func (o *eventObserver) decision(dec *autorate.Decision) {
	for _, d := range autorate.Directions {
		now, before := &dec.Directions[d], &o.last.Directions[d]
		if now.State != before.State && before.State != 0 {
			o.to.Info("state", "direction", d.String(), "from", before.State.String(), "to", now.State.String(),
				"excess_ms", units.Millis(dec.Excess), "reason", now.Reason.String())
		}
		if now.Reason != before.Reason && now.Reason.Notable() {
			o.to.Info("decision", "direction", d.String(), "reason", now.Reason.String(),
				"limit", now.Limit.Human(), "was", before.Limit.Human(), "excess_ms", units.Millis(dec.Excess),
				"slope", units.Round(dec.Slope, 2), "throughput", now.Throughput.Human(), "capacity", now.Capacity.Human())
			o.to.Record("decision", d.String(), fmt.Sprintf("%v: limit %s at %.0f ms above idle, carrying %s",
				now.Reason, now.Limit.Human(), units.Millis(dec.Excess), now.Throughput.Human()))
		}
	}
	if o.jitter.changed(dec) {
		o.to.Info("the jitter of the line has changed: an excess has to last that many samples to be a queue",
			"samples", dec.Samples, "noise_ms", units.Millis(dec.Noise))
	}
	o.probes(dec)
	if dec.Alive > 0 {
		o.baseline(dec.At, dec.Baseline)
	}
	o.last = *dec
}

func (o *eventObserver) probes(dec *autorate.Decision) {
	if replies := dec.Alive > 0; replies != o.replies && dec.At > 2*time.Second {
		o.replies = replies
		if replies {
			o.to.Info("probes answered again", "reflectors", dec.Alive)
			o.outageEnds(dec)
		} else {
			o.silentSince = dec.At
			o.to.Warn("no reflector answers: limits are held")
			o.to.Record("outage", "", "no reflector answers: limits are held")
		}
	}
	if o.probe == nil {
		return
	}
	o.echoLimit(dec.At)
	if mode := o.probe.Mode(); mode != o.lastMode && mode != probe.ModeNone {
		if o.lastMode != probe.ModeNone {
			o.to.Record("probe", "", fmt.Sprintf("measuring by %v, was %v", mode, o.lastMode))
		}
		o.lastMode = mode
	}
}

func (o *eventObserver) outageEnds(dec *autorate.Decision) {
	if o.to.Feed == nil {
		return
	}
	lasted := dec.At - o.silentSince
	o.to.Feed.Event(history.Event{Kind: "outage", Duration: units.Round(lasted.Seconds(), 3),
		Text: fmt.Sprintf("probes are answered again after %v, by %d reflectors", lasted.Round(100*time.Millisecond), dec.Alive)})
}

// echoLimit reports reflectors that answer only a part of the echoes at first, when
// it turns out to be the path or not, and every hour.
func (o *eventObserver) echoLimit(now time.Duration) {
	if now < o.next {
		return
	}
	o.next = now + rtt.ReviewInterval
	l := o.probe.EchoLimit()
	if l.Limited == 0 {
		if o.echoes.clear() {
			o.to.Info("echoes are answered again")
			o.to.Record("probe", "", "echoes are answered again")
		}
		return
	}
	if isNew, due := o.echoes.remind(now, fmt.Sprint(l.Path)); due {
		text := echoLimitWarning(l)
		o.to.Warn("few echoes are answered", "why", text)
		if isNew {
			o.to.Record("probe", "", text)
		}
	}
}

func (o *eventObserver) poll(err error) {
	switch works := err == nil; {
	case works && !o.polls:
		o.to.Info("queue counters are read again")
		o.to.Record("router", "", "queue counters are read again")
	case !works && o.polls:
		o.to.Warn("queue counters cannot be read: limits are held", "error", err)
		o.to.Record("router", "", "queue counters cannot be read, limits are held: "+err.Error())
	}
	o.polls = err == nil
}

func (o *eventObserver) write(w *control.Write) {
	if w.Err == nil {
		if o.stalled.clear() {
			o.to.Info("router writes work again")
			o.to.Record("router", "", "limits are written again")
		}
	} else if isNew, due := o.stalled.remind(o.last.At, "not answered"); due {
		o.to.Error("router write failed: will read back before trying again", "error", w.Err)
		if isNew {
			o.to.Record("router", "", "a limit could not be written: "+w.Err.Error())
		}
	}
	for _, d := range autorate.Directions {
		switch {
		case w.Refused[d] != nil:
			o.refused(d, w)
		case w.Err == nil && w.Want[d] != 0:
			if o.refusals[d].clear() {
				o.to.Info("the router takes the limit again", "direction", d.String(), "limit", w.Applied[d].Human())
				o.to.Record("router", d.String(), "the router takes the limit again: "+w.Applied[d].Human())
			}
			o.to.Debug("limit", "direction", d.String(), "from", w.Before[d].Human(), "to", w.Applied[d].Human(),
				"took_ms", units.Millis(w.Took), "dry_run", w.DryRun)
		}
	}
}

// refused reports a refusal at first, when its text changes, and every hour.
func (o *eventObserver) refused(d autorate.Direction, w *control.Write) {
	err := w.Refused[d]
	// The limit that was asked for changes from one attempt to the next.
	text := strings.ReplaceAll(err.Error(), w.Want[d].String(), "")
	if isNew, due := o.refusals[d].remind(o.last.At, text); due {
		o.to.Error("the router refuses a limit: tried again after minutes", "direction", d.String(),
			"wanted", w.Want[d].Human(), "in_force", w.Before[d].Human(), "error", err)
		if isNew {
			o.to.Record("router", d.String(), "the router refuses the limit, which stays at "+w.Before[d].Human()+": "+refusal(err))
		}
	}
}

// fault reports what is wrong with a queue at first, when it changes, and every hour.
func (o *eventObserver) fault(d autorate.Direction, f actuate.Fault) {
	if f == actuate.NoFault {
		if o.faults[d].clear() {
			o.to.Info("the queue limits again", "direction", d.String())
			o.to.Record("router", d.String(), "the queue limits again")
		}
		return
	}
	text := o.describe(d, f)
	if isNew, due := o.faults[d].remind(o.last.At, text); due {
		message := "the queue limits nothing"
		if f == actuate.Overridden {
			message = "something else than the queue's limit holds"
		}
		o.to.Warn(message, "direction", d.String(), "fault", f.String(), "why", text)
		if isNew {
			o.to.Record("router", d.String(), text)
		}
	}
}

// metricsObserver feeds the metrics of one WAN.
type metricsObserver struct {
	wan     *telemetry.WAN
	hosts   int                   // ICMP reflectors
	quality func(int) rtt.Quality // of one of them
	next    time.Duration         // time of the next update of their metrics
}

// reflectors updates the metrics of the reflectors once a second.
func (o *metricsObserver) reflectors(now time.Duration) {
	if now < o.next {
		return
	}
	o.next = now + rtt.ReviewInterval
	for i := range o.hosts {
		o.wan.Reflector(i, o.quality(i))
	}
}

// Observe implements control.Observer.
func (o *metricsObserver) Observe(e control.Event) {
	switch e := e.(type) {
	case *control.Step:
		o.wan.Stepped(e.Input, e.Decision, e.Late)
		o.reflectors(e.Decision.At)
	case *control.TickEnd:
		o.wan.CycleTook(e.Took)
	case *control.Poll:
		o.wan.Polled(e.Took, e.Err)
	case control.Write:
		if !e.DryRun {
			o.wan.Written(e.Want, e.Took, e.Err, [2]bool{e.Refused[0] != nil, e.Refused[1] != nil})
		}
	case control.Read:
		for d, f := range e.Faults {
			o.wan.Fault(autorate.Direction(d), f)
		}
	case control.HeldBack:
		o.wan.HeldBack(e.Direction)
	case control.ExternalChange:
		o.wan.Foreign(e.Direction, e.Ours, e.Theirs)
	}
}

// printObserver sends the decisions of one loop that changed a limit to the
// printer.
type printObserver struct {
	to  *daemon.Printer[Decision]
	wan string
}

// Observe implements control.Observer.
func (o printObserver) Observe(e control.Event) {
	step, ok := e.(*control.Step)
	if !ok {
		return
	}
	dec := &step.Decision
	if dec.Directions[autorate.Download].Changed || dec.Directions[autorate.Upload].Changed {
		now := time.Now()
		o.to.Put(NewDecision(o.wan, &now, *dec))
	}
}

// viewInterval is the time between two decisions that a live view gets.
const viewInterval = 200 * time.Millisecond

// viewObserver sends the newest decision of one loop to a live view.
type viewObserver struct {
	to   *daemon.Printer[Decision]
	wan  string
	next time.Duration
}

// Observe implements control.Observer.
func (o *viewObserver) Observe(e control.Event) {
	step, ok := e.(*control.Step)
	if !ok || step.Decision.At < o.next {
		return
	}
	o.next = step.Decision.At + viewInterval
	now := time.Now()
	o.to.Put(NewDecision(o.wan, &now, step.Decision))
}
