// Package steer is the daemon of `wanctl steer`: it puts together configuration,
// router, round-trip times, state, telemetry and the loop of pkg/steerd, and runs
// them. A Controller is this loop; it can be stopped and replaced while the process
// runs. The package does not decide when to steer: that is pkg/steering. It does not
// print: assessments go to a Stream.
package steer

import (
	"context"
	"errors"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// Options says what to steer, and how.
type Options struct {
	daemon.Options
	Steering *Config
	Config   config.Options // for reloads
	Mode
	Assessments daemon.Stream[Assessment]
}

// Mode says how steering is done. The zero Mode is that of a service.
type Mode struct {
	DryRun bool // decide, but leave the rule alone and keep no state
	Many   bool // many loops share this process, which keeps them apart
	// Kept, if set, is why the loop has an old configuration.
	Kept *daemon.KeptConfig
	// Routers has the sessions with routers of many loops; nil: steering has its own.
	Routers *routerdial.Pool
	// Node is the node that the loop runs on.
	Node daemon.Node

	printer *daemon.Printer[Assessment] // nil where standard output is not for programs
}

// Run steers until ctx ends or a signal ends it.
func Run(ctx context.Context, o Options) (err error) {
	o.Log.ConsoleOnly = o.DryRun
	ctx, p, err := newProcess(ctx, o)
	defer func() { err = errors.Join(err, p.Close()) }()
	if err != nil {
		return err
	}
	if o.Assessments != nil {
		o.printer = daemon.NewPrinter(p.Daemon, o.Assessments)
	}
	c := NewController(p, o.Steering, o.Mode)
	if err := p.Set.Open(ctx, c); err != nil { // what cannot work fails here, before anything runs
		return err
	}
	p.KeepHistory()
	p.ReportStatus(5*time.Second, p.StatusLine)
	p.Listen(p.Listeners(daemon.Shown{Config: &c.cfg.Base, Front: p.Front(c.checker.Handler)}))
	return p.Run(ctx, daemon.Service{
		Status:  "steering away from " + c.cfg.Primary,
		Started: []any{"primary", c.cfg.Primary, "alternate", c.cfg.Alternate, "rule", c.cfg.Rule, "dry_run", o.DryRun},
		Reload:  func(context.Context) { c.Reload(o.Config) },
	})
}

// Once assesses once, switches the rule if that is due, and returns what was
// found: nil when it failed before, beside an error when the rule cannot be used
// or the round-trip time is not known (ErrNoRTT).
func Once(ctx context.Context, o Options) (health *telemetry.SteeringHealth, err error) {
	o.Log.Answer, o.Log.ConsoleOnly = true, true
	ctx, p, err := newProcess(ctx, o)
	defer func() { err = errors.Join(err, p.Close()) }()
	if err != nil {
		return nil, err
	}
	c := NewController(p, o.Steering, o.Mode)
	p.OnClose(c.Close)
	if err := c.open(); err != nil {
		return nil, err
	}
	return c.once(ctx)
}

func newProcess(ctx context.Context, o Options) (context.Context, *daemon.Process, error) {
	o.TuneProcessors(1)
	return daemon.NewProcess(ctx, o.Options)
}
