// Package steer is the daemon of `wanctl steer`: it puts together configuration,
// router, round-trip times, state, telemetry and the loop of pkg/steerd, and runs
// them. It does not decide when to steer: that is pkg/steering. It does not print:
// assessments go to a Stream.
package steer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

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
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// Options says what to steer, and how.
type Options struct {
	daemon.Options
	Steering    *Config
	Config      config.Options // for reloads
	DryRun      bool           // decide, but leave the rule alone and keep no state
	Assessments daemon.Stream[Assessment]
}

// steerDaemon is a running `wanctl steer`.
type steerDaemon struct {
	*daemon.Daemon
	options Options
	cfg     *Config
	log     *slog.Logger

	// inUse is cfg, or what a reload brought, for the settings of the law.
	inUse atomic.Pointer[config.Steering]

	lock   *state.Lock // nil in a dry run
	memory *memory
	client router.Client
	probes *steersource.Probes
	// alternateProbes measure the alternate WAN while its loop does not run; nil where
	// no way for them is known.
	alternateProbes *steersource.Probes
	lists           *listReader
	loop            *steerd.Loop
	history         *history.History
	moved           chan struct{} // woken by every transition
}

// Run steers until ctx ends or a signal ends it.
func Run(ctx context.Context, o Options) error {
	_, err := run(ctx, o, false)
	return err
}

// Once assesses once, switches the rule if that is due, and returns what was
// found: nil when it failed before, beside an error when the rule cannot be used
// or the round-trip time is not known (ErrNoRTT).
func Once(ctx context.Context, o Options) (*telemetry.SteeringHealth, error) {
	return run(ctx, o, true)
}

func run(ctx context.Context, o Options, once bool) (health *telemetry.SteeringHealth, err error) {
	// A few short wake-ups a second: with one processor to wake they cost half.
	if !o.Set("GOMAXPROCS") {
		runtime.GOMAXPROCS(1)
	}
	cfg := o.Steering
	o.Log.ConsoleOnly, o.Log.Answer = once || o.DryRun, once
	ctx, d := daemon.New(ctx, o.Options)
	s := &steerDaemon{Daemon: d, options: o, cfg: cfg, history: history.New(), moved: make(chan struct{}, 1)}
	s.log = d.Logs.Of(&cfg.Base)
	s.inUse.Store(cfg.Steering)
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.open(); err != nil {
		return nil, err
	}
	if once {
		return s.once(ctx)
	}
	if err := s.build(); err != nil {
		return nil, err
	}
	return nil, s.Run(ctx, daemon.Service{
		Status:  s.doing(),
		Started: []any{"primary", cfg.Primary, "alternate", cfg.Alternate, "rule", cfg.Rule, "dry_run", o.DryRun},
		Reload:  s.reload,
	})
}

func (s *steerDaemon) doing() string { return "steering away from " + s.cfg.Primary }

// open does everything that can fail before the loop runs, in the order in
// which a person wants to know of it: lock, state, router, probes.
func (s *steerDaemon) open() (err error) {
	cfg := s.cfg
	if !s.options.DryRun {
		if s.lock, err = state.Acquire(cfg.LockFile); err != nil {
			return err
		}
		s.OnClose(s.lock.Close)
		s.memory = openMemory(cfg, s.log)
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
	if probes, ok := cfg.alternateProbes(); ok {
		if s.alternateProbes, err = steersource.NewProbes(probes, cfg.PingCount); err != nil {
			return fmt.Errorf("%s: continuous_monitoring.ping_hosts: %w", cfg.alternate.Path, err)
		}
	}
	s.lists = &listReader{client: s.client, list: cfg.ForceOut}
	return nil
}

// loopConfig returns the settings of the loop, without those that only a daemon
// needs.
func (s *steerDaemon) loopConfig() steerd.Config {
	cfg := s.cfg
	c := steerd.Config{
		Law: LawConfig(cfg.Steering), Interval: cfg.Interval, History: cfg.History, DryRun: s.options.DryRun,
		Path: &steersource.Path{
			WAN: cfg.Primary, Loop: daemonsock.New(cfg.socketOf(cfg.primary, cfg.Primary)), Probes: s.probes,
			Min: cfg.Assess.BaselineMin, Max: cfg.Assess.BaselineMax,
		},
		Switch:    steersource.Rule{Router: s.client, Comment: cfg.Rule},
		Alternate: s.neighbour(),
	}
	if cfg.PrimaryState != "" {
		c.Path.(*steersource.Path).File = state.OpenWAN(cfg.PrimaryState)
	}
	if cfg.Mode.CakeAware && cfg.queues() != [2]string{} {
		c.Meter = steersource.Queues{Router: s.client, Names: cfg.queues(), Simple: cfg.simple()}
	}
	if s.memory != nil {
		c.Memory, c.LastTransition = s.memory.law, s.memory.last.LastTransition
	}
	return c
}

// neighbour returns the source of the alternate WAN's condition.
func (s *steerDaemon) neighbour() steersource.Neighbour {
	cfg := s.cfg
	p := steersource.Path{
		WAN: cfg.Alternate, Loop: daemonsock.New(cfg.socketOf(cfg.alternate, cfg.Alternate)), Probes: s.alternateProbes,
		Min: cfg.Assess.BaselineMin, Max: cfg.Assess.BaselineMax,
	}
	if cfg.alternate != nil {
		p.File = state.OpenWAN(cfg.alternate.StateFile)
	}
	return steersource.Neighbour{Path: p}
}

// build assembles the daemon.
func (s *steerDaemon) build() error {
	registry := telemetry.NewRegistry()
	metrics, err := telemetry.New(registry, s.Version)
	if err != nil {
		return err
	}
	cfg := s.loopConfig()
	good, degraded := stateNames(s.cfg.Primary)
	observers := []steerd.Observer{
		s.events(s.history.Feed(s.cfg.Primary)),
		&metricsObserver{metrics: metrics.Steering(s.cfg.Primary, good, degraded), primary: s.cfg.Primary},
		saveTrigger{wake: s.moved},
	}
	if s.options.Assessments != nil {
		p := daemon.NewPrinter(s.Daemon, s.options.Assessments)
		observers = append(observers, printObserver{to: p, wan: s.cfg.Primary})
	}
	watchdog := s.Notifier.NewWatchdogSource()
	cfg.Observers, cfg.Alive = observers, watchdog.Watchdog
	s.loop = steerd.New(cfg)

	s.Loops = append(s.Loops, supervisor.NewTask("steering", nil, s.loop.Run))
	s.Feeds = append(s.Feeds,
		supervisor.NewTask("probes", nil, s.probes.Run),
		supervisor.NewTask("address list", nil, s.lists.run))
	if s.alternateProbes != nil {
		s.Feeds = append(s.Feeds, supervisor.NewTask("probes of the alternate WAN", nil, s.alternateProbes.Run))
	}
	s.Sinks = append(s.Sinks, supervisor.NewTask("history", nil, s.history.Run))
	s.ReportStatus(5*time.Second, s.statusLine)
	if s.memory != nil {
		s.Feeds = append(s.Feeds, supervisor.NewTask("memory", nil, s.saveState))
		s.Sinks = append(s.Sinks, s.memory.saver)
		s.Sinks = append(s.Sinks, daemon.WatchLock("lock", s.lock))
	}
	checker := telemetry.NewSteeringChecker(s.Version, s)
	s.Sinks = append(s.Sinks, s.Socket(s.cfg.Name, s.cfg.Socket(), daemonsock.Handler(checker.Handler(nil), s.history.Since, telemetry.OfWAN(registry, s.cfg.Primary))))
	front := newSteerFront(s.Version, checker, s.history, telemetry.MetricsHandler(registry))
	s.Listen("health", s.cfg.Health, s.Pages(front))
	metricsFront := s.MetricsPages(front)
	if s.cfg.Health.Enabled && s.cfg.Health.Host == s.cfg.Metrics.Host {
		metricsFront = s.Pages(front)
	}
	s.Listen("metrics", s.cfg.Metrics, metricsFront)
	return nil
}

// saveTrigger wakes saveState when the rule has changed.
type saveTrigger struct{ wake chan<- struct{} }

// Observe implements steerd.Observer.
func (s saveTrigger) Observe(e steerd.Event) {
	switch e.(type) {
	case steerd.Transition, steerd.ExternalChange:
	default:
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// saveState submits what the loop knows: every few seconds, at every
// change of the rule, and at the end, when the loop has ended.
func (s *steerDaemon) saveState(ctx context.Context) error {
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
			s.memory.save(record)
		}
		if ended {
			return nil
		}
	}
}

// statusLine returns the line of `systemctl status`; not ok once the loop has ended.
func (s *steerDaemon) statusLine(ctx context.Context) (text string, ok bool) {
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
