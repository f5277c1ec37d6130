package shape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/notify"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/sysd"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
	"github.com/wanctl/wanctl/pkg/units"
)

// WANController is the loop of one WAN with everything that it holds: lock,
// state, probes, sessions, socket, metrics and history.
type WANController struct {
	daemon.Closers // its Close implements daemon.Loop
	process        *daemon.Process
	mode           Mode
	cfg            *config.WAN
	log            *slog.Logger
	epoch          time.Time
	ready          chan struct{}

	tasks    daemon.Tasks
	lock     *state.Lock             // nil in a dry run
	saver    *state.Saver[state.WAN] // nil in a dry run
	queues   *Queues
	probes   *probe.Group
	loop     *control.Loop
	watchdog *sysd.WatchdogSource
	metrics  *telemetry.WAN
	feed     *history.Feed
	writer   *history.Writer // nil in a dry run
	routes   *probeRoutes
	notes    *daemon.Notifications // nil in a dry run

	learned time.Duration                   // idle RTT that the last run knew, 0: none
	memory  autorate.Snapshot               // what else it knew
	start   control.Reading                 // of the queues when we came
	law     atomic.Pointer[autorate.Config] // in use; a reload replaces it
}

var (
	_ daemon.Loop      = (*WANController)(nil)
	_ telemetry.Source = (*WANController)(nil)
)

// NewWANController returns the loop of a WAN, which holds nothing yet.
func NewWANController(p *daemon.Process, cfg *config.WAN, m Mode) *WANController {
	c := &WANController{
		process: p, mode: m, cfg: cfg, ready: make(chan struct{}),
		epoch: m.Routers.Epoch(cfg.Router.Host, cfg.Interval),
	}
	if c.mode.Kept == nil {
		c.mode.Kept = new(daemon.KeptConfig)
	}
	return c
}

// Name implements daemon.Loop.
func (c *WANController) Name() string { return c.cfg.Name }

// Warnings returns what is doubtful whether the loop runs or not.
func (c *WANController) Warnings() []string { return c.mode.Kept.Warnings() }

// Ready implements daemon.Loop.
func (c *WANController) Ready() <-chan struct{} { return c.ready }

// Open implements daemon.Loop. What can fail comes in the order in which a person
// wants to know of it: lock, state, probes, router.
func (c *WANController) Open(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			_ = c.Close() // the first error is the one to report
		}
	}()
	log, release := c.process.Logs.Of(&c.cfg.Base)
	c.log = log
	c.OnClose(func() error { release(); return nil })
	if !c.mode.DryRun {
		if c.lock, err = state.Acquire(c.cfg.LockFile); err != nil {
			return err
		}
		c.OnClose(c.lock.Close)
		if !c.mode.Many {
			if err = daemon.CheckRivals(c.cfg); err != nil {
				return err
			}
		}
		c.restore()
	}
	c.probes, err = probe.New(c.probeConfig())
	switch {
	case errors.Is(err, probe.ErrNotPermitted): // whatever the file says
		return err
	case err != nil:
		return fmt.Errorf("%s: %w", c.cfg.Path, err)
	}
	c.openTelemetry()
	if c.queues, err = OpenQueues(c.cfg, c.mode.Routers, c.log, c.switched); err != nil {
		return err
	}
	c.OnClose(func() error { c.queues.Close(); return nil })
	if err := c.readLimits(ctx); err != nil {
		return err
	}
	c.queues.bypass = newBypassWatch(c.queues.counters, c.queues, c.cfg)
	observers := c.observers()
	if c.mode.Record != "" { // an old recording is kept until the router has answered
		r, err := newRecorder(c.mode.Record, c.traceSetup(), c.start.Limits, c.log)
		if err != nil {
			return err
		}
		c.OnClose(r.close)
		observers = append(observers, r)
	}
	c.mode.Node.Record(daemon.Events{Logger: c.log, Feed: c.feed})
	c.watchdog = c.process.Notifier.NewWatchdogSource()
	c.OnClose(func() error { c.watchdog.Close(); return nil })
	c.loop = control.New(control.Config{
		Law: c.adopt(c.cfg), Start: c.start.Limits, Faults: c.start.Faults, Epoch: c.epoch, DryRun: c.mode.DryRun,
		Prober: c.probes, Limiter: c.queues, Meter: c.queues,
		Observers: observers, Alive: c.watchdog.Watchdog, Hold: c.hold(), Refused: router.IsRefusal,
		SlowProbes: rtt.SlowEvery(probeBytes(c.cfg)), SetSlow: c.probes.SetSlow, ProbeBytesPerDay: probeBytes(c.cfg),
	})
	c.addTasks()
	return nil
}

// openTelemetry takes the series and the history of this WAN.
func (c *WANController) openTelemetry() {
	p := c.process
	c.metrics = p.Metrics.WAN(c.metricsConfig(c.cfg))
	c.OnClose(func() error { p.Metrics.RemoveWAN(c.cfg.Name); return nil })
	p.Past.AddWAN(c.cfg.Name)
	if !c.mode.DryRun && !c.mode.once {
		c.writer = history.NewWriter(c.cfg.HistoryDir(), c.log)
	}
	c.feed = p.Past.Feed(c.cfg.Name, c.writer)
	c.routes = newProbeRoutes(c)
	c.OnClose(func() error { p.Past.RemoveWAN(c.cfg.Name); return nil })
}

func (c *WANController) observers() []control.Observer {
	observers := []control.Observer{
		newHistoryRecorder(c.feed, c.reflectors()), // a second that has ended comes before the events of the next one
		newEventObserver(c.log, c.feed, c.probes, c.cfg.Path, c.queues.describe),
		&metricsObserver{wan: c.metrics, hosts: len(c.operators()), quality: c.probes.Quality}, c.queues.bypass,
	}
	if c.mode.view != nil {
		observers = append(observers, &viewObserver{to: c.mode.view, wan: c.cfg.Name})
	}
	if c.mode.printer != nil {
		observers = append(observers, printObserver{to: c.mode.printer, wan: c.cfg.Name})
	}
	if c.saver != nil {
		observers = append(observers, &stateObserver{saver: c.saver})
	}
	return observers
}

func (c *WANController) addTasks() {
	name, t := c.cfg.Name, &c.tasks
	t.Loops = append(t.Loops, supervisor.NewTask("loop of "+name, nil, c.loop.Run))
	t.Feeds = append(t.Feeds, supervisor.NewTask("probes of "+name, nil, c.probes.Run))
	if c.saver != nil {
		t.Sinks = append(t.Sinks, c.saver, daemon.WatchLock("lock of "+name, c.lock, c.log))
	}
	if c.writer != nil {
		t.Sinks = append(t.Sinks, supervisor.NewTask("history of "+name, nil, c.writer.Run))
	}
	if !c.mode.once {
		t.Feeds = append(t.Feeds, supervisor.NewTask("load of "+name, nil, c.queues.bypass.Run))
		p := c.process
		alone := telemetry.NewChecker(p.Version, c)
		if !c.mode.DryRun {
			c.notes = p.NewNotifications(&c.cfg.Base, c.log, func(ctx context.Context) notify.Status {
				h := alone.Health(ctx).WANs[0]
				s := daemon.WANStatus(&h, c.Warnings())
				s.Takeover = c.mode.Node.Taken
				return s
			})
			t.Sinks = append(t.Sinks, supervisor.NewTask("notifications of "+name, nil, c.notes.Run))
		}
		past := func(since time.Time) history.Window { return p.Past.Of(name, since) }
		t.Sinks = append(t.Sinks, p.Socket(name, c.cfg.Socket(), daemonsock.Handler(alone.Handler(nil), past, p.OfLoop("shape", name))))
	}
}

// Run implements daemon.Loop.
func (c *WANController) Run(ctx context.Context) error {
	return c.tasks.Run(ctx, c.process.Logs.Main(), sync.OnceFunc(func() { close(c.ready) }))
}

// restore takes over what the last run learned, unless that is to be forgotten.
func (c *WANController) restore() {
	file := state.OpenWAN(c.cfg.StateFile)
	c.saver = state.NewSaver(file, c.log)
	if last, found := daemon.Restore(file, c.log); found && !c.mode.Forget {
		c.learned, c.memory = last.BaselineRTT, decodeMemory(last, time.Now())
	}
}

// adopt makes the law of cfg the one in use. What was learned of the idle RTT
// beats what the file supposes, as long as it is plausible.
func (c *WANController) adopt(cfg *config.WAN) autorate.Config {
	law := LawConfig(cfg)
	if c.learned >= law.BaselineMin && c.learned <= law.BaselineMax && c.learned > 0 {
		law.BaselineInitial = c.learned
	}
	law.Restore = c.memory
	c.law.Store(&law)
	c.queues.setBounds(&law)
	return law
}

func (c *WANController) probeConfig() probe.Config {
	p := ProbeConfig(c.cfg, c.log, c.epoch)
	p.OnReplace = c.reflectorReplaced
	p.Sockets = c.mode.Sockets
	return p
}

// ProbeConfig returns how the reflectors of a WAN are probed, with times that count
// from epoch.
func ProbeConfig(cfg *config.WAN, log *slog.Logger, epoch time.Time) probe.Config {
	f := cfg.Fallback
	return probe.Config{
		Targets: cfg.PingHosts, Use: rtt.MaxUsed, TCPTargets: f.TCPTargets,
		Interval: cfg.Interval, Timeout: cfg.Timeouts.Ping,
		Source: cfg.PingSource, Interface: cfg.PingInterface, Mark: cfg.PingMark,
		Fallback: f.Enabled, CheckGateway: f.CheckGateway, Gateway: f.GatewayIP,
		// With the other modes TCP may tell that the Internet is there, but its
		// times are not to be acted on.
		CheckTCP: f.CheckTCP && f.Mode == config.GracefulDegradation,
		Logger:   log, Epoch: epoch, SlowInterval: rtt.SlowEvery(probeBytes(cfg)),
	}
}

// probeBytes returns what probes may carry a day, 0 for any.
func probeBytes(cfg *config.WAN) uint64 { return uint64(cfg.ProbeDataMB) * 1_000_000 }

// hold freezes the limits while ICMP is silent, where the user wants that.
func (c *WANController) hold() func() bool {
	if c.cfg.Fallback.Mode != config.Freeze {
		return nil
	}
	return func() bool { return c.probes.Mode() != probe.ModeICMP }
}

// readLimits restores the limits that a killed measurement has left, and reads those
// in force.
func (c *WANController) readLimits(ctx context.Context) (err error) {
	if !c.mode.DryRun {
		list, err := c.queues.RestoreSaved(ctx, state.OpenJournal(c.cfg.StateFile))
		if err := logRestored(c.log, list, err); err != nil {
			return c.queues.Explain(ctx, c.cfg, err)
		}
	}
	c.start, err = c.queues.Start(ctx, c.cfg)
	return err
}

// switched reports another endpoint of the router. Any goroutine may call it.
func (c *WANController) switched(s failover.Switch) {
	c.metrics.FailedOver()
	daemon.Events{Feed: c.feed}.RecordSwitch(s)
}

// metricsConfig is what the metrics say of the configuration cfg.
func (c *WANController) metricsConfig(cfg *config.WAN) telemetry.WANConfig {
	m := telemetry.WANConfig{Name: c.cfg.Name, Fleet: c.cfg.MetricsDetail == config.FleetMetrics, Reflectors: c.reflectors(), Operators: c.operators()}
	for d, b := range LawConfig(cfg).Directions {
		m.Floor[d], m.Ceiling[d], m.NotControlled[d] = b.Lowest(), b.Ceiling, !b.Controlled()
	}
	return m
}

// Snapshot implements telemetry.Source.
func (c *WANController) Snapshot(ctx context.Context) (telemetry.WANHealth, error) {
	now := time.Now()
	st, err := c.loop.Status(ctx)
	h := telemetry.NewWANHealth(c.cfg.Name, now, st.Decision)
	h.Source, h.DryRun, h.Started = telemetry.FromLoop, c.mode.DryRun, c.epoch
	h.Warnings, h.HA = c.Warnings(), c.mode.Node.HA()
	if err != nil {
		return h, fmt.Errorf("asking the loop of %s: %w", c.cfg.Name, err)
	}
	law := c.law.Load()
	for _, d := range autorate.Directions {
		if h.Direction(d).NotControlled = !law.Directions[d].Controlled(); h.Direction(d).NotControlled {
			continue
		}
		h.Direction(d).Refused = refusal(st.Refused[d])
		if f := st.Faults[d]; f != actuate.NoFault {
			h.Direction(d).QueueFault = f.String()
			h.Faults = append(h.Faults, c.queues.describe(d, f))
		}
		h.Direction(d).SetLimits(st.InForce[d], law.Directions[d].Lowest(), law.Directions[d].Ceiling)
	}
	h.ConsecutiveFailures = st.Failures
	h.Router = c.queues.health()
	h.Router.LastAnswerAgeSeconds = telemetry.Age(now, c.at(st.LastRouter))
	h.Router.LatencyMs = telemetry.Milliseconds(st.RouterTook)
	h.Router.LastError = daemon.FirstError(st.LastError, st.PollError)
	h.Probe.LastReplyAgeSeconds = telemetry.Age(now, c.at(st.LastReply))
	h.Probe.Mode = c.probes.Mode().String()
	h.Probe.SetHosts(c.hosts())
	if len(h.Probe.Hosts) == 0 { // by TCP only
		h.Probe.Reflectors = len(c.reflectors())
	}
	if text := echoLimitWarning(c.probes.EchoLimit()); text != "" {
		h.Warnings = append(h.Warnings, text)
	}
	route := c.routes.current.Load()
	h.Probe.Routes = route.routes
	if route.warning != "" {
		h.Warnings = append(h.Warnings, route.warning)
	}
	return h, nil
}

// at turns a time of the loop into one of the calendar; zero stays zero.
func (c *WANController) at(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return c.epoch.Add(d)
}

// StatusLine is the part of the line of `systemctl status` for this WAN, not ok
// once the loop has ended.
func (c *WANController) StatusLine(ctx context.Context) (text string, ok bool) {
	st, err := c.loop.Status(ctx)
	if err != nil {
		return "", false
	}
	text = c.cfg.Name + ": "
	for d, name := range []string{"down", "up"} {
		if x := st.Decision.Directions[d]; x.State != 0 {
			text += fmt.Sprintf("%s %s %s, ", name, x.Limit.Human(), x.State)
		}
	}
	return text + fmt.Sprintf("excess %.0f ms", units.Millis(st.Decision.Excess)), true
}

// Kept returns the archive of this WAN, without one in a dry run.
func (c *WANController) Kept() history.Kept {
	if c.mode.DryRun || c.mode.once {
		return history.Kept{}
	}
	return history.Kept{WAN: c.cfg.Name, Archive: history.NewArchive(c.cfg.HistoryDir())}
}
