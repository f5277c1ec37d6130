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
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// Options says what to shape, and how.
type Options struct {
	daemon.Options
	WANs      []*config.WAN
	Config    config.Options // for reloads
	DryRun    bool           // decide, but write nothing and keep no state
	Forget    bool           // start without what earlier runs learned
	Duration  time.Duration  // end after this long; 0: run until stopped
	Record    string         // file for what the law of the one WAN sees; "" for none
	Decisions daemon.Stream[Decision]
	once      bool
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
	o.once, o.Decisions = true, nil
	return run(ctx, o)
}

func run(ctx context.Context, o Options) (decisions []Decision, err error) {
	o.WANs = enabled(o)
	if len(o.WANs) == 0 {
		return nil, nil
	}
	tuneRuntime(&o)
	o.Log.ConsoleOnly, o.Log.Answer = o.once || o.DryRun, o.once
	ctx, base := daemon.New(ctx, o.Options)
	d := newShapeDaemon(base, o)
	defer func() { err = errors.Join(err, d.Close()) }()
	if d.metrics, err = telemetry.New(d.registry, o.Version); err != nil {
		return nil, err
	}
	if o.Decisions != nil {
		d.printer = daemon.NewPrinter(d.Daemon, o.Decisions)
	}
	d.OnClose(d.loops.Close)
	for _, cfg := range o.WANs { // what cannot work fails here, before anything runs
		if err := d.loops.Start(ctx, newWANController(d, cfg)); err != nil {
			return nil, err
		}
	}
	d.Loops = append(d.Loops, d.loops)
	if !o.once {
		d.Sinks = append(d.Sinks, supervisor.NewTask("history", nil, d.history.Run),
			supervisor.NewTask("routes", nil, routeMonitor{d.routes, d.routesOfOthers}.Run))
		d.listen()
	}
	d.ReportStatus(5*time.Second, d.status)

	ctx, cancel := d.limitDuration(ctx)
	defer cancel()
	err = d.Run(ctx, daemon.Service{
		Status:  "shaping " + d.names(),
		Started: []any{"wans", d.names(), "dry_run", o.DryRun},
		Reload:  d.reload,
	})
	if err != nil || !o.once {
		return nil, err
	}
	return d.decisions()
}

// shapeDaemon is what the loops of one process share.
type shapeDaemon struct {
	*daemon.Daemon
	options  Options
	registry *telemetry.Registry
	metrics  *telemetry.Metrics
	history  *history.History
	checker  *telemetry.Checker
	loops    *daemon.LoopSet
	printer  *daemon.Printer[Decision] // nil where standard output is not for programs
}

func newShapeDaemon(base *daemon.Daemon, o Options) *shapeDaemon {
	return &shapeDaemon{
		Daemon: base, options: o, registry: telemetry.NewRegistry(), history: history.New(),
		checker: telemetry.NewChecker(o.Version), loops: daemon.NewLoopSet(),
	}
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

// tuneRuntime sets what the environment does not.
func tuneRuntime(o *Options) {
	// A loop is a few hundred short wake-ups a second: with one processor to
	// wake they cost half as much. Many WANs get the second one.
	if !o.Set("GOMAXPROCS") {
		runtime.GOMAXPROCS(min(runtime.NumCPU(), 1+len(o.WANs)/20))
	}
	// What lives is a megabyte or two, garbage comes slowly: collecting it at half
	// the default size costs nothing that could be measured and saves as much.
	if !o.Set("GOGC") {
		debug.SetGCPercent(50)
	}
}

// listen adds the listeners that the configurations ask for. They are those of
// the process: two WANs may share one.
func (d *shapeDaemon) listen() {
	front := d.front()
	everything, metricsOnly := d.Pages(front), d.MetricsPages(front)
	// Health comes first: where a port is one WAN's for health and another's for
	// metrics, the listener shows both.
	for _, w := range d.options.WANs {
		d.Listen("health", w.Health, everything)
	}
	for _, w := range d.options.WANs {
		handler := metricsOnly
		if w.Health.Enabled && w.Health.Host == w.Metrics.Host {
			handler = everything
		}
		d.Listen("metrics", w.Metrics, handler)
	}
}

// limitDuration returns a context that ends when the run is to end by itself.
func (d *shapeDaemon) limitDuration(ctx context.Context) (context.Context, context.CancelFunc) {
	switch o := &d.options; {
	case o.once:
		return context.WithTimeoutCause(ctx, OnceDuration, errors.New("--once is done"))
	case o.Duration > 0:
		return context.WithTimeoutCause(ctx, o.Duration, errors.New("--duration is over"))
	}
	return ctx, func() {}
}

// wans returns the loops of this process.
func (d *shapeDaemon) wans() []*WANController {
	var wans []*WANController
	for _, l := range d.loops.Loops() {
		wans = append(wans, l.(*WANController))
	}
	return wans
}

func (d *shapeDaemon) names() string {
	var names []string
	for _, w := range d.wans() {
		names = append(names, w.cfg.Name)
	}
	return strings.Join(names, ", ")
}

// reload reads the configurations again.
func (d *shapeDaemon) reload(context.Context) {
	for _, w := range d.wans() {
		w.Reload()
	}
}

// status returns the line of `systemctl status`, as long as the loops run: what is
// wrong comes first, what is doubtful last.
func (d *shapeDaemon) status(ctx context.Context) (string, bool) {
	health := d.checker.Health(ctx)
	parts := health.Problems()
	for _, w := range d.wans() {
		text, ok := w.statusLine(ctx)
		if !ok {
			return "", false
		}
		parts = append(parts, text)
	}
	for _, w := range health.WANs {
		for _, warning := range w.Warnings {
			parts = append(parts, w.Name+": "+warning)
		}
	}
	return strings.Join(parts, "; "), true
}

// decisions returns the last decision of each loop.
func (d *shapeDaemon) decisions() ([]Decision, error) {
	var list []Decision
	var errs []error
	for _, w := range d.wans() {
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
			errs = append(errs, fmt.Errorf("%s: %w within %v; try 'wanctl probe --config %s'", w.cfg.Name, ErrNoReply, OnceDuration, w.cfg.Path))
		}
	}
	return list, errors.Join(errs...)
}
