package steerd

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wanctl/wanctl/pkg/steering"
)

const (
	// longestBeat is how seldom the loop wakes up, however long the interval: the
	// rule is looked after, and the watchdog kept quiet, between two steps.
	longestBeat = time.Second
	// beatsAStep is how often it wakes up between two steps at least, so that what
	// a step goes by is asked for shortly before it, and shortestBeat the limit
	// to that.
	beatsAStep   = 5
	shortestBeat = 20 * time.Millisecond
	// staleSteps and staleLeast are when a reading is too old to be known.
	staleSteps = 3
	staleLeast = 2 * time.Second
	// lastWrite is how long a write in flight may take after the end of ctx.
	lastWrite = 3 * time.Second
	// ruleEvery is how often the rule is read, so that a change made by somebody
	// else is seen.
	ruleEvery = 10 * time.Second
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
	// LastTransition, if known, is when the rule last changed before the start.
	// Only people are told; the law goes by Memory.
	LastTransition time.Time

	Path      Path
	Meter     Meter     // nil: the round-trip time alone decides
	Switch    Switch    // the rule
	Neighbour Neighbour // nil: nothing is known of the alternate WAN
	Observer  Observer
	// Alive, if set, is called at least once a second: the watchdog's proof of
	// life.
	Alive func()
}

// Loop steers by one rule. Create it with New, and let Run or Once do its work.
type Loop struct {
	cfg   Config
	law   *steering.Law
	epoch time.Time     // zero of all times given to the law
	beat  time.Duration // between two wake-ups
	stale time.Duration // age of a reading that is no longer known

	// What is found out in goroutines of their own.
	path      sense[Reading]
	meter     sense[[2]steering.Counters]
	neighbour sense[steering.Alternate]

	// State of the loop goroutine.
	rule    rule
	dec     steering.Decision
	decided bool // dec knows the rule as it is and the configuration
	stepAt  time.Duration
	overdue bool // a step waits for the reading that is on its way
	steps   uint64
	skipped uint64
	told    [parts]string // troubles
	moved   time.Time     // the last transition, on the calendar
	since   time.Duration // and on the law's clock; else the start
	rtts    ring[time.Duration]
	excess  ring[time.Duration]
	drops   ring[int]
	depths  ring[int]
	moves   ring[Transition]

	// Channels to and from the other goroutines.
	jobs    chan job
	results chan result
	asks    chan ask
	configs chan steering.Config
	ended   chan struct{} // closed when the loop's state changes no more
}

// New returns a Loop that has not started.
func New(cfg Config) *Loop {
	if cfg.Observer == nil {
		cfg.Observer = Nobody{}
	}
	if cfg.Interval <= 0 {
		cfg.Interval = 500 * time.Millisecond
	}
	if cfg.RuleEvery <= 0 {
		cfg.RuleEvery = ruleEvery
	}
	beats := max(1, min(beatsAStep, cfg.Interval/shortestBeat), (cfg.Interval+longestBeat-1)/longestBeat)
	l := &Loop{
		cfg:     cfg,
		law:     steering.New(cfg.Law, cfg.Memory),
		epoch:   time.Now(),
		beat:    cfg.Interval / beats,
		stale:   max(staleSteps*cfg.Interval, staleLeast),
		path:    newSense(cfg.Path.Read, 0),
		moved:   cfg.LastTransition,
		rtts:    newRing[time.Duration](cfg.History),
		excess:  newRing[time.Duration](cfg.History),
		drops:   newRing[int](cfg.History),
		depths:  newRing[int](cfg.History),
		moves:   ring[Transition]{size: cfg.History},
		jobs:    make(chan job, 1),
		results: make(chan result, 1),
		asks:    make(chan ask),
		configs: make(chan steering.Config, 1),
		ended:   make(chan struct{}),
	}
	if !cfg.DryRun {
		l.rule = remembered(cfg.Memory)
	}
	switch {
	case len(cfg.Memory.Changes) > 0:
		l.since = -cfg.Memory.Changes[0]
	case !l.moved.IsZero():
		l.since = -max(0, time.Since(l.moved))
	}
	var counters func(context.Context) ([2]steering.Counters, error)
	if cfg.Meter != nil {
		counters = cfg.Meter.Counters
	}
	// A slow router keeps most of its time for the rule.
	l.meter = newSense(counters, 2)
	var condition func(context.Context) (steering.Alternate, error)
	if cfg.Neighbour != nil {
		condition = func(ctx context.Context) (steering.Alternate, error) { return cfg.Neighbour.Condition(ctx), nil }
	}
	l.neighbour = newSense(condition, 0)
	return l
}

// now is the time on the law's clock. The calendar has no part in it.
func (l *Loop) now() time.Duration { return time.Since(l.epoch) }

// Run steers until ctx ends, which is a normal end. The rule stays as it is: a
// restart is no reason to move connections. A write in flight then is given its
// answer first, so that no outcome stays unknown.
func (l *Loop) Run(ctx context.Context) error {
	defer close(l.ended)
	var group errgroup.Group
	writes, abandon := outlive(ctx)
	defer abandon()
	group.Go(func() error { l.path.run(ctx); return nil })
	group.Go(func() error { l.meter.run(ctx); return nil })
	group.Go(func() error { l.neighbour.run(ctx); return nil })
	group.Go(func() error { l.hand(ctx, writes); return nil })
	l.loop(ctx)
	close(l.path.asks)
	close(l.meter.asks)
	close(l.neighbour.asks)
	close(l.jobs)
	err := group.Wait()
	select {
	case r := <-l.results:
		if r.job.set { // the write that was in flight
			l.finished(r)
		}
	default:
	}
	return err
}

// outlive returns a context for writes, which ends lastWrite after ctx: a
// silent router must not keep the program from ending.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	writes, abandon := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWrite, abandon) })
	return writes, func() { stop(); abandon() }
}

func (l *Loop) loop(ctx context.Context) {
	ticker := time.NewTicker(l.beat)
	defer ticker.Stop()
	// The first step does not wait for a whole interval.
	l.stepAt = l.now() + l.beat
	l.look(l.now())
	l.act()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			l.tick()
		case r := <-l.results:
			l.finished(r)
			l.act()
		case a := <-l.path.answers:
			l.path.take(l.now(), l.cfg.Interval, a)
			l.tell(PartPath, l.path.err)
			if l.overdue {
				l.stepIfNew(l.now(), 0)
				l.act()
			}
		case a := <-l.meter.answers:
			if a.err == nil && l.meter.failures > 0 {
				l.rule.retry.Skip() // the router is back: so may be the rule
			}
			l.meter.take(l.now(), l.cfg.Interval, a)
			l.tell(PartCounters, l.meter.err)
		case a := <-l.neighbour.answers:
			l.neighbour.take(l.now(), l.cfg.Interval, a)
		case a := <-l.asks:
			a.reply <- l.answer(a.all)
		case cfg := <-l.configs:
			l.reconfigure(cfg)
		}
	}
}

// tick is one wake-up. It allocates nothing.
func (l *Loop) tick() {
	now := l.now()
	// Half a beat early is in time: beats are rounded down.
	if now+l.beat/2 >= l.stepAt {
		late := max(0, now-l.stepAt)
		skipped := late / l.cfg.Interval
		l.skipped += uint64(skipped)
		l.stepAt += (skipped + 1) * l.cfg.Interval
		l.stepIfNew(now, late)
	}
	l.look(now)
	l.act()
	if l.cfg.Alive != nil {
		l.cfg.Alive()
	}
}

// look asks for what the next step needs.
func (l *Loop) look(now time.Duration) {
	until := l.stepAt - now
	l.path.ask(now, until, l.beat)
	l.meter.ask(now, until, l.beat)
	l.neighbour.ask(now, until, l.beat)
}

// stepIfNew steps the law, unless a reading that is no longer new, but not yet
// old either, is all there is: a sample is judged once, however long the next
// one takes, and as soon as it is there.
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
		in.RTTKnown = in.Baseline > 0 && in.RTT > 0 && l.path.known(now, l.stale)
		l.path.fresh = false
	}
	if l.neighbour.known(now, l.stale) {
		in.Alternate = l.neighbour.value
	}
	in.RuleKnown, in.RuleEnabled, in.RuleChangeable = l.rule.news, l.steered(), l.rule.sound
	if l.cfg.DryRun {
		in.RuleKnown, in.RuleChangeable = l.rule.tried, l.rule.tried
	}
	l.meter.fresh, l.rule.news = false, false
	l.dec, l.decided = l.law.Step(now, in), true
	l.steps++
	if in.RuleChangeable && l.dec.Steer == in.RuleEnabled {
		l.rule.written()
		l.tell(PartRule, l.rule.trouble())
	}
	if in.RTTKnown {
		l.rtts.add(in.RTT)
		l.excess.add(in.RTT - in.Baseline)
	}
	if in.CountersKnown {
		l.drops.add(l.dec.Drops)
		l.depths.add(l.dec.Depth)
	}
	l.cfg.Observer.Stepped(in, l.dec, late)
}

// reconfigure replaces the settings of the law while running. All else is fixed
// for the life of a Loop.
func (l *Loop) reconfigure(cfg steering.Config) {
	l.cfg.Law = cfg
	l.law.Reconfigure(cfg)
	l.cfg.Observer.Reconfigured(cfg)
	l.decided = false
}

// Reconfigure hands the loop new settings of the law; the newest wins.
func (l *Loop) Reconfigure(cfg steering.Config) {
	for {
		select {
		case l.configs <- cfg:
			return
		case <-l.configs:
		}
	}
}

// tell tells of a trouble once, and again when it becomes another one.
func (l *Loop) tell(p Part, err error) {
	text := ""
	if err != nil {
		text = gist(err.Error())
	}
	if text != l.told[p] {
		l.told[p] = text
		l.cfg.Observer.Trouble(p, err)
	}
}

// gist returns text without digits: ports, ages and counts of the same error
// differ from one time to the next.
func gist(text string) string {
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if c := text[i]; c < '0' || c > '9' {
			out = append(out, c)
		}
	}
	return string(out)
}
