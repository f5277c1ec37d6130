package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/local"
)

// onceLasts is how long shape --once looks before it decides.
const onceLasts = 2 * time.Second

// shaper is a running `wanctl shape`.
type shaper struct {
	*daemon
	options shapeOptions
	printer *printer[decisionRecord] // nil where standard output is not for programs
	metrics *telemetry.Metrics
	history *history.History
	wans    []*shapedWAN
}

// runLoops runs the loop of every WAN until ctx ends.
func runLoops(ctx context.Context, a *app.App, wans []*config.WAN, o shapeOptions) (err error) {
	enabled := wans[:0:0]
	for _, w := range wans {
		if !w.Enabled {
			// Not on standard output, which may be read by a program.
			fmt.Fprintf(a.Err, "wanctl: %s: continuous_monitoring.enabled is false: nothing to do for %s\n", w.Path, w.Name)
			continue
		}
		enabled = append(enabled, w)
	}
	if len(enabled) == 0 {
		return nil
	}
	// A loop is a few hundred short wake-ups a second: with one processor to
	// wake they cost half as much. Many WANs get the second one.
	if _, chosen := a.LookupEnv("GOMAXPROCS"); !chosen {
		runtime.GOMAXPROCS(min(runtime.NumCPU(), 1+len(enabled)/20))
	}
	// What lives is a megabyte or two, garbage comes slowly: collecting it at half
	// the default size costs nothing that could be measured and saves as much.
	if _, chosen := a.LookupEnv("GOGC"); !chosen {
		debug.SetGCPercent(50)
	}
	ctx, d := newDaemon(ctx, a, logOptions{consoleOnly: o.once || o.dryRun, answer: o.once})
	s := &shaper{daemon: d, options: o, history: history.New()}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.build(ctx, enabled); err != nil {
		return err
	}
	return s.run(ctx)
}

// build assembles everything. What fails here fails before anything runs.
func (s *shaper) build(ctx context.Context, wans []*config.WAN) error {
	registry := telemetry.NewRegistry()
	var err error
	if s.metrics, err = telemetry.New(registry, s.app.Version); err != nil {
		return err
	}
	if s.app.Global.Output != output.Table && !s.options.once {
		s.printer = newPrinter(s.daemon, decisionColumns, printDecision)
		s.stages[2] = append(s.stages[2], supervisor.NewTask("output", nil, s.printer.run))
	}
	sources := make([]telemetry.Source, 0, len(wans))
	for _, cfg := range wans {
		w, err := s.addWAN(ctx, cfg)
		if err != nil {
			return err
		}
		sources = append(sources, w)
	}
	if s.options.once {
		return nil
	}
	s.stages[2] = append(s.stages[2], supervisor.NewTask("history", nil, s.history.Run))
	for i, w := range wans {
		alone := telemetry.NewChecker(s.app.Version, sources[i])
		past := func(since time.Time) history.Excerpt { return s.history.Of(w.Name, since) }
		s.listenSocket(w.Name, w.Socket(), local.Handler(alone.Handler(nil), past, telemetry.OfWAN(registry, w.Name)))
	}
	front := newShapeFront(telemetry.NewChecker(s.app.Version, sources...), s.history, telemetry.MetricsHandler(registry))
	everything, alone := s.pages(front), s.metricsAlone(front)
	for _, w := range wans { // before the metrics of any: an address may be one WAN's for this and another's for that
		s.listen("health", w.Health, everything)
	}
	for _, w := range wans {
		metrics := alone
		if w.Health.Enabled && w.Health.Host == w.Metrics.Host {
			metrics = everything
		}
		s.listen("metrics", w.Metrics, metrics)
	}
	return nil
}

func (s *shaper) addWAN(ctx context.Context, cfg *config.WAN) (*shapedWAN, error) {
	log := s.logs.of(&cfg.Base)
	w, err := openWAN(s.app, cfg, log, s.options)
	if err != nil {
		return nil, err
	}
	s.wans = append(s.wans, w)
	s.closers = append(s.closers, w.close)
	metrics := s.metrics.WAN(telemetryConfig(w, cfg))
	s.history.AddWAN(cfg.Name)
	w.feed = s.history.Feed(cfg.Name)
	w.switched = func(sw failover.Switch) {
		metrics.FailedOver()
		switchedTo(w.feed, sw)
	}
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	observers := control.Observers{newDecisionLog(log), meter{metrics}, newHistorian(w.feed, w.probes.Mode)}
	if s.printer != nil {
		observers = append(observers, decisionFeed{to: s.printer, wan: cfg.Name})
	}
	if s.options.record != "" { // an old recording is not thrown away before the router has answered
		r, err := newRecorder(s.options.record, w.setup(), w.start, log)
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, r.close)
		observers = append(observers, r)
	}
	heart, err := s.notifier.NewHeart()
	if err != nil {
		return nil, err
	}
	w.prepare(w.probes, observers, heart.Watchdog)
	s.stages[0] = append(s.stages[0], supervisor.NewTask("loop of "+cfg.Name, nil, w.loop.Run))
	s.stages[1] = append(s.stages[1], supervisor.NewTask("probes of "+cfg.Name, nil, w.probes.Run))
	if w.saver != nil {
		s.stages[2] = append(s.stages[2], w.saver)
		s.watchLock("lock of "+cfg.Name, w.lock)
	}
	return w, nil
}

// telemetryConfig is what the metrics of w say of its configuration cfg.
func telemetryConfig(w *shapedWAN, cfg *config.WAN) telemetry.WANConfig {
	return telemetry.WANConfig{
		Name: w.cfg.Name, Reflectors: w.reflectors(),
		Floor:   [2]bitrate.Rate{cfg.Download.FloorRed, cfg.Upload.FloorRed},
		Ceiling: [2]bitrate.Rate{cfg.Download.Ceiling, cfg.Upload.Ceiling},
	}
}

func (s *shaper) run(ctx context.Context) error {
	limit, over := s.options.duration, errors.New("--duration is over")
	if s.options.once {
		limit, over = onceLasts, errors.New("--once is done")
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, over)
		defer cancel()
	}
	s.reportStatus(5*time.Second, s.report)
	err := s.daemon.run(ctx, daemonRun{
		doing:   "shaping " + s.names(),
		started: []any{"wans", s.names(), "dry_run", s.options.dryRun},
		reload:  s.reloadAll,
	})
	if s.options.once && err == nil {
		return s.printOnce()
	}
	return err
}

func (s *shaper) names() string {
	names := make([]string, len(s.wans))
	for i, w := range s.wans {
		names[i] = w.cfg.Name
	}
	return strings.Join(names, ", ")
}

// report is the line of `systemctl status`, as long as the loops run.
func (s *shaper) report(ctx context.Context) (string, bool) {
	parts := make([]string, len(s.wans))
	for i, w := range s.wans {
		st, err := w.loop.Status(ctx)
		if err != nil {
			return "", false
		}
		down, up := st.Decision.Directions[autorate.Download], st.Decision.Directions[autorate.Upload]
		parts[i] = fmt.Sprintf("%s: down %s %s, up %s %s, excess %.0f ms", w.cfg.Name,
			down.Limit.Human(), down.State, up.Limit.Human(), up.State, millis(st.Decision.Excess))
	}
	return strings.Join(parts, "; "), true
}
