package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/out"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/serve"
	"github.com/wanctl/wanctl/pkg/sysd"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// onceLasts is how long shape --once looks before it decides.
const onceLasts = 2 * time.Second

// shaper is a running `wanctl shape`.
type shaper struct {
	app      *App
	options  shapeOptions
	quit     func(why error) // ends the run in order
	logs     *logs
	printer  *decisionPrinter // nil where standard output is not for programs
	notifier *sysd.Notifier
	metrics  *telemetry.Metrics
	wans     []*shapedWAN
	stages   [3][]serve.Task // loops, then what feeds them, then what keeps and serves
	closers  []func() error
}

// shape runs the loop of every WAN until ctx ends.
func (a *App) shape(ctx context.Context, wans []*config.WAN, o shapeOptions) (err error) {
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
	ctx, quit := context.WithCancelCause(ctx)
	defer quit(nil)
	s := &shaper{app: a, options: o, quit: quit}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.build(ctx, enabled); err != nil {
		return err
	}
	return s.run(ctx)
}

// build assembles everything. What fails here fails before anything runs.
func (s *shaper) build(ctx context.Context, wans []*config.WAN) error {
	var err error
	s.logs = s.app.openLogs(s.options)
	if s.notifier, err = sysd.New(); err != nil {
		s.logs.main.Warn("systemd", "error", err)
	}
	registry := telemetry.NewRegistry()
	if s.metrics, err = telemetry.New(registry, s.app.Version); err != nil {
		return err
	}
	if s.app.global.output != out.Table && !s.options.once {
		s.printer = newDecisionPrinter(s.app, s.logs, s.quit)
		s.stages[2] = append(s.stages[2], serve.NewTask("output", nil, s.printer.run))
	}
	sources := make([]telemetry.Source, 0, len(wans))
	for _, cfg := range wans {
		w, err := s.addWAN(ctx, cfg)
		if err != nil {
			return err
		}
		sources = append(sources, w)
	}
	if !s.options.once {
		health := telemetry.NewChecker(s.app.Version, sources...)
		s.listen(wans, "health", func(w *config.WAN) config.Endpoint { return w.Health }, health.Handler(nil))
		s.listen(wans, "metrics", func(w *config.WAN) config.Endpoint { return w.Metrics }, telemetry.MetricsHandler(registry))
	}
	return nil
}

func (s *shaper) addWAN(ctx context.Context, cfg *config.WAN) (*shapedWAN, error) {
	log := s.logs.wan(cfg)
	w, err := s.app.openWAN(cfg, log, s.options)
	if err != nil {
		return nil, err
	}
	s.wans = append(s.wans, w)
	s.closers = append(s.closers, w.close)
	metrics := s.metrics.WAN(telemetryConfig(w, cfg))
	w.switched = metrics.FailedOver
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	observers := control.Observers{newDecisionLog(log), meter{metrics}}
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
	s.stages[0] = append(s.stages[0], serve.NewTask("loop of "+cfg.Name, nil, w.loop.Run))
	s.stages[1] = append(s.stages[1], serve.NewTask("probes of "+cfg.Name, nil, w.probes.Run))
	if w.saver != nil {
		s.stages[2] = append(s.stages[2], w.saver, serve.NewTask("lock of "+cfg.Name, nil, w.watchLock))
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

// listen adds one server for each distinct address among the WANs' endpoints.
func (s *shaper) listen(wans []*config.WAN, key string, of func(*config.WAN) config.Endpoint, handler http.Handler) {
	taken := map[string]bool{}
	for _, w := range wans {
		e := of(w)
		addr := net.JoinHostPort(e.Host, strconv.Itoa(e.Port))
		if !e.Enabled || taken[addr] {
			continue
		}
		taken[addr] = true
		setting := key + ".port"
		if key == "health" {
			setting = "health_check.port"
		}
		s.stages[2] = append(s.stages[2], serve.NewHTTPServer(key, addr, setting, handler, s.logs.main))
	}
}

func (s *shaper) run(ctx context.Context) error {
	ctx, reload, stop := serve.Signals(ctx)
	defer stop()
	defer serve.SurviveBrokenPipe()()
	limit, over := s.options.duration, errors.New("--duration is over")
	if s.options.once {
		limit, over = onceLasts, errors.New("--once is done")
	}
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, over)
		defer cancel()
	}
	s.stages[2] = append(s.stages[2],
		serve.OnReload(reload, s.reloadAll),
		serve.NewTask("status", nil, s.report))
	frame := serve.Frame{
		Stages: [][]serve.Task{s.stages[0], s.stages[1], s.stages[2]},
		Log:    s.logs.main,
		OnReady: func() {
			s.logs.main.Info("running", "version", s.app.Version, "wans", s.names(), "dry_run", s.options.dryRun)
			s.say(s.notifier.Ready("shaping " + s.names()))
		},
		OnStop: func(why string) {
			s.logs.main.Info("stopping", "why", why)
			s.say(s.notifier.Stopping(why))
		},
	}
	err := frame.Run(ctx)
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

// say logs what could not be told to systemd.
func (s *shaper) say(err error) {
	if err != nil {
		s.logs.main.Warn("systemd", "error", err)
	}
}

// report keeps the line of `systemctl status` fresh.
func (s *shaper) report(ctx context.Context) error {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for s.notifier.Enabled() {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		var parts []string
		for _, w := range s.wans {
			st, err := w.loop.Status(ctx)
			if err != nil {
				return nil // the loop has ended
			}
			down, up := st.Decision.Directions[autorate.Download], st.Decision.Directions[autorate.Upload]
			parts = append(parts, fmt.Sprintf("%s: down %s %s, up %s %s, excess %.0f ms", w.cfg.Name,
				down.Limit.Human(), down.State, up.Limit.Human(), up.State, millis(st.Decision.Excess)))
		}
		s.notifier.Status(strings.Join(parts, "; "))
	}
	return nil
}

func (s *shaper) close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c())
	}
	if s.logs != nil {
		errs = append(errs, s.logs.close())
	}
	return errors.Join(errs...)
}
