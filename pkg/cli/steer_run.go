package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/daemon/steersource"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/telemetry/local"
	"github.com/wanctl/wanctl/pkg/units"
)

// steerer is a running `wanctl steer`.
type steerer struct {
	*daemon.Daemon
	app     *app.App
	options steerOptions
	cfg     *steeringConfig
	log     *slog.Logger

	// judging is cfg, or what a reload brought, as far as the law goes by it.
	judging atomic.Pointer[config.Steering]

	lock    *state.Lock // nil in a dry run
	memory  *steeringMemory
	client  router.Client
	probes  *steersource.Probes
	lists   *listReader
	loop    *steerd.Loop
	history *history.History
	moved   chan struct{} // woken by every transition
}

func runSteering(ctx context.Context, a *app.App, cfg *steeringConfig, o steerOptions) (err error) {
	// A few short wake-ups a second: with one processor to wake they cost half.
	if _, chosen := a.LookupEnv("GOMAXPROCS"); !chosen {
		runtime.GOMAXPROCS(1)
	}
	opts := a.DaemonOptions()
	opts.Log.ConsoleOnly, opts.Log.Answer = o.once || o.dryRun, o.once
	ctx, d := daemon.New(ctx, opts)
	s := &steerer{Daemon: d, app: a, options: o, cfg: cfg, history: history.New(), moved: make(chan struct{}, 1)}
	s.log = d.Logs.Of(&cfg.Base)
	s.judging.Store(cfg.Steering)
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.open(); err != nil {
		return err
	}
	if o.once {
		return s.once(ctx)
	}
	if err := s.build(); err != nil {
		return err
	}
	return s.Run(ctx, daemon.Service{
		Status:  s.doing(),
		Started: []any{"primary", cfg.Primary, "alternate", cfg.Alternate, "rule", cfg.Rule, "dry_run", o.dryRun},
		Reload:  s.reload,
	})
}

func (s *steerer) doing() string { return "steering away from " + s.cfg.Primary }

// open does everything that can fail before the loop runs, in the order in
// which a person would want to hear of it: lock, state, router, probes.
func (s *steerer) open() (err error) {
	cfg := s.cfg
	if !s.options.dryRun {
		if s.lock, err = state.Acquire(cfg.LockFile); err != nil {
			return err
		}
		s.OnClose(s.lock.Close)
		s.memory = openSteeringMemory(cfg, s.log)
	}
	feed := s.history.Feed(cfg.Primary)
	s.client, err = routerdial.Open(&cfg.Base, min(cfg.Timeouts.Command, daemon.RouterTimeout), s.log, func(sw failover.Switch) { daemon.Events{Feed: feed}.RecordSwitch(sw) })
	if err != nil {
		return err
	}
	s.OnClose(func() error { _ = s.client.Close(); return nil }) // a lost connection cannot be closed well
	if s.probes, err = steersource.NewProbes(cfg.ownProbes(), cfg.PingCount); err != nil {
		return fmt.Errorf("%s: measurement.ping_host: %w", cfg.Path, err)
	}
	s.lists = &listReader{client: s.client, list: cfg.ForceOut}
	return nil
}

// loopConfig is the loop without what only a daemon has.
func (s *steerer) loopConfig() steerd.Config {
	cfg := s.cfg
	c := steerd.Config{
		Law: steeringLaw(cfg.Steering), Interval: cfg.Interval, History: cfg.History, DryRun: s.options.dryRun,
		Path: &steersource.Path{
			WAN: cfg.Primary, Loop: local.New(cfg.socketOf(cfg.primary, cfg.Primary)), Probes: s.probes,
			Min: cfg.Assess.BaselineMin, Max: cfg.Assess.BaselineMax,
		},
		Switch:    steersource.Rule{Router: s.client, Comment: cfg.Rule},
		Alternate: steersource.Neighbour{WAN: cfg.Alternate, Loop: local.New(cfg.socketOf(cfg.alternate, cfg.Alternate))},
	}
	if cfg.PrimaryState != "" {
		c.Path.(*steersource.Path).File = state.OpenWAN(cfg.PrimaryState)
	}
	if cfg.Mode.CakeAware && cfg.PrimaryDownload != "" && cfg.PrimaryUpload != "" {
		c.Meter = steersource.Queues{Router: s.client, Names: [2]string{cfg.PrimaryDownload, cfg.PrimaryUpload}}
	}
	if s.memory != nil {
		c.Memory, c.LastTransition = s.memory.law, s.memory.last.LastTransition
	}
	return c
}

// build assembles the daemon.
func (s *steerer) build() error {
	registry := telemetry.NewRegistry()
	metrics, err := telemetry.New(registry, s.Version)
	if err != nil {
		return err
	}
	cfg := s.loopConfig()
	good, degraded := steeringStates(s.cfg.Primary)
	observers := []steerd.Observer{
		s.events(s.history.Feed(s.cfg.Primary)),
		&steeringMetrics{metrics: metrics.Steering(s.cfg.Primary, good, degraded), primary: s.cfg.Primary},
		saveTrigger{wake: s.moved},
	}
	if s.app.Global.Output != output.Table {
		p := daemon.NewPrinter(s.Daemon, output.NewStream(s.app.Out, s.app.Global.Output, steeringColumns, printSteering))
		observers = append(observers, steeringFeed{to: p, wan: s.cfg.Primary})
	}
	watchdog := s.Notifier.NewWatchdogSource()
	cfg.Observers, cfg.Alive = observers, watchdog.Watchdog
	s.loop = steerd.New(cfg)

	s.Loops = append(s.Loops, supervisor.NewTask("steering", nil, s.loop.Run))
	s.Feeds = append(s.Feeds,
		supervisor.NewTask("probes", nil, s.probes.Run),
		supervisor.NewTask("address list", nil, s.lists.run))
	s.Sinks = append(s.Sinks, supervisor.NewTask("history", nil, s.history.Run))
	s.ReportStatus(5*time.Second, s.report)
	if s.memory != nil {
		s.Feeds = append(s.Feeds, supervisor.NewTask("memory", nil, s.remember))
		s.Sinks = append(s.Sinks, s.memory.saver)
		s.Sinks = append(s.Sinks, daemon.WatchLock("lock", s.lock))
	}
	checker := telemetry.NewSteeringChecker(s.Version, s)
	s.Sinks = append(s.Sinks, s.Socket(s.cfg.Name, s.cfg.Socket(), local.Handler(checker.Handler(nil), s.history.Since, telemetry.OfWAN(registry, s.cfg.Primary))))
	front := newSteerFront(s.Version, checker, s.history, telemetry.MetricsHandler(registry))
	s.Listen("health", s.cfg.Health, s.Pages(front))
	metricsFront := s.MetricsPages(front)
	if s.cfg.Health.Enabled && s.cfg.Health.Host == s.cfg.Metrics.Host {
		metricsFront = s.Pages(front)
	}
	s.Listen("metrics", s.cfg.Metrics, metricsFront)
	return nil
}

// saveTrigger has the state saved when the rule has changed.
type saveTrigger struct{ wake chan<- struct{} }

// Observe implements steerd.Observer.
func (s saveTrigger) Observe(e steerd.Event) {
	if _, moved := e.(steerd.Transition); !moved {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// remember hands the saver what the loop knows: every few seconds, at every
// change of the rule, and at the end, when the loop has ended.
func (s *steerer) remember(ctx context.Context) error {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for {
		ended := false
		select {
		case <-ctx.Done():
			ended = true
		case <-s.moved:
		case <-ticker.C:
		}
		ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		record, err := s.loop.Record(ask)
		cancel()
		if err == nil {
			s.memory.take(record)
		}
		if ended {
			return nil
		}
	}
}

// report is the line of `systemctl status`; not ok once the loop has ended.
func (s *steerer) report(ctx context.Context) (text string, ok bool) {
	st, err := s.loop.Status(ctx)
	if err != nil {
		return "", false
	}
	where := s.cfg.Primary
	if st.Steered {
		where = s.cfg.Alternate
	}
	return fmt.Sprintf("new connections go to %s; %s %v, %v, %.0f ms above idle",
		where, s.cfg.Primary, st.Decision.Congestion, st.Decision.Reason, units.Millis(st.Decision.ExcessEWMA)), true
}
