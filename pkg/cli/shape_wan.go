package cli

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// loopPatience is how long the loop waits for one answer of the router, however
// long commands may. Meanwhile no cut can be written: trying anew is better.
const loopPatience = 3 * time.Second

// shapedWAN is one WAN under control: what `shape` assembles from the adapters,
// ready to run.
type shapedWAN struct {
	cfg   *config.WAN
	log   *slog.Logger
	epoch time.Time

	lock     *state.Lock             // nil in a dry run
	saver    *state.Saver[state.WAN] // nil in a dry run
	limits   router.Client           // the session that limits are read and changed on
	counters router.Client           // the session that is polled; the same where that makes no difference
	probes   *probe.Group            // nil where Prober is something else
	loop     *control.Loop           // set by prepare
	feed     *history.Feed           // of what there is to tell; nil where nobody listens
	dryRun   bool
	switched func(failover.Switch) // told when a session goes another way to the router; may be nil

	learned time.Duration                   // idle RTT that the last run knew, 0: none
	memory  autorate.Memory                 // what else it knew
	start   control.Limits                  // in force on the router when we came
	law     atomic.Pointer[autorate.Config] // in use; a reload replaces it
}

// open does everything that can fail before the loop runs, in the order in
// which a person would want to hear of it: lock, state, probes, router.
func openWAN(a *app.App, cfg *config.WAN, log *slog.Logger, o shapeOptions) (_ *shapedWAN, err error) {
	w := &shapedWAN{cfg: cfg, log: log, epoch: time.Now(), dryRun: o.dryRun}
	defer func() {
		if err != nil {
			_ = w.close() // the first error is the one to tell
		}
	}()
	if !o.dryRun {
		if w.lock, err = state.Acquire(cfg.LockFile); err != nil {
			return nil, err
		}
		w.restore(o.forget)
	}
	if w.probes, err = probe.New(probeConfig(cfg, w.epoch, log)); err != nil {
		return nil, err
	}
	if err = w.dial(); err != nil {
		return nil, err
	}
	return w, nil
}

// dial makes the sessions. A poll must never delay a write, so the counters
// have one of their own; but not over rest, where the router answers one
// request at a time, whatever connections they come on.
func (w *shapedWAN) dial() (err error) {
	open := func(log *slog.Logger) (router.Client, error) {
		return openRouter(&w.cfg.Base, min(w.cfg.Timeouts.Command, loopPatience), log, func(s failover.Switch) {
			if w.switched != nil {
				w.switched(s)
			}
		})
	}
	if w.cfg.Router.Transport == config.REST {
		w.limits, err = open(w.log)
		w.counters = w.limits
		return err
	}
	if w.limits, err = open(w.log.With("session", "limits")); err != nil {
		return err
	}
	w.counters, err = open(w.log.With("session", "counters"))
	return err
}

// restore takes over what the last run learned, as far as it is plausible and
// not to be forgotten.
func (w *shapedWAN) restore(forget bool) {
	file := state.OpenWAN(w.cfg.StateFile)
	w.saver = state.NewSaver(file, w.log)
	loaded, err := file.Load()
	switch {
	case err != nil:
		w.log.Warn("state file cannot be read: starting without it", "error", err)
	case loaded.Lost != nil:
		w.log.Warn("state file was damaged", "error", loaded.Lost, "used", loaded.Path)
	}
	if loaded.Found && !forget {
		w.learned, w.memory = loaded.State.BaselineRTT, recall(loaded.State, time.Now())
	}
}

// adopt makes the law of cfg the one in use. What was learned of the idle RTT
// beats what the file supposes, as long as it is plausible.
func (w *shapedWAN) adopt(cfg *config.WAN) autorate.Config {
	law := lawConfig(cfg)
	if w.learned >= law.BaselineMin && w.learned <= law.BaselineMax && w.learned > 0 {
		law.BaselineInitial = w.learned
	}
	law.Memory = w.memory
	w.law.Store(&law)
	return law
}

func probeConfig(cfg *config.WAN, epoch time.Time, log *slog.Logger) probe.Config {
	f := cfg.Fallback
	return probe.Config{
		Targets: cfg.PingHosts, TCPTargets: f.TCPTargets,
		Interval: cfg.Interval, Timeout: cfg.Timeouts.Ping,
		Source: cfg.PingSource, Interface: cfg.PingInterface,
		Fallback: f.Enabled, CheckGateway: f.CheckGateway, Gateway: f.GatewayIP,
		// With the other modes TCP may tell that the Internet is there, but its
		// times are not to be acted on.
		CheckTCP: f.CheckTCP && f.Mode == config.GracefulDegradation,
		Logger:   log, Epoch: epoch,
	}
}

// queues is the two queues on the router.
func (w *shapedWAN) queues() queuePair {
	return queuePair{
		client: w.limits, meter: beside(w.limits, w.counters, w.log),
		names: [2]string{w.cfg.Queues.Download, w.cfg.Queues.Upload},
		types: [2]string{w.cfg.Queues.DownloadType, w.cfg.Queues.UploadType},
	}
}

// connect reads the limits in force, so that an absent queue or a refused user
// is told before anything runs.
func (w *shapedWAN) connect(ctx context.Context) error {
	var err error
	w.start, err = w.queues().Limits(ctx)
	switch status := app.ExitStatus(err); {
	case err == nil:
		return nil
	case status == app.ExitCheck:
		return fmt.Errorf("%s: %w; check queues.download and queues.upload against 'wanctl router queue get --config %[1]s'", w.cfg.Path, err)
	case status == app.ExitRouter:
		return fmt.Errorf("%s: %w; try 'wanctl router info --config %[1]s'", w.cfg.Path, err)
	}
	return fmt.Errorf("%s: %w", w.cfg.Path, err)
}

// prepare builds the loop.
func (w *shapedWAN) prepare(prober control.Prober, observers control.Observers, alive func()) {
	if w.saver != nil {
		observers = append(observers, &stateFeed{saver: w.saver})
	}
	w.loop = control.New(control.Config{
		Law: w.adopt(w.cfg), Start: w.start, Epoch: w.epoch, DryRun: w.dryRun,
		Prober: prober, Limiter: w.queues(), Meter: w.queues(),
		Observer: observers, Alive: alive, Hold: w.hold(),
	})
}

// hold freezes the limits while ICMP is silent, where the user wants that.
func (w *shapedWAN) hold() func() bool {
	if w.probes == nil || w.cfg.Fallback.Mode != config.Freeze {
		return nil
	}
	return func() bool { return w.probes.Mode() != probe.ModeICMP }
}

func (w *shapedWAN) close() error {
	// A connection that was lost before cannot be closed well, and need not.
	if w.limits != nil {
		_ = w.limits.Close()
	}
	if w.counters != nil && w.counters != w.limits {
		_ = w.counters.Close()
	}
	if w.lock != nil {
		return w.lock.Close()
	}
	return nil
}

// reflectors names what is measured, by rtt.Event.Reflector.
func (w *shapedWAN) reflectors() []string {
	var names []string
	if w.probes != nil {
		for _, t := range w.probes.Status().Targets {
			if !t.Gateway {
				names = append(names, t.Name)
			}
		}
	}
	return names
}

var _ telemetry.Source = (*shapedWAN)(nil)

// Snapshot implements telemetry.Source.
func (w *shapedWAN) Snapshot(ctx context.Context) (telemetry.WANHealth, error) {
	now := time.Now()
	st, err := w.loop.Status(ctx)
	h := telemetry.NewWANHealth(w.cfg.Name, now, st.Decision)
	h.Source, h.DryRun = telemetry.FromLoop, w.dryRun
	if err != nil {
		return h, fmt.Errorf("asking the loop of %s: %w", w.cfg.Name, err)
	}
	law := w.law.Load()
	for _, d := range autorate.Directions {
		h.Direction(d).SetLimits(st.InForce[d], law.Directions[d].Lowest(), law.Directions[d].Ceiling)
	}
	h.ConsecutiveFailures = st.Failures
	h.Router = w.router(now, st)
	h.Probe.LastReplyAgeSeconds = telemetry.Age(now, w.at(st.LastReply))
	if w.probes != nil {
		h.Probe.Mode, h.Probe.Reflectors = w.probes.Status().Mode.String(), len(w.cfg.PingHosts)
	}
	return h, nil
}

// router returns the state of the connections to the router.
func (w *shapedWAN) router(now time.Time, st control.Status) telemetry.RouterHealth {
	h := telemetry.RouterHealth{
		LastAnswerAgeSeconds: telemetry.Age(now, w.at(st.LastRouter)),
		LatencyMs:            telemetry.Milliseconds(st.RouterTook), LastError: oneOf(st.LastError, st.PollError),
	}
	h.Transport, h.Address, h.Failovers = routerInUse(w.cfg.Router, w.limits)
	if w.counters != w.limits {
		_, _, more := routerInUse(w.cfg.Router, w.counters)
		h.Failovers += more
	}
	return h
}

// oneOf is the text of the first error there is.
func oneOf(errs ...error) string {
	for _, err := range errs {
		if err != nil {
			return err.Error()
		}
	}
	return ""
}

// at turns a time of the loop into one of the calendar; zero stays zero.
func (w *shapedWAN) at(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return w.epoch.Add(d)
}

// stateFeed hands the saver a state every second and at every change that
// matters; the saver decides when to write.
type stateFeed struct {
	control.Nobody
	saver  *state.Saver[state.WAN]
	state  state.WAN
	nextAt time.Duration
}

// Stepped implements control.Observer.
func (f *stateFeed) Stepped(in autorate.Input, dec autorate.Decision, _ time.Duration) {
	changed := false
	for _, d := range autorate.Directions {
		changed = f.direction(d).take(dec.Directions[d], in.Applied[d]) || changed
	}
	if dec.Alive > 0 {
		f.state.BaselineRTT, f.state.LoadRTT = dec.Baseline, dec.RTT
	}
	if !changed && dec.At < f.nextAt || f.state.BaselineRTT == 0 {
		return
	}
	f.nextAt = dec.At + time.Second
	f.state.Law = remember(dec)
	f.saver.Submit(f.state)
}

func (f *stateFeed) direction(d autorate.Direction) *streaks {
	if d == autorate.Upload {
		return (*streaks)(&f.state.Upload)
	}
	return (*streaks)(&f.state.Download)
}

// streaks counts steps in a state, as readers of older state files expect.
type streaks state.Direction

func (s *streaks) take(dec autorate.DirectionDecision, applied bitrate.Rate) (changed bool) {
	next := streaks{CurrentRate: dec.Limit, Applied: applied}
	switch dec.State {
	case autorate.Green:
		next.GreenStreak = s.GreenStreak + 1
	case autorate.SoftRed:
		next.SoftRedStreak = s.SoftRedStreak + 1
	case autorate.Red:
		next.RedStreak = s.RedStreak + 1
	case autorate.Yellow:
	}
	changed = next.CurrentRate != s.CurrentRate || next.Applied != s.Applied
	*s = next
	return changed
}

// meter feeds the metrics of one WAN.
type meter struct{ *telemetry.WAN }

// Wrote implements control.Observer.
func (m meter) Wrote(w control.Write) {
	if !w.DryRun {
		m.Written(w.Took, w.Err)
	}
}

// Ticked implements control.Observer.
func (m meter) Ticked(took time.Duration) { m.CycleTook(took) }

// Reconfigured implements control.Observer. Who reloads tells the metrics.
func (m meter) Reconfigured(autorate.Config) {}

var _ control.Observer = meter{}
