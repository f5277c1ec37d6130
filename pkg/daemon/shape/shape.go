// Package shape is the daemon of `wanctl shape`: it puts together configuration,
// router, probes, state, telemetry and the control loop of every WAN, and runs
// them. A WANController is one of these loops; it can be stopped and replaced
// while the others run. The package decides nothing about limits: that is
// pkg/autorate, run by pkg/control. It does not print: decisions go to a Stream.
package shape

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/probe"
)

// Options says what to shape, and how.
type Options struct {
	daemon.Options
	WANs   []*config.WAN
	Config config.Options // for reloads
	Mode
	Duration  time.Duration // end after this long; 0: run until stopped
	Decisions daemon.Stream[Decision]
	// View, if set, gets the newest decision of each WAN five times a second.
	View daemon.Stream[Decision]
}

// Mode says how a WAN is controlled. The zero Mode is that of a service.
type Mode struct {
	DryRun bool   // decide, but write nothing and keep no state
	Forget bool   // start without what earlier runs learned
	Record string // file for what the law of the one WAN sees; "" for none
	Many   bool   // many WANs may share this host, and this process keeps them apart
	// Kept, if set, is why the loop has an old configuration.
	Kept *daemon.KeptConfig
	// Sockets are the ICMP sockets of many WANs; nil: each has its own.
	Sockets *probe.Sockets
	// Routers has the sessions with routers of many loops; nil: each WAN has its own.
	Routers *routerdial.Pool
	// Node is the node that the loop runs on.
	Node daemon.Node

	once    bool
	printer *daemon.Printer[Decision] // nil where standard output is not for programs
	view    *daemon.Printer[Decision] // nil where nobody watches
}

// OnceDuration is how long Once measures.
const OnceDuration = 2 * time.Second

// ErrNoReply: no reflector answered.
var ErrNoReply = errors.New("no reflector answered")

// Run shapes the enabled WANs until ctx ends, a signal ends it, or the duration
// is over. Without an enabled WAN it returns at once.
func Run(ctx context.Context, o Options) error {
	_, err := run(ctx, o)
	return err
}

// Once measures for OnceDuration, decides and writes once, and returns the
// decisions with the limits that are in force then. A WAN without replies is an
// ErrNoReply beside them; so is the error of a limit that could not be written.
func Once(ctx context.Context, o Options) ([]Decision, error) {
	o.once, o.Decisions, o.View = true, nil, nil
	return run(ctx, o)
}

func run(ctx context.Context, o Options) (decisions []Decision, err error) {
	o.WANs = enabled(o)
	if len(o.WANs) == 0 {
		return nil, nil
	}
	o.TuneProcessors(len(o.WANs))
	TuneCollector(&o.Options)
	o.Log.ConsoleOnly, o.Log.Answer = o.once || o.DryRun, o.once
	ctx, p, err := daemon.NewProcess(ctx, o.Options)
	defer func() { err = errors.Join(err, p.Close()) }()
	if err != nil {
		return nil, err
	}
	if o.Decisions != nil {
		o.printer = daemon.NewPrinter(p.Daemon, o.Decisions)
	}
	if o.View != nil {
		o.view = daemon.NewPrinter(p.Daemon, o.View)
	}
	var wans []*WANController
	var loops []daemon.Loop
	var shown []daemon.Shown
	front := p.Front(p.Checker.Handler)
	for _, cfg := range o.WANs {
		w := NewWANController(p, cfg, o.Mode)
		wans, loops, shown = append(wans, w), append(loops, w), append(shown, daemon.Shown{Config: &cfg.Base, Front: front})
	}
	if err := p.Set.Open(ctx, loops...); err != nil { // what cannot work fails here, before anything runs
		return nil, err
	}
	if !o.once {
		p.KeepHistory()
		WatchRoutes(p)
		p.Listen(p.Listeners(shown...))
	}
	p.ReportStatus(5*time.Second, p.StatusLine)

	ctx, cancel := o.limitDuration(ctx)
	defer cancel()
	err = p.Run(ctx, daemon.Service{
		Status:  "shaping " + names(wans),
		Started: []any{"wans", names(wans), "dry_run", o.DryRun},
		Reload: func(context.Context) {
			for _, w := range wans {
				w.Reload(o.Config)
			}
		},
	})
	if err != nil || !o.once {
		return nil, err
	}
	return lastDecisions(wans)
}

// enabled returns the WANs that are not switched off.
func enabled(o Options) []*config.WAN {
	var wans []*config.WAN
	for _, w := range o.WANs {
		if !w.Enabled {
			// Not on standard output, which may be read by a program.
			l := supervisor.NewLog(o.Err, supervisor.LogOptions{})
			fmt.Fprintf(l, "wanctl: %s: continuous_monitoring.enabled is false: nothing to do for %s\n", w.Path, w.Name)
			_ = l.Close() // its error is that nobody reads it
			continue
		}
		wans = append(wans, w)
	}
	return wans
}

// TuneCollector sets the garbage collector for loops, unless the environment does.
// What lives is a megabyte or two, garbage comes slowly: collecting it at half the
// default size costs nothing that could be measured and saves as much.
func TuneCollector(o *daemon.Options) {
	if !o.Set("GOGC") {
		debug.SetGCPercent(50)
	}
}

// limitDuration returns a context that ends when the run is to end by itself.
func (o *Options) limitDuration(ctx context.Context) (context.Context, context.CancelFunc) {
	switch {
	case o.once:
		return context.WithTimeoutCause(ctx, OnceDuration, errors.New("--once is done"))
	case o.Duration > 0:
		return context.WithTimeoutCause(ctx, o.Duration, errors.New("--duration is over"))
	}
	return ctx, func() {}
}

func names(wans []*WANController) string {
	var names []string
	for _, w := range wans {
		names = append(names, w.cfg.Name)
	}
	return strings.Join(names, ", ")
}

// lastDecisions returns the last decision of each loop.
func lastDecisions(wans []*WANController) ([]Decision, error) {
	var list []Decision
	var errs []error
	for _, w := range wans {
		st, err := w.loop.Status(context.Background())
		if err != nil {
			return nil, err
		}
		now := time.Now()
		decision := NewDecision(w.cfg.Name, &now, st.Decision)
		for d, limit := range []*int64{decision.DownBPS, decision.UpBPS} {
			if limit != nil {
				*limit = int64(st.InForce[d])
			}
		}
		list = append(list, decision)
		for _, err := range append(st.Refused[:], st.LastError) {
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", w.cfg.Name, err))
			}
		}
		if st.Decision.Alive == 0 {
			errs = append(errs, fmt.Errorf("%s: %w within %v; run 'wanctl doctor --config %s'", w.cfg.Name, ErrNoReply, OnceDuration, w.cfg.Path))
		}
	}
	return list, errors.Join(errs...)
}
