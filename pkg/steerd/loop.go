package steerd

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wanctl/wanctl/pkg/steering"
)

const (
	// maxWakeup is the longest time between two wake-ups, however long the interval:
	// between two steps the rule is maintained and the watchdog is notified.
	maxWakeup = time.Second
	// wakeupsPerStep is how often the loop wakes up between two steps at least, so
	// that inputs are polled shortly before the step; minWakeup limits that.
	wakeupsPerStep = 5
	minWakeup      = 20 * time.Millisecond
	// A reading is stale after staleSteps intervals, but not before minStale.
	staleSteps = 3
	minStale   = 2 * time.Second
	// writeGrace is how long a write in flight may take after the end of ctx.
	writeGrace = 3 * time.Second
	// ruleInterval is the default time between two readings of the rule, which find
	// changes made by others.
	ruleInterval = 10 * time.Second
)

// Config describes a Loop.
type Config struct {
	Law      steering.Config
	Memory   steering.Memory // of the run before, aged
	Interval time.Duration   // between two steps; 0: 500 ms
	History  int             // samples and transitions kept
	DryRun   bool            // decide, but never write
	// RuleEvery is the time between two readings of the rule; 0: 10 s.
	RuleEvery time.Duration
	// LastTransition, if known, is when the rule last changed before the start. It is
	// for display only; the law uses Memory.
	LastTransition time.Time

	Path      Path
	Meter     Meter        // nil: the round-trip time alone decides
	Switch    RuleSwitch   // the rule
	Alternate AlternateWAN // nil: the alternate WAN is not known
	Observers []Observer   // in this order
	// Intent, if set, is called before a change of the rule is sent, with a record that
	// says so: killed before it saves the outcome, the next run finds a change of its
	// own and not one made by hand. It may block; the change waits for it.
	Intent func(context.Context, Record)
	// Alive, if set, is called at least once a second: the watchdog's proof of
	// life.
	Alive func()
}

// Loop steers by one rule. Create it with New, then call Run or Once.
type Loop struct {
	cfg    Config
	law    *steering.Law
	epoch  time.Time     // zero of all times given to the law
	wakeup time.Duration // between two wake-ups
	stale  time.Duration // age of a reading that is no longer known

	// Inputs, each polled in a goroutine of its own.
	path      poller[Reading]
	meter     poller[[2]steering.Counters]
	alternate poller[AlternateReading]

	// State of the loop goroutine.
	rule           rule
	lastStep       Step
	dec            steering.Decision
	decided        bool // dec is based on the current rule and configuration
	stepAt         time.Duration
	overdue        bool // a step waits for the reading in flight
	steps          uint64
	skipped        uint64
	lastError      [parts]string // errors reported last, by errorKey
	transitionAt   time.Time     // wall-clock time of the last transition
	transitionTime time.Duration // the same on the law's clock, or the start
	rtts           ring[time.Duration]
	excess         ring[time.Duration]
	drops          ring[int]
	depths         ring[int]
	transitions    ring[Transition]

	// Channels to and from the other goroutines.
	requests chan request
	results  chan result
	queries  chan query
	configs  chan steering.Config
	ended    chan struct{} // closed when the loop's state changes no more
}

// New returns a Loop that has not started.
func New(cfg Config) *Loop {
	if cfg.Interval <= 0 {
		cfg.Interval = 500 * time.Millisecond
	}
	if cfg.RuleEvery <= 0 {
		cfg.RuleEvery = ruleInterval
	}
	wakeups := max(1, min(wakeupsPerStep, cfg.Interval/minWakeup), (cfg.Interval+maxWakeup-1)/maxWakeup)
	l := &Loop{
		cfg:          cfg,
		law:          steering.New(cfg.Law, cfg.Memory),
		epoch:        time.Now(),
		wakeup:       cfg.Interval / wakeups,
		stale:        max(staleSteps*cfg.Interval, minStale),
		path:         newPoller(cfg.Path.Read, 0),
		transitionAt: cfg.LastTransition,
		rtts:         newRing[time.Duration](cfg.History),
		excess:       newRing[time.Duration](cfg.History),
		drops:        newRing[int](cfg.History),
		depths:       newRing[int](cfg.History),
		transitions:  ring[Transition]{size: cfg.History},
		requests:     make(chan request, 1),
		results:      make(chan result, 1),
		queries:      make(chan query),
		configs:      make(chan steering.Config, 1),
		ended:        make(chan struct{}),
	}
	if !cfg.DryRun {
		l.rule = restoredRule(cfg.Memory)
	}
	switch {
	case len(cfg.Memory.Changes) > 0:
		l.transitionTime = -cfg.Memory.Changes[0]
	case !l.transitionAt.IsZero():
		l.transitionTime = -max(0, time.Since(l.transitionAt))
	}
	var counters func(context.Context) ([2]steering.Counters, error)
	if cfg.Meter != nil {
		counters = cfg.Meter.Counters
	}
	// A slow router must keep most of its time for the rule.
	l.meter = newPoller(counters, 2)
	var condition func(context.Context) (AlternateReading, error)
	if cfg.Alternate != nil {
		condition = func(ctx context.Context) (AlternateReading, error) { return cfg.Alternate.Condition(ctx), nil }
	}
	l.alternate = newPoller(condition, 0)
	return l
}

// now returns the time on the law's clock, which is monotonic.
func (l *Loop) now() time.Duration { return time.Since(l.epoch) }

// Run steers until ctx ends and then returns nil. The rule stays as it is, since a
// restart is no reason to move connections. Run waits for a write in flight, so that
// its outcome is known.
func (l *Loop) Run(ctx context.Context) error {
	defer close(l.ended)
	var group errgroup.Group
	writes, abandon := contextForWrites(ctx)
	defer abandon()
	group.Go(func() error { l.path.run(ctx); return nil })
	group.Go(func() error { l.meter.run(ctx); return nil })
	group.Go(func() error { l.alternate.run(ctx); return nil })
	group.Go(func() error { l.worker(ctx, writes); return nil })
	l.loop(ctx)
	close(l.path.queries)
	close(l.meter.queries)
	close(l.alternate.queries)
	close(l.requests)
	err := group.Wait()
	select {
	case r := <-l.results:
		if r.request.set { // the write that was in flight
			l.handleResult(r)
		}
	default:
	}
	return err
}

// contextForWrites returns a context that ends writeGrace after ctx, so that a silent
// router does not keep the program from ending.
func contextForWrites(ctx context.Context) (context.Context, context.CancelFunc) {
	writes, abandon := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(writeGrace, abandon) })
	return writes, func() { stop(); abandon() }
}

func (l *Loop) loop(ctx context.Context) {
	ticker := time.NewTicker(l.wakeup)
	defer ticker.Stop()
	// The first step does not wait for a whole interval.
	l.stepAt = l.now() + l.wakeup
	l.schedulePolls(l.now())
	l.act()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			l.tick()
		case r := <-l.results:
			l.handleResult(r)
			l.act()
		case a := <-l.path.answers:
			l.path.record(l.now(), l.cfg.Interval, a)
			l.reportFailure(PartPath, l.path.err)
			if l.overdue {
				l.stepIfNew(l.now(), 0)
				l.act()
			}
		case a := <-l.meter.answers:
			if a.err == nil && l.meter.failures > 0 {
				l.rule.retry.Skip() // the router is back: so may be the rule
			}
			l.meter.record(l.now(), l.cfg.Interval, a)
			l.reportFailure(PartCounters, l.meter.err)
		case a := <-l.alternate.answers:
			l.alternate.record(l.now(), l.cfg.Interval, a)
		case a := <-l.queries:
			a.reply <- l.answer(a.all)
		case cfg := <-l.configs:
			l.reconfigure(cfg)
		}
	}
}

// tick handles one wake-up. It does not allocate.
func (l *Loop) tick() {
	now := l.now()
	// Half a wake-up early is in time: the period is rounded down.
	if now+l.wakeup/2 >= l.stepAt {
		late := max(0, now-l.stepAt)
		skipped := late / l.cfg.Interval
		l.skipped += uint64(skipped)
		l.stepAt += (skipped + 1) * l.cfg.Interval
		l.stepIfNew(now, late)
	}
	l.schedulePolls(now)
	l.act()
	if l.cfg.Alive != nil {
		l.cfg.Alive()
	}
}

// schedulePolls polls the inputs of the next step when they are due.
func (l *Loop) schedulePolls(now time.Duration) {
	until := l.stepAt - now
	l.path.schedule(now, until, l.wakeup)
	l.meter.schedule(now, until, l.wakeup)
	l.alternate.schedule(now, until, l.wakeup)
}

// stepIfNew steps the law, unless the newest reading was used before and is not yet
// stale: each sample is used once, as soon as it is there.
func (l *Loop) stepIfNew(now, late time.Duration) {
	l.overdue = !l.path.fresh && l.path.known(now, l.stale)
	if !l.overdue {
		l.step(now, late, l.path.fresh)
	}
}

// step runs the law once, with or without the newest reading of the path.
func (l *Loop) step(now, late time.Duration, sample bool) {
	in := steering.Input{CountersKnown: l.meter.fresh, Queues: l.meter.value}
	if sample {
		in.Baseline, in.RTT = l.path.value.Baseline, l.path.value.RTT
		in.Loss = l.path.value.Loss
		in.RTTKnown = l.path.value.known() && l.path.known(now, l.stale)
		l.path.fresh = false
	}
	if l.alternate.known(now, l.stale) {
		a := l.alternate.value
		in.Alternate, in.AlternateLoss = a.Condition, a.Loss
		in.AlternateExcessKnown, in.AlternateExcess = a.known(), a.RTT-a.Baseline
	}
	in.RuleKnown, in.RuleEnabled, in.RuleChangeable = l.rule.unseen, l.steered(), l.rule.usable
	in.RuleOurs = l.rule.ours
	if l.cfg.DryRun {
		in.RuleKnown, in.RuleChangeable, in.Pretended = l.rule.attempted, l.rule.attempted, true
	}
	l.meter.fresh, l.rule.unseen = false, false
	l.dec, l.decided = l.law.Step(now, in), true
	l.steps++
	if in.RuleChangeable && l.dec.Steer == in.RuleEnabled {
		l.rule.writeDone()
		l.reportFailure(PartRule, l.rule.failure())
	}
	if in.RTTKnown {
		l.rtts.add(in.RTT)
		l.excess.add(in.RTT - in.Baseline)
	}
	if in.CountersKnown {
		l.drops.add(l.dec.Drops)
		l.depths.add(l.dec.Depth)
	}
	l.lastStep = Step{Input: in, Decision: l.dec, Late: late}
	l.observe(&l.lastStep)
}

func (l *Loop) observe(e Event) {
	for _, o := range l.cfg.Observers {
		o.Observe(e)
	}
}

// reconfigure replaces the configuration of the law. Everything else is fixed for the
// life of a Loop.
func (l *Loop) reconfigure(cfg steering.Config) {
	l.cfg.Law = cfg
	l.law.Reconfigure(cfg)
	l.observe(Reconfigured{cfg})
	l.decided = false
}

// Reconfigure passes new settings of the law to the loop; the newest wins.
func (l *Loop) Reconfigure(cfg steering.Config) {
	for {
		select {
		case l.configs <- cfg:
			return
		case <-l.configs:
		}
	}
}

// reportFailure reports an error of p once, and again when it changes.
func (l *Loop) reportFailure(p Part, err error) {
	text := ""
	if err != nil {
		text = errorKey(err.Error())
	}
	if text != l.lastError[p] {
		l.lastError[p] = text
		l.observe(Failure{p, err})
	}
}

// errorKey returns text without digits: ports, ages and counts differ between
// occurrences of the same error.
func errorKey(text string) string {
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if c := text[i]; c < '0' || c > '9' {
			out = append(out, c)
		}
	}
	return string(out)
}
