package steer

import (
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// eventObserver turns what the loop does into events for the log and the
// history: changes, not samples.
type eventObserver struct {
	to    daemon.Events
	cfg   *Config
	inUse func() *config.Steering

	congestion steering.Congestion
	reason     steering.Reason
	would      bool
	byHand     bool
	notCounted [2]bool
	stays      bool // connections, and why was reported
	stepped    bool
}

// events returns the observer for the log and, unless feed is nil, the history.
func (c *Controller) events(feed *history.Feed) *eventObserver {
	return &eventObserver{to: daemon.Events{Logger: c.log, Feed: feed}, cfg: c.cfg, inUse: c.inUse.Load}
}

// Observe implements steerd.Observer.
func (o *eventObserver) Observe(e steerd.Event) {
	switch e := e.(type) {
	case *steerd.Step:
		o.decision(&e.Decision)
		o.blocked(&e.Input, &e.Decision)
	case steerd.Attempt:
		if e.Err != nil {
			o.to.Error("the rule could not be switched: it is read before the next attempt", "enable", e.Enable, "error", e.Err)
		}
	case steerd.Transition:
		what := "new connections go back to " + o.cfg.Primary
		if e.Steered {
			what = "new connections go to " + o.cfg.Alternate
		}
		o.to.Info(what, "rule", o.cfg.Rule, "reason", e.Reason.String())
		o.to.Record("steering", "", fmt.Sprintf("%s: %v", what, e.Reason))
	case steerd.ExternalChange:
		o.externalChange(e)
	case steerd.Failure:
		o.failure(e.Part, e.Err)
	case steerd.Reconfigured:
		o.to.Reloaded(o.cfg.Path)
	}
}

func (o *eventObserver) externalChange(e steerd.ExternalChange) {
	what := fmt.Sprintf("somebody else %s the rule", enabledWord(e.Enabled))
	then := "nothing is steered until " + o.cfg.Primary + " is calm"
	switch {
	case e.DryRun:
		then = "a dry run goes its own way"
	case e.Enabled:
		then = "it stays enabled until it is disabled by hand or by 'wanctl steer --reset'"
	}
	o.to.Warn(what+": "+then, "rule", o.cfg.Rule, "enabled", e.Enabled)
	o.to.Record("foreign", "", what+" "+o.cfg.Rule+": "+then)
}

// blocked reports once in each congestion that the alternate WAN is why connections
// stay.
func (o *eventObserver) blocked(in *steering.Input, dec *steering.Decision) {
	if !dec.Desired && dec.Fresh || dec.Enabled {
		o.stays = false
	}
	if !dec.Desired || dec.Enabled || o.stays {
		return
	}
	why := o.cfg.blocked(dec, in.Alternate, in.AlternateExcess, in.AlternateExcessKnown, in.AlternateLoss)
	if why == "" {
		return
	}
	o.stays = true
	what := o.cfg.Primary + " is congested, but connections stay"
	o.to.Warn(what, "why", why, "reason", dec.Reason.String())
	o.to.Record("steering", "", what+": "+why)
}

func (o *eventObserver) decision(dec *steering.Decision) {
	if dec.Congestion != o.congestion {
		if o.congestion != steering.Unknown {
			o.to.Info("congestion", "from", o.congestion.String(), "to", dec.Congestion.String(),
				"excess_ms", units.Millis(dec.ExcessEWMA), "drops", dec.Drops, "queue_packets", dec.Depth)
		}
		o.congestion = dec.Congestion
	}
	if dec.Reason != o.reason {
		o.reason = dec.Reason
		o.to.Debug("decision", "reason", dec.Reason.String(), "steer", dec.Steer, "score", units.Round(dec.Score, 1),
			"red_count", dec.Red, "good_count", dec.Good, "excess_ms", units.Millis(dec.ExcessEWMA))
	}
	if o.byHand && !dec.ByHand && !dec.Changed {
		o.to.Info(o.cfg.Primary+" is calm: steering goes on after the rule was disabled by hand", "rule", o.cfg.Rule)
	}
	o.byHand = dec.ByHand
	for i, name := range o.cfg.queues() {
		if dec.DropsNotCounted[i] && !o.notCounted[i] {
			o.to.Info("the router does not count the drops of this queue: its depth and the delay decide", "queue", name)
		}
	}
	o.notCounted = dec.DropsNotCounted
	o.score(dec)
}

// score reports what the score would do, where it does not decide.
func (o *eventObserver) score(dec *steering.Decision) {
	before, known := o.would, o.stepped
	o.would, o.stepped = dec.WouldSteer, true
	if cfg := o.inUse(); !known || dec.WouldSteer == before || !cfg.Mode.Confidence || !cfg.Confidence.DryRun {
		return
	}
	what := "the score would have connections come back"
	if dec.WouldSteer {
		what = "the score would steer connections away"
	}
	o.to.Info(what, "score", units.Round(dec.Score, 1), "steer_threshold", units.Round(dec.SteerThreshold, 1), "steered", dec.Enabled)
}

func (o *eventObserver) failure(p steerd.Part, err error) {
	kind := "router"
	if p == steerd.PartPath {
		kind = "probe"
	}
	if err == nil {
		o.to.Info("works again", "part", p.String())
		o.to.Record(kind, "", fmt.Sprintf("steering has its %v again", p))
		return
	}
	switch p {
	case steerd.PartPath:
		o.to.Warn("no round-trip time: nothing changes", "error", err)
	case steerd.PartCounters:
		o.to.Warn("no queue counters: the round-trip time alone decides", "error", err)
	default:
		o.to.Error("the rule cannot be used: routing stays as it is", "rule", o.cfg.Rule, "error", err)
	}
	o.to.Record(kind, "", fmt.Sprintf("steering has no %v: %v", p, err))
}

// metricsObserver feeds the metrics.
type metricsObserver struct {
	metrics *telemetry.Steering
	primary string
	failed  bool // the rule cannot be used
}

// Observe implements steerd.Observer.
func (m *metricsObserver) Observe(e steerd.Event) {
	switch e := e.(type) {
	case *steerd.Step:
		m.metrics.Set(e.Decision.Enabled, e.Decision.Congestion.String())
		m.metrics.SetScore(e.Decision.Score)
		m.metrics.SetUsable(e.Input.RuleChangeable && !m.failed)
	case steerd.Transition:
		m.metrics.Transition(stateName(m.primary, !e.Steered), stateName(m.primary, e.Steered))
	case steerd.Failure:
		if e.Part == steerd.PartRule {
			m.failed = e.Err != nil
		}
	}
}

// Assessment is one assessment as programs read it.
type Assessment struct {
	Time       time.Time `json:"time"`
	Event      string    `json:"event"` // "steering"
	WAN        string    `json:"wan"`   // the primary one
	RTT        float64   `json:"rtt_ms"`
	Baseline   float64   `json:"baseline_rtt_ms"`
	Excess     float64   `json:"excess_ms"`
	ExcessEWMA float64   `json:"excess_ewma_ms"`
	Drops      int       `json:"drops"`
	Depth      int       `json:"queue_packets"`
	Congestion string    `json:"congestion"`
	Steered    bool      `json:"steered"`
	Reason     string    `json:"reason"`
	Red        int       `json:"red_count"`
	Good       int       `json:"good_count"`
	Bad        int       `json:"bad_count"`
	Score      float64   `json:"score"`
	Threshold  float64   `json:"steer_threshold"`
	WouldSteer bool      `json:"would_steer"` // by the score, or by the counts where the score decides
}

// printObserver sends assessments to the printer.
type printObserver struct {
	to  *daemon.Printer[Assessment]
	wan string
}

// Observe implements steerd.Observer.
func (f printObserver) Observe(e steerd.Event) {
	step, ok := e.(*steerd.Step)
	if !ok {
		return
	}
	in, dec := &step.Input, &step.Decision
	r := Assessment{
		Time: time.Now(), Event: "steering", WAN: f.wan,
		Excess: units.Millis(dec.Excess), ExcessEWMA: units.Millis(dec.ExcessEWMA), Drops: dec.Drops, Depth: dec.Depth,
		Congestion: dec.Congestion.String(), Steered: dec.Enabled, Reason: dec.Reason.String(),
		Red: dec.Red, Good: dec.Good, Bad: dec.Bad, Score: units.Round(dec.Score, 1), Threshold: units.Round(dec.SteerThreshold, 1),
		WouldSteer: dec.WouldSteer,
	}
	if in.RTTKnown {
		r.RTT, r.Baseline = units.Millis(in.RTT), units.Millis(in.Baseline)
	}
	f.to.Put(r)
}
