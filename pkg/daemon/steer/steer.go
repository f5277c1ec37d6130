// Package steer is the daemon of `wanctl steer`: it puts together configuration,
// router, round-trip times, state, telemetry and the loop of pkg/steerd, and runs
// them. A Controller is this loop; it can be stopped and replaced while the process
// runs. The package does not decide when to steer: that is pkg/steering. It does not
// print: assessments go to a Stream.
package steer

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// Options says what to steer, and how.
type Options struct {
	daemon.Options
	Steering    *Config
	Config      config.Options // for reloads
	DryRun      bool           // decide, but leave the rule alone and keep no state
	Assessments daemon.Stream[Assessment]
}

// Run steers until ctx ends or a signal ends it.
func Run(ctx context.Context, o Options) (err error) {
	ctx, p, err := newProcess(ctx, o, o.DryRun)
	defer func() { err = errors.Join(err, p.Close()) }()
	if err != nil {
		return err
	}
	if o.Assessments != nil {
		p.printer = daemon.NewPrinter(p.Daemon, o.Assessments)
	}
	c := newController(p, o.Steering)
	loops := daemon.NewLoopSet()
	p.OnClose(loops.Close)
	if err := loops.Start(ctx, c); err != nil { // what cannot work fails here, before anything runs
		return err
	}
	p.Loops = append(p.Loops, loops)
	p.Sinks = append(p.Sinks, supervisor.NewTask("history", nil, p.history.Run))
	p.ReportStatus(5*time.Second, c.statusLine)
	p.listen(c)
	return p.Run(ctx, daemon.Service{
		Status:  "steering away from " + c.cfg.Primary,
		Started: []any{"primary", c.cfg.Primary, "alternate", c.cfg.Alternate, "rule", c.cfg.Rule, "dry_run", o.DryRun},
		Reload:  func(context.Context) { c.Reload() },
	})
}

// Once assesses once, switches the rule if that is due, and returns what was
// found: nil when it failed before, beside an error when the rule cannot be used
// or the round-trip time is not known (ErrNoRTT).
func Once(ctx context.Context, o Options) (health *telemetry.SteeringHealth, err error) {
	o.Log.Answer = true
	ctx, p, err := newProcess(ctx, o, true)
	defer func() { err = errors.Join(err, p.Close()) }()
	if err != nil {
		return nil, err
	}
	c := newController(p, o.Steering)
	p.OnClose(c.Close)
	if err := c.open(); err != nil {
		return nil, err
	}
	return c.once(ctx)
}

// process is what does not belong to the loop.
type process struct {
	*daemon.Daemon
	options  Options
	registry *telemetry.Registry
	metrics  *telemetry.Metrics
	history  *history.History
	printer  *daemon.Printer[Assessment] // nil where standard output is not for programs
}

// newProcess returns a process without tasks, which the caller closes even after
// an error.
func newProcess(ctx context.Context, o Options, consoleOnly bool) (context.Context, *process, error) {
	// A few short wake-ups a second: with one processor to wake they cost half.
	if !o.Set("GOMAXPROCS") {
		runtime.GOMAXPROCS(1)
	}
	o.Log.ConsoleOnly = consoleOnly
	ctx, d := daemon.New(ctx, o.Options)
	p := &process{Daemon: d, options: o, registry: telemetry.NewRegistry(), history: history.New()}
	var err error
	p.metrics, err = telemetry.New(p.registry, o.Version)
	return ctx, p, err
}

// listen adds the listeners that the configuration asks for.
func (p *process) listen(c *Controller) {
	front := newSteerFront(p.Version, c.checker, p.history, telemetry.MetricsHandler(p.registry))
	p.Listen("health", c.cfg.Health, p.Pages(front))
	metricsFront := p.MetricsPages(front)
	if c.cfg.Health.Enabled && c.cfg.Health.Host == c.cfg.Metrics.Host {
		metricsFront = p.Pages(front)
	}
	p.Listen("metrics", c.cfg.Metrics, metricsFront)
}
