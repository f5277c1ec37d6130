package steer

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/daemon/steersource"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/notify"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// Controller is the steering loop of one configuration with everything that it
// holds: lock, state, probes, sessions, socket, metrics and history.
type Controller struct {
	daemon.Closers // its Close implements daemon.Loop
	process        *daemon.Process
	mode           Mode
	started        time.Time
	cfg            *Config
	log            *slog.Logger
	ready          chan struct{}

	// inUse is cfg, or what a reload brought, for the settings of the law.
	inUse atomic.Pointer[config.Steering]

	tasks  daemon.Tasks
	lock   *state.Lock // nil in a dry run
	memory *memory     // nil in a dry run
	client router.Client
	probes *steersource.Probes
	// alternateProbes measure the alternate WAN while its loop does not run; nil where
	// no way for them is known.
	alternateProbes *steersource.Probes
	lists           *listReader
	loop            *steerd.Loop
	checker         *telemetry.SteeringChecker
	feed            *history.Feed
	writer          *history.Writer       // nil in a dry run
	moved           chan struct{}         // woken by every transition
	notes           *daemon.Notifications // nil in a dry run
}

var (
	_ daemon.Loop              = (*Controller)(nil)
	_ telemetry.SteeringSource = (*Controller)(nil)
)

// NewController returns the steering loop of a configuration, which holds nothing yet.
func NewController(p *daemon.Process, cfg *Config, m Mode) *Controller {
	c := &Controller{process: p, mode: m, cfg: cfg, started: time.Now(), ready: make(chan struct{}), moved: make(chan struct{}, 1)}
	if c.mode.Kept == nil {
		c.mode.Kept = new(daemon.KeptConfig)
	}
	c.inUse.Store(cfg.Steering)
	c.checker = telemetry.NewSteeringChecker(p.Version, c)
	return c
}

// Name implements daemon.Loop.
func (c *Controller) Name() string { return c.cfg.Name }

// Warnings returns what is doubtful whether the loop runs or not.
func (c *Controller) Warnings() []string { return c.mode.Kept.Warnings() }

// Ready implements daemon.Loop.
func (c *Controller) Ready() <-chan struct{} { return c.ready }

// Open implements daemon.Loop.
func (c *Controller) Open(context.Context) error {
	if err := c.open(); err != nil {
		_ = c.Close() // the first error is the one to report
		return err
	}
	c.build()
	return nil
}

// Run implements daemon.Loop.
func (c *Controller) Run(ctx context.Context) error {
	return c.tasks.Run(ctx, c.process.Logs.Main(), sync.OnceFunc(func() { close(c.ready) }))
}

// open does everything that can fail before the loop runs, in the order in
// which a person wants to know of it: lock, state, router, probes.
func (c *Controller) open() (err error) {
	cfg := c.cfg
	log, release := c.process.Logs.Of(&cfg.Base)
	c.log = log
	c.OnClose(func() error { release(); return nil })
	if !c.mode.DryRun {
		if c.lock, err = state.Acquire(cfg.LockFile); err != nil {
			return err
		}
		c.OnClose(c.lock.Close)
		if !c.mode.Many {
			if err = daemon.CheckRivals(cfg.Steering); err != nil {
				return err
			}
		}
		c.memory = openMemory(cfg, c.log)
		c.writer = history.NewWriter(cfg.HistoryDir(), c.log)
	}
	c.feed = c.process.Past.Feed(cfg.Primary, c.writer)
	c.client, err = c.mode.Routers.Open(&cfg.Base, routerdial.Bounds{Timeout: min(cfg.Timeouts.Command, daemon.RouterTimeout), Answer: daemon.RouterAnswer}, routerdial.Limits, c.log, func(sw failover.Switch) { daemon.Events{Feed: c.feed}.RecordSwitch(sw) })
	if err != nil {
		return err
	}
	c.OnClose(func() error { _ = c.client.Close(); return nil }) // a lost connection cannot be closed well
	if c.probes, err = steersource.NewProbes(cfg.ownProbes(), cfg.PingCount); err != nil {
		return fmt.Errorf("%s: probes: %w", cfg.Path, err)
	}
	if probes, ok := cfg.alternateProbes(); ok {
		if c.alternateProbes, err = steersource.NewProbes(probes, cfg.PingCount); err != nil {
			return fmt.Errorf("%s: probes: %w", cfg.alternate.Path, err)
		}
	}
	c.lists = &listReader{client: c.client, list: cfg.ForceOut}
	return nil
}

// build makes the loop and its tasks.
func (c *Controller) build() {
	p, cfg := c.process, c.loopConfig()
	good, degraded := stateNames(c.cfg.Primary)
	c.OnClose(func() error { p.Metrics.RemoveSteering(c.cfg.Primary); return nil })
	cfg.Observers = []steerd.Observer{
		c.events(c.feed),
		&metricsObserver{metrics: p.Metrics.Steering(c.cfg.Primary, good, degraded), primary: c.cfg.Primary},
		saveTrigger{wake: c.moved},
	}
	if c.mode.printer != nil {
		cfg.Observers = append(cfg.Observers, printObserver{to: c.mode.printer, wan: c.cfg.Primary})
	}
	watchdog := p.Notifier.NewWatchdogSource()
	c.OnClose(func() error { watchdog.Close(); return nil })
	cfg.Alive = watchdog.Watchdog
	c.mode.Node.Record(daemon.Events{Logger: c.log, Feed: c.feed})
	c.loop = steerd.New(cfg)

	t := &c.tasks
	t.Loops = append(t.Loops, supervisor.NewTask("steering", nil, c.loop.Run))
	t.Feeds = append(t.Feeds,
		supervisor.NewTask("probes", nil, c.probes.Run),
		supervisor.NewTask("address list", nil, c.lists.run))
	if c.alternateProbes != nil {
		t.Feeds = append(t.Feeds, supervisor.NewTask("probes of the alternate WAN", nil, c.alternateProbes.Run))
	}
	if c.memory != nil {
		t.Feeds = append(t.Feeds, supervisor.NewTask("memory", nil, c.saveState))
		t.Sinks = append(t.Sinks, c.memory.saver, daemon.WatchLock("lock", c.lock, c.log), supervisor.NewTask("history on disk", nil, c.writer.Run))
	}
	if !c.mode.DryRun {
		c.notes = p.NewNotifications(&c.cfg.Base, c.log, c.notifyStatus)
		c.OnClose(func() error { p.Metrics.RemoveWAN(c.cfg.Name); return nil }) // those of the notifications
		t.Sinks = append(t.Sinks, supervisor.NewTask("notifications", nil, c.notes.Run))
	}
	t.Sinks = append(t.Sinks, p.Socket(c.cfg.Name, c.cfg.Socket(), daemonsock.Handler(
		c.checker.Handler(nil), p.Past.Since, p.OfLoop("steer", c.cfg.Primary))))
}

// loopConfig returns the settings of the loop, without those that only a daemon
// needs.
func (c *Controller) loopConfig() steerd.Config {
	cfg := c.cfg
	l := steerd.Config{
		Law: LawConfig(cfg.Steering), Interval: cfg.Interval, History: cfg.History, DryRun: c.mode.DryRun,
		Path: &steersource.Path{
			WAN: cfg.Primary, Loop: daemonsock.New(cfg.socketOf(cfg.primary, cfg.Primary)), Probes: c.probes,
			Min: cfg.Assess.BaselineMin, Max: cfg.Assess.BaselineMax,
		},
		Switch:    steersource.Rule{Router: c.client, Comment: cfg.Rule},
		Alternate: c.neighbour(),
	}
	if cfg.PrimaryState != "" {
		l.Path.(*steersource.Path).File = state.OpenWAN(cfg.PrimaryState)
	}
	if cfg.Mode.CakeAware && cfg.queues() != [2]string{} {
		l.Meter = steersource.Queues{Router: c.client, Names: cfg.queues(), Simple: cfg.simple()}
	}
	if c.memory != nil {
		l.Memory, l.LastTransition = c.memory.law, c.memory.last.LastTransition
		l.Intent = c.memory.saveIntent
	}
	return l
}

// neighbour returns the source of the alternate WAN's condition.
func (c *Controller) neighbour() steersource.Neighbour {
	cfg := c.cfg
	p := steersource.Path{
		WAN: cfg.Alternate, Loop: daemonsock.New(cfg.socketOf(cfg.alternate, cfg.Alternate)), Probes: c.alternateProbes,
		Min: cfg.Assess.BaselineMin, Max: cfg.Assess.BaselineMax,
	}
	if cfg.alternate != nil {
		p.File = state.OpenWAN(cfg.alternate.StateFile)
	}
	return steersource.Neighbour{Path: p}
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
func (c *Controller) saveState(ctx context.Context) error {
	ticker := time.NewTicker(5 * time.Second)
	defer ticker.Stop()
	for {
		ended := false
		select {
		case <-ctx.Done():
			ended = true
		case <-c.moved:
		case <-ticker.C:
		}
		ask, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		record, err := c.loop.Record(ask)
		cancel()
		if err == nil {
			c.memory.save(record)
		}
		if ended {
			return nil
		}
	}
}

// StatusLine returns the line of `systemctl status`; not ok once the loop has ended.
func (c *Controller) StatusLine(ctx context.Context) (text string, ok bool) {
	st, err := c.loop.Status(ctx)
	if err != nil {
		return "", false
	}
	where := c.cfg.Primary
	if st.Steered {
		where = c.cfg.Alternate
	}
	return fmt.Sprintf("new connections go to %s; %s %v, %v, %.0f ms above idle",
		where, c.cfg.Primary, st.Decision.Congestion, st.Decision.Reason, units.Millis(st.Decision.ExcessEWMA)), true
}

// notifyStatus returns what receivers of notifications read.
func (c *Controller) notifyStatus(ctx context.Context) notify.Status {
	h := c.checker.Health(ctx)
	s := daemon.SteeringStatus(&h, c.Warnings())
	s.Takeover = c.mode.Node.Taken
	return s
}

// Kept returns the archive of this steering, without one in a dry run.
func (c *Controller) Kept() history.Kept {
	if c.mode.DryRun {
		return history.Kept{}
	}
	return history.Kept{WAN: c.cfg.Primary, Steering: true, Archive: history.NewArchive(c.cfg.HistoryDir())}
}
