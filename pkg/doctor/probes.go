package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/shape"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/units"
)

// Probes is what was measured for a WAN, and by which way.
type Probes struct {
	Name    string
	Config  string          // path of the configuration
	Target  time.Duration   // thresholds.target_bloat_ms
	Binding hostnet.Binding // of the configuration

	Err        error // why nothing could be measured
	Reflectors []Reflector
	TCP        []Reflector // asked where no reflector answered
	CheckTCP   bool        // connections replace echoes
	Router     *Reflector  // the router, by echoes from this host; nil without ICMP

	Routes []telemetry.ProbeRoute
	Shared string // that another WAN has one of them; "" without
}

// Reflector is what one host answered.
type Reflector struct {
	Name, Operator string
	Sent, Replies  int
	Base           time.Duration // the lowest
	Median         time.Duration
	Jitter         time.Duration // between the median and the 95th percentile
	Clock          bool          // it answers timestamp requests
	Err            error         // of sending or resolving
}

// answerRate returns the share of answered probes, 0 to 1.
func (r Reflector) answerRate() float64 { return float64(r.Replies) / float64(max(1, r.Sent)) }

const (
	probeInterval = 100 * time.Millisecond // slower than a loop, so as not to be in its way
	tcpInterval   = 500 * time.Millisecond
)

// readProbes measures for the duration by the way of the WAN, and the router by the
// host's own.
func readProbes(ctx context.Context, cfg *config.WAN, measure time.Duration) *Probes {
	p := &Probes{Name: cfg.Name, Config: cfg.Path, Target: cfg.Thresholds.TargetBloat}
	p.CheckTCP = cfg.Fallback.Enabled && cfg.Fallback.CheckTCP && cfg.Fallback.Mode == config.GracefulDegradation
	if p.Binding, p.Err = hostnet.Bind(cfg.PingSource, cfg.PingInterface, cfg.PingMark); p.Err != nil {
		return p
	}
	bound := probe.Config{
		Method: probe.ICMP, Targets: cfg.PingHosts, Interval: probeInterval, Timeout: cfg.Timeouts.Ping, Duration: measure, Staggered: true,
		Source: cfg.PingSource, Interface: cfg.PingInterface, Mark: cfg.PingMark,
	}
	lan := make(chan *Reflector, 1)
	go func() { lan <- readLAN(ctx, cfg, measure) }()
	p.Reflectors, p.Routes, p.Err = measureHosts(ctx, bound)
	p.Router = <-lan
	if !slices.ContainsFunc(p.Reflectors, Reflector.answers) && p.CheckTCP && ctx.Err() == nil {
		bound.Method, bound.Targets, bound.TCPTargets, bound.Interval = probe.TCP, nil, cfg.Fallback.TCPTargets, tcpInterval
		var routes []telemetry.ProbeRoute
		if p.TCP, routes, _ = measureHosts(ctx, bound); p.Routes == nil { // that there is no answer says it all
			p.Routes = routes
		}
	}
	return p
}

func readLAN(ctx context.Context, cfg *config.WAN, measure time.Duration) *Reflector {
	hosts, _, err := measureHosts(ctx, probe.Config{
		Method: probe.ICMP, Targets: []string{cfg.Router.Host}, Interval: probeInterval, Timeout: cfg.Timeouts.Ping, Duration: measure, NoOneWay: true,
	})
	if err != nil || len(hosts) == 0 {
		return nil
	}
	return &hosts[0]
}

func (r Reflector) answers() bool { return r.Replies > 0 }

// measureHosts runs a group of probes to its end.
func measureHosts(ctx context.Context, cfg probe.Config) ([]Reflector, []telemetry.ProbeRoute, error) {
	g, err := probe.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	all := make([]struct {
		rtt.Histogram
		clock bool
	}, len(cfg.Targets)+len(cfg.TCPTargets))
	for e := range g.Events() {
		switch h := &all[e.Reflector]; e.Kind {
		case rtt.Reply:
			h.Add(e.RTT)
		case rtt.OneWay:
			h.clock = true
		case rtt.Sent, rtt.Lost, rtt.Spare:
		}
	}
	err = <-done
	var hosts []Reflector
	for i, t := range g.Status().Targets {
		h := &all[i]
		r := Reflector{
			Name: t.Name, Sent: int(t.Sent), Replies: int(t.Replies), Err: t.Err, Clock: h.clock,
			Base: h.Min(), Median: h.Quantile(0.5),
		}
		r.Jitter = h.Quantile(0.95) - r.Median
		if t.Quality != nil {
			r.Operator = t.Quality.Operator
		}
		hosts = append(hosts, r)
	}
	var routes []telemetry.ProbeRoute
	for _, r := range g.Routes() {
		routes = append(routes, shape.NewProbeRoute(r))
	}
	return hosts, routes, err
}

var probeChecks = []Check[Probes]{
	{"reflectors", checkReflectors},
	{"operators", checkOperators},
	{"answer rate", checkAnswerRate},
	{"jitter", checkJitter},
	{"timestamps", checkTimestamps},
	{"router jitter", checkRouterJitter},
	{"way", checkWay},
}

// answering returns the reflectors that answer.
func (p *Probes) answering() []Reflector {
	return slices.DeleteFunc(slices.Clone(p.Reflectors), func(r Reflector) bool { return !r.answers() })
}

// ms formats a time for reading.
func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", units.Millis(d)) }

func checkReflectors(p *Probes) []Result {
	try := "wanctl probe --config " + p.Config
	if p.Err != nil {
		return one(failure("fix continuous_monitoring.ping_source, ping_interface or ping_mark in "+p.Config, "nothing can be measured: %v", p.Err))
	}
	n, all := len(p.answering()), len(p.Reflectors)
	switch {
	case n == 0 && slices.ContainsFunc(p.TCP, Reflector.answers):
		return one(warning("accept echo replies in the router's firewall, or name other hosts in ping_hosts", "no reflector answers echoes: connections are timed instead, five times a second"))
	case n == 0:
		return one(failure(try, "no reflector answers%s", because(p.Reflectors)))
	case n < min(3, all):
		return one(warning(try, "only %d of %d reflectors answer; the median of three ignores one that misbehaves", n, all))
	case n < 3:
		return one(warning("list more hosts in continuous_monitoring.ping_hosts", "%s in use; the median of three ignores one that misbehaves", plural(n, "reflector")))
	}
	best := slices.MinFunc(p.answering(), func(a, b Reflector) int { return int(a.Median - b.Median) })
	return one(ok("%d of %d answer, the nearest (%s) after %s", n, all, best.Name, ms(best.Median)))
}

func because(hosts []Reflector) string {
	for _, h := range hosts {
		if h.Err != nil {
			return ": " + h.Err.Error()
		}
	}
	return ""
}

func checkOperators(p *Probes) []Result {
	var operators []string
	for _, r := range p.answering() {
		if name := orElse(r.Operator, r.Name); !slices.Contains(operators, name) {
			operators = append(operators, name)
		}
	}
	switch n := len(p.answering()); {
	case n == 0:
		return nil
	case len(operators) < min(3, n):
		return one(warning("list hosts of others in continuous_monitoring.ping_hosts",
			"all that answer belong to %s: their faults and limits on echoes are common", strings.Join(operators, " and ")))
	}
	return one(ok("%s of different operators", plural(len(operators), "reflector")))
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// fewAnswers is the answer rate below which echoes are limited or lost.
const fewAnswers = 0.9

func checkAnswerRate(p *Probes) []Result {
	good := p.answering()
	var few []string
	for _, r := range good {
		if r.answerRate() < fewAnswers {
			few = append(few, fmt.Sprintf("%s %.0f %%", r.Name, 100*r.answerRate()))
		}
	}
	switch {
	case len(good) == 0:
		return nil
	case len(few) == 0:
		return one(ok("at least %.0f %% of the echoes are answered", 100*slices.MinFunc(good, func(a, b Reflector) int { return a.Replies*b.Sent - b.Replies*a.Sent }).answerRate()))
	case len(few) < len(good):
		return one(warning("put others first in continuous_monitoring.ping_hosts", "few echoes are answered: %s; these hosts limit them", strings.Join(few, ", ")))
	}
	return one(warning(onRouter("/ip firewall filter print where protocol=icmp, and accept echo replies without limit="),
		"few echoes are answered, by all reflectors: %s; a firewall on the path limits them, or packets are lost", strings.Join(few, ", ")))
}

func checkJitter(p *Probes) []Result {
	good := p.answering()
	if len(good) == 0 {
		return nil
	}
	slices.SortFunc(good, func(a, b Reflector) int { return int(a.Jitter - b.Jitter) })
	middle := good[(len(good)-1)/2]
	if middle.Jitter > p.Target {
		return one(warning(fmt.Sprintf("measure on an idle line; if it stays, set thresholds.target_bloat_ms above it in %s, or start from the preset of the line", p.Config),
			"jitter of %s, above target_bloat_ms: the line leaves GREEN without a queue", ms(middle.Jitter)))
	}
	return one(ok("%s between the median and the 95th percentile", ms(middle.Jitter)))
}

func checkTimestamps(p *Probes) []Result {
	n, good := 0, p.answering()
	for _, r := range good {
		if r.Clock {
			n++
		}
	}
	switch {
	case len(good) == 0:
		return nil
	case n == 0:
		return one(ok("no reflector answers timestamp requests: with both directions loaded, the law tries one after the other; a router of the ISP in ping_hosts often does"))
	}
	return one(ok("%d of %d reflectors answer timestamp requests: the direction of a queue is measured", n, len(good)))
}

// Bounds of the way between the host and the router, which is no part of the line.
const (
	lanJitter = 3 * time.Millisecond
	lanLoss   = 0.02
)

func checkRouterJitter(p *Probes) []Result {
	const cable = "connect this host to the router by cable"
	switch r := p.Router; {
	case r == nil:
		return nil
	case !r.answers():
		return one(skipped("%s does not answer echoes", r.Name))
	case 1-r.answerRate() > lanLoss:
		return one(warning(cable, "%.0f %% of the echoes between this host and the router are lost", 100*(1-r.answerRate())))
	case r.Jitter > lanJitter:
		return one(warning(cable, "jitter of %s between this host and the router: it is taken for the line's; Wi-Fi, or a busy host?", ms(r.Jitter)))
	default:
		return one(ok("%s to the router, with a jitter of %s", ms(r.Median), ms(r.Jitter)))
	}
}

func checkWay(p *Probes) []Result {
	switch {
	case p.Err != nil:
		return nil
	case p.Shared != "":
		return one(warning("wanctl router export --config "+p.Config+" prints what the router needs once ping_source is set", "%s", p.Shared))
	case len(p.Routes) == 0:
		return one(skipped("the route of the probes is not known"))
	}
	var texts []string
	for _, r := range p.Routes {
		texts = append(texts, r.String())
	}
	return one(ok("measured from %s", strings.Join(texts, " and ")))
}
