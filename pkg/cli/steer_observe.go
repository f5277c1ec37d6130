package cli

import (
	"fmt"
	"io"
	"log/slog"
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

// steeringLog turns what the loop does into log lines: changes, not samples.
type steeringLog struct {
	steerd.NopObserver
	log     *slog.Logger
	cfg     *steeringConfig
	judging func() *config.Steering

	congestion steering.Congestion
	reason     steering.Reason
	would      bool
	stepped    bool
}

func (s *steerer) logging() *steeringLog {
	return &steeringLog{log: s.log, cfg: s.cfg, judging: s.judging.Load}
}

// Stepped implements steerd.Observer.
func (o *steeringLog) Stepped(_ steering.Input, dec steering.Decision, _ time.Duration) {
	if dec.Congestion != o.congestion {
		if o.congestion != steering.Unknown {
			o.log.Info("congestion", "from", o.congestion.String(), "to", dec.Congestion.String(),
				"excess_ms", units.Millis(dec.ExcessEWMA), "drops", dec.Drops, "queue_packets", dec.Depth)
		}
		o.congestion = dec.Congestion
	}
	if dec.Reason != o.reason {
		o.reason = dec.Reason
		o.log.Debug("decision", "reason", dec.Reason.String(), "steer", dec.Steer, "score", units.Round(dec.Score, 1),
			"red_count", dec.Red, "good_count", dec.Good, "excess_ms", units.Millis(dec.ExcessEWMA))
	}
	o.score(dec)
}

// score tells what the score would do, where it is only to be looked at.
func (o *steeringLog) score(dec steering.Decision) {
	before, known := o.would, o.stepped
	o.would, o.stepped = dec.WouldSteer, true
	if cfg := o.judging(); !known || dec.WouldSteer == before || !cfg.Mode.Confidence || !cfg.Confidence.DryRun {
		return
	}
	what := "the score would have connections come back"
	if dec.WouldSteer {
		what = "the score would steer connections away"
	}
	o.log.Info(what, "score", units.Round(dec.Score, 1), "steer_threshold", units.Round(dec.SteerThreshold, 1), "steered", dec.Enabled)
}

// Switched implements steerd.Observer.
func (o *steeringLog) Switched(a steerd.Attempt) {
	if a.Err != nil {
		o.log.Error("the rule could not be switched: it is read before the next attempt", "enable", a.Enable, "error", a.Err)
	}
}

// Moved implements steerd.Observer.
func (o *steeringLog) Moved(t steerd.Transition) {
	what := "new connections go back to " + o.cfg.Primary
	if t.Steered {
		what = "new connections go to " + o.cfg.Alternate
	}
	o.log.Info(what, "rule", o.cfg.Rule, "reason", t.Reason.String())
}

// Foreign implements steerd.Observer.
func (o *steeringLog) Foreign(enabled bool) {
	o.log.Warn("somebody else switched the rule: going on from there", "rule", o.cfg.Rule, "enabled", enabled)
}

// Trouble implements steerd.Observer.
func (o *steeringLog) Trouble(p steerd.Part, err error) {
	switch {
	case err == nil:
		o.log.Info("works again", "part", p.String())
	case p == steerd.PartPath:
		o.log.Warn("no round-trip time: nothing changes", "error", err)
	case p == steerd.PartCounters:
		o.log.Warn("no queue counters: the round-trip time alone decides", "error", err)
	default:
		o.log.Error("the rule cannot be used: routing stays as it is", "rule", o.cfg.Rule, "error", err)
	}
}

// Reconfigured implements steerd.Observer.
func (o *steeringLog) Reconfigured(steering.Config) {
	o.log.Info("configuration reloaded", "file", o.cfg.Path)
}

// steeringMeter feeds the metrics.
type steeringMeter struct {
	steerd.NopObserver
	metrics *telemetry.Steering
	primary string
	trouble bool // with the rule
}

// Stepped implements steerd.Observer.
func (m *steeringMeter) Stepped(in steering.Input, dec steering.Decision, _ time.Duration) {
	m.metrics.Set(dec.Enabled, dec.Congestion.String())
	m.metrics.SetScore(dec.Score)
	m.metrics.SetUsable(in.RuleChangeable && !m.trouble)
}

// Trouble implements steerd.Observer.
func (m *steeringMeter) Trouble(p steerd.Part, err error) {
	if p == steerd.PartRule {
		m.trouble = err != nil
	}
}

// Moved implements steerd.Observer.
func (m *steeringMeter) Moved(t steerd.Transition) {
	m.metrics.Transition(steeringState(m.primary, !t.Steered), steeringState(m.primary, t.Steered))
}

// steeringHistorian tells the history what a person would want to know of later.
type steeringHistorian struct {
	steerd.NopObserver
	feed *history.Feed
	cfg  *steeringConfig
}

func newSteeringHistorian(feed *history.Feed, cfg *steeringConfig) steeringHistorian {
	return steeringHistorian{feed: feed, cfg: cfg}
}

func (h steeringHistorian) tell(kind, format string, args ...any) {
	h.feed.Event(history.Event{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

// Moved implements steerd.Observer.
func (h steeringHistorian) Moved(t steerd.Transition) {
	if t.Steered {
		h.tell("steering", "new connections go to %s: %v", h.cfg.Alternate, t.Reason)
		return
	}
	h.tell("steering", "new connections go back to %s: %v", h.cfg.Primary, t.Reason)
}

// Foreign implements steerd.Observer.
func (h steeringHistorian) Foreign(enabled bool) {
	word := "disabled"
	if enabled {
		word = "enabled"
	}
	h.tell("foreign", "somebody else %s the rule %s", word, h.cfg.Rule)
}

// Trouble implements steerd.Observer.
func (h steeringHistorian) Trouble(p steerd.Part, err error) {
	kind := "router"
	if p == steerd.PartPath {
		kind = "probe"
	}
	if err == nil {
		h.tell(kind, "steering has its %v again", p)
		return
	}
	h.tell(kind, "steering has no %v: %v", p, err)
}

// Reconfigured implements steerd.Observer.
func (h steeringHistorian) Reconfigured(steering.Config) { h.tell("life", "configuration reloaded") }

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
	steerd.NopObserver
	to  *daemon.Printer[steeringRecord]
	wan string
}

// Stepped implements steerd.Observer.
func (f steeringFeed) Stepped(in steering.Input, dec steering.Decision, _ time.Duration) {
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
