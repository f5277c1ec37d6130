package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// steeringEvents turns what the loop does into events for the log and the
// history: changes, not samples.
type steeringEvents struct {
	to      daemon.Events
	cfg     *steeringConfig
	judging func() *config.Steering

	congestion steering.Congestion
	reason     steering.Reason
	would      bool
	stepped    bool
}

// events returns the observer for the log and, unless feed is nil, the history.
func (s *steerer) events(feed *history.Feed) *steeringEvents {
	return &steeringEvents{to: daemon.Events{Logger: s.log, Feed: feed}, cfg: s.cfg, judging: s.judging.Load}
}

// Observe implements steerd.Observer.
func (o *steeringEvents) Observe(e steerd.Event) {
	switch e := e.(type) {
	case *steerd.Step:
		o.decision(&e.Decision)
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
		word := "disabled"
		if e.Enabled {
			word = "enabled"
		}
		o.to.Warn("somebody else switched the rule: going on from there", "rule", o.cfg.Rule, "enabled", e.Enabled)
		o.to.Record("foreign", "", fmt.Sprintf("somebody else %s the rule %s", word, o.cfg.Rule))
	case steerd.Failure:
		o.failure(e.Part, e.Err)
	case steerd.Reconfigured:
		o.to.Reloaded(o.cfg.Path)
	}
}

func (o *steeringEvents) decision(dec *steering.Decision) {
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
	o.score(dec)
}

// score reports what the score would do, where it does not decide.
func (o *steeringEvents) score(dec *steering.Decision) {
	before, known := o.would, o.stepped
	o.would, o.stepped = dec.WouldSteer, true
	if cfg := o.judging(); !known || dec.WouldSteer == before || !cfg.Mode.Confidence || !cfg.Confidence.DryRun {
		return
	}
	what := "the score would have connections come back"
	if dec.WouldSteer {
		what = "the score would steer connections away"
	}
	o.to.Info(what, "score", units.Round(dec.Score, 1), "steer_threshold", units.Round(dec.SteerThreshold, 1), "steered", dec.Enabled)
}

func (o *steeringEvents) failure(p steerd.Part, err error) {
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

// steeringMetrics feeds the metrics.
type steeringMetrics struct {
	metrics *telemetry.Steering
	primary string
	failed  bool // the rule cannot be used
}

// Observe implements steerd.Observer.
func (m *steeringMetrics) Observe(e steerd.Event) {
	switch e := e.(type) {
	case *steerd.Step:
		m.metrics.Set(e.Decision.Enabled, e.Decision.Congestion.String())
		m.metrics.SetScore(e.Decision.Score)
		m.metrics.SetUsable(e.Input.RuleChangeable && !m.failed)
	case steerd.Transition:
		m.metrics.Transition(steeringState(m.primary, !e.Steered), steeringState(m.primary, e.Steered))
	case steerd.Failure:
		if e.Part == steerd.PartRule {
			m.failed = e.Err != nil
		}
	}
}

// steeringRecord is one assessment as programs read it.
type steeringRecord struct {
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

// steeringFeed brings assessments to the printer.
type steeringFeed struct {
	to  *daemon.Printer[steeringRecord]
	wan string
}

// Observe implements steerd.Observer.
func (f steeringFeed) Observe(e steerd.Event) {
	step, ok := e.(*steerd.Step)
	if !ok {
		return
	}
	in, dec := &step.Input, &step.Decision
	r := steeringRecord{
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

var steeringColumns = []output.Column[steeringRecord]{
	field("time", func(r steeringRecord) any { return r.Time.Format(time.RFC3339Nano) }),
	field("event", func(r steeringRecord) any { return r.Event }),
	field("wan", func(r steeringRecord) any { return r.WAN }),
	field("rtt_ms", func(r steeringRecord) any { return r.RTT }),
	field("baseline_rtt_ms", func(r steeringRecord) any { return r.Baseline }),
	field("excess_ms", func(r steeringRecord) any { return r.Excess }),
	field("excess_ewma_ms", func(r steeringRecord) any { return r.ExcessEWMA }),
	field("drops", func(r steeringRecord) any { return r.Drops }),
	field("queue_packets", func(r steeringRecord) any { return r.Depth }),
	field("congestion", func(r steeringRecord) any { return r.Congestion }),
	field("steered", func(r steeringRecord) any { return r.Steered }),
	field("reason", func(r steeringRecord) any { return r.Reason }),
	field("red_count", func(r steeringRecord) any { return r.Red }),
	field("good_count", func(r steeringRecord) any { return r.Good }),
	field("bad_count", func(r steeringRecord) any { return r.Bad }),
	field("score", func(r steeringRecord) any { return r.Score }),
	field("steer_threshold", func(r steeringRecord) any { return r.Threshold }),
	field("would_steer", func(r steeringRecord) any { return r.WouldSteer }),
}

func printSteering(w io.Writer, r steeringRecord) error {
	_, err := fmt.Fprintf(w, "%s %s %s\n", r.Time.Format(time.TimeOnly), r.Congestion, r.Reason)
	return err
}
