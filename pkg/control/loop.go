package control

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	// lastWrite is how long a write in flight may take after the end of ctx.
	lastWrite = 3 * time.Second
	// replyMargin is the time after the expected reply at which the loop looks whether
	// it is late: a processor that is taken just then is noticed, too.
	replyMargin = time.Millisecond
	// eventBuffer bounds the probe events taken in per tick.
	eventBuffer = 512
)

// Config describes a Loop.
type Config struct {
	Law       autorate.Config
	Start     Limits           // the limits in force at the start, as just read
	Faults    [2]actuate.Fault // of the queues then
	Epoch     time.Time        // zero of all times given to the law; shared with the Prober
	DryRun    bool             // decide, but write nothing
	Prober    Prober
	Limiter   Limiter
	Meter     Meter
	Observers []Observer // in this order
	// Refused, if set, reports whether the error of a write is an answer that will
	// be the same again: it is not retried for minutes.
	Refused func(error) bool
	// Alive, if set, is called by every tick: the watchdog's proof of life.
	Alive func()
	// SlowProbes is the time between two probes of a reflector on an idle line, which
	// SetSlow, if set, makes the Prober's; 0: probes never slow down.
	SlowProbes time.Duration
	SetSlow    func(slow bool)
	// ProbeBytesPerDay bounds what probes carry; 0: any.
	ProbeBytesPerDay uint64
	// Hold, if set, tells each tick whether the measurement is unusable.
	Hold func() bool
}

// Loop controls one WAN. Create it with New and let Run do its work.
type Loop struct {
	cfg Config
	law *autorate.Law

	// State of the loop goroutine.
	router  *actuate.Actuator
	events  []rtt.Event
	dec     autorate.Decision
	step    Step
	tickEnd TickEnd
	poll    Poll
	status  Status
	next    time.Duration // when the next tick is due
	slow    bool          // probes are

	// A reply that arrives while this process does not run is measured when it runs
	// again. So a timer expires when replies are expected, at replyAt (0: expired):
	// as late as it is, they may be.
	replyTimer *time.Timer
	replyAt    time.Duration
	replyLate  time.Duration // of the last one that expired
	lateness   rtt.Lateness

	// Channels to and from the other goroutines.
	jobs    chan actuate.Job
	results chan call
	pollNow chan struct{}
	polls   chan answer
	asks    chan chan<- Status
	configs chan autorate.Config
	ended   chan struct{} // closed when the loop's state changes no more
}

// New returns a Loop that has not started.
func New(cfg Config) *Loop {
	if cfg.Law.Tick <= 0 {
		cfg.Law.Tick = 50 * time.Millisecond
	}
	l := &Loop{
		cfg:     cfg,
		law:     autorate.New(cfg.Law, cfg.Start),
		events:  make([]rtt.Event, 0, eventBuffer),
		jobs:    make(chan actuate.Job, 1),
		results: make(chan call, 1),
		pollNow: make(chan struct{}, 1),
		polls:   make(chan answer, 1),
		asks:    make(chan chan<- Status),
		configs: make(chan autorate.Config, 1),
		ended:   make(chan struct{}),
	}
	l.router = actuate.New(l.now(), actuate.Config{
		Start: cfg.Start, Faults: cfg.Faults, Tick: cfg.Law.Tick, Bounds: actuate.LawBounds(cfg.Law), DryRun: cfg.DryRun,
		SlowProbes: cfg.SlowProbes, ProbeBytesPerDay: cfg.ProbeBytesPerDay,
	})
	return l
}

// now is the time on the law's clock.
func (l *Loop) now() time.Duration { return time.Since(l.cfg.Epoch) }

// Run controls the WAN until ctx ends, which is a normal end. A write in
// flight then is given its answer first, so that no outcome stays unknown.
func (l *Loop) Run(ctx context.Context) error {
	var group errgroup.Group
	workers, stop := context.WithCancel(ctx)
	group.Go(func() error { l.poller(workers); return nil })
	// The writer outlives ctx by the one write it may be in.
	// That one does not get for ever: a silent router must not keep the
	// program from ending.
	writes, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	group.Go(func() error { l.writer(writes); return nil })
	l.loop(ctx)
	defer time.AfterFunc(lastWrite, abandon).Stop()
	close(l.jobs)
	close(l.pollNow)
	stop()
	err := group.Wait()
	select {
	case r := <-l.results: // of the write that was in flight
		l.finished(r)
	default:
	}
	close(l.ended)
	return err
}

func (l *Loop) loop(ctx context.Context) {
	l.observe(Read{Reading{l.cfg.Start, l.cfg.Faults}})
	// Ticks fall on multiples of the interval since the epoch: each WAN has one
	// of its own, so loops that start together do not all tick together.
	interval := l.cfg.Law.Tick
	first := interval - l.now()%interval
	l.next = l.now() + first
	ticker := time.NewTicker(first)
	defer ticker.Stop()
	l.replyTimer = time.NewTimer(time.Hour)
	defer l.replyTimer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if l.status.Ticks == 0 {
				ticker.Reset(interval)
				l.next = l.now()
			}
			l.tick()
		case <-l.replyTimer.C:
			if l.replyAt > 0 {
				l.replyLate, l.replyAt = l.now()-l.replyAt, 0
			}
		case r := <-l.results:
			l.finished(r)
			l.act()
		case p := <-l.polls:
			l.polled(p)
		case reply := <-l.asks:
			reply <- l.current()
		case cfg := <-l.configs:
			l.reconfigure(cfg)
		}
	}
}

// tick runs the law once. It allocates nothing.
func (l *Loop) tick() {
	now := l.now()
	late := max(0, now-l.next)
	l.status.Ticks++
	if skipped := late / l.cfg.Law.Tick; skipped > 0 {
		l.status.Skipped += uint64(skipped)
		l.next += skipped * l.cfg.Law.Tick
	}
	due := l.next
	l.next += l.cfg.Law.Tick

	l.drainEvents()
	in := l.router.Input()
	l.router.CountProbes(l.events)
	in.Events, in.Hold = l.events, l.cfg.Hold != nil && l.cfg.Hold()
	if l.lateness.Discard(now, l.lateBy(now, late), l.dec.Threshold) {
		l.status.Late++
		in.Hold = true
	}
	l.dec = l.law.Step(now, in)
	l.step = Step{Input: in, Decision: l.dec, Late: late}
	l.observe(&l.step)
	l.router.Decide(l.dec)
	l.setPace(due)
	l.act()
	if l.router.PollDue(now) {
		l.pollNow <- struct{}{}
	}
	if l.cfg.Alive != nil {
		l.cfg.Alive()
	}
	l.tickEnd.Took = l.now() - now
	l.observe(&l.tickEnd)
}

// lateBy returns how late what was measured since the last tick may be: this tick or
// the replies before it were handled late.
func (l *Loop) lateBy(now, late time.Duration) time.Duration {
	if l.replyAt > 0 { // still pending: it is due, or the next probes have left
		l.replyLate = now - l.replyAt
	}
	late = max(late, l.replyLate)
	l.replyLate = 0
	return late
}

// setPace slows the probes down or speeds them up, as the actuator has decided. A slow
// probe is not worth another wake-up for its reply: one that this host handles late is
// looked into at full rate.
func (l *Loop) setPace(due time.Duration) {
	slow := l.router.SlowProbes()
	if slow != l.slow && l.cfg.SetSlow != nil {
		l.cfg.SetSlow(slow)
	}
	if l.slow = slow; !slow {
		l.expectReplies(due)
	}
}

// expectReplies starts the timer for the replies to the probes that left at due.
func (l *Loop) expectReplies(due time.Duration) {
	if l.replyTimer == nil {
		return
	}
	l.replyAt = due + (l.dec.Baseline+replyMargin)%l.cfg.Law.Tick
	l.replyTimer.Reset(max(0, l.replyAt-l.now()))
}

func (l *Loop) observe(e Event) {
	for _, o := range l.cfg.Observers {
		o.Observe(e)
	}
}

func (l *Loop) drainEvents() {
	l.events = l.events[:0]
	for len(l.events) < cap(l.events) {
		select {
		case e, open := <-l.cfg.Prober.Events():
			if !open {
				return
			}
			if e.Kind == rtt.Reply {
				l.status.LastReply = e.At
			}
			l.events = append(l.events, e)
		default:
			return
		}
	}
}

// act starts the next call for limits, if one is due.
func (l *Loop) act() {
	job := l.router.Next(l.now())
	for _, d := range autorate.Directions {
		if job.Deferred[d] {
			l.status.HeldBack[d]++
			l.observe(HeldBack{d})
		}
	}
	switch {
	case job.Op == actuate.None:
	case job.Op == actuate.Write && l.cfg.DryRun:
		l.finished(call{Result: actuate.Result{Job: job, Limits: job.Want}, dry: true})
	default:
		l.jobs <- job
	}
}

// finished takes in the result of a call for limits. A limit that somebody else
// has set is adopted: the law starts anew from it.
func (l *Loop) finished(c call) {
	now, before := l.now(), l.router.InForce()
	c.Failed = c.err != nil
	if c.Job.Op == actuate.Write {
		l.written(&c, before)
	}
	external := l.router.Done(now, c.Result)
	for _, d := range autorate.Directions {
		if l.router.Refused(d) == 0 {
			l.status.Refused[d] = nil
		}
	}
	if c.Failed {
		l.status.LastError = c.err
		return
	}
	l.status.LastError = nil // answered, if with a refusal
	if c.Job.Op == actuate.Read {
		l.observe(Read{Reading{c.Limits, c.Faults}})
	}
	if !c.dry {
		l.status.LastRouter = now
	}
	for _, d := range autorate.Directions {
		if external[d] {
			l.observe(ExternalChange{d, before[d], c.Limits[d]})
			l.law.SetExternally(d, c.Limits[d])
		}
	}
}

// written parts the error of a write into the refusals of a direction, and what
// was not answered, which stays in c.
func (l *Loop) written(c *call, before Limits) {
	w := Write{Want: c.Job.Want, Before: before, Applied: c.Limits, Took: c.Took, DryRun: c.dry}
	var unanswered WriteError
	for d, err := range byDirection(c.err, c.Job.Want) {
		switch {
		case err != nil && l.cfg.Refused != nil && l.cfg.Refused(err):
			w.Refused[d], c.Refused[d] = err, true
			l.status.Refused[d] = err
		case err != nil:
			unanswered[d] = err
		case c.Job.Want[d] != 0:
			l.status.Writes[d]++
		}
	}
	switch {
	case unanswered == WriteError{}:
		c.err = nil
	case w.Refused != [2]error{}:
		c.err = &unanswered
	}
	w.Err, c.Failed = c.err, c.err != nil
	l.observe(w)
}

// reconfigure replaces thresholds, ceilings and floors while running. The
// interval, the reflectors and the router are fixed for the life of a Loop.
func (l *Loop) reconfigure(cfg autorate.Config) {
	cfg.Tick = l.cfg.Law.Tick
	l.cfg.Law = cfg
	l.law.Reconfigure(cfg)
	l.router.SetBounds(actuate.LawBounds(cfg))
	l.observe(Reconfigured{cfg})
}

// Reconfigure hands the loop new law settings; the newest wins.
func (l *Loop) Reconfigure(cfg autorate.Config) {
	for {
		select {
		case l.configs <- cfg:
			return
		case <-l.configs:
		}
	}
}
