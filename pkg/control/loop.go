package control

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	// readBackEvery is how often the limits in force are compared with what
	// the loop believes.
	readBackEvery = 10 * time.Second
	// lastWrite is how long a write in flight may take after the end of ctx.
	lastWrite = 3 * time.Second
	// eventBuffer bounds the probe events taken in per tick.
	eventBuffer = 512
)

// Config describes a Loop.
type Config struct {
	Law      autorate.Config
	Start    Limits    // the limits in force at the start, as just read
	Epoch    time.Time // zero of all times given to the law; shared with the Prober
	DryRun   bool      // decide, but write nothing
	Prober   Prober
	Limiter  Limiter
	Meter    Meter
	Observer Observer
	// Alive, if set, is called by every tick: the watchdog's proof of life.
	Alive func()
	// Hold, if set, tells each tick whether the measurement is unusable.
	Hold func() bool
}

// Loop controls one WAN. Create it with New and let Run do its work.
type Loop struct {
	cfg Config
	law *autorate.Law

	// State of the loop goroutine.
	gate      autorate.Gate
	inForce   Limits // confirmed by the router, or pretended in a dry run
	latency   autorate.Latency
	events    []rtt.Event
	readings  []autorate.Reading
	dec       autorate.Decision
	decided   bool // dec knows the limits in force and the configuration
	writing   bool
	retry     backoff.Backoff // of writes and reads of limits
	readAt    time.Duration   // next read-back
	unsure    bool            // the last call failed: read before writing
	asked     Limits          // of a write whose outcome is unknown
	heldBack  [2]bool         // a raise is waiting for the write budget
	polling   bool            // the poller has not answered yet
	polledAt  time.Duration   // when it was asked last
	pollAt    time.Duration   // when it is to be asked next
	pollTook  time.Duration   // how long its last answer took
	pollRetry backoff.Backoff
	status    Status
	next      time.Duration // when the next tick is due

	// Channels to and from the other goroutines.
	jobs    chan job
	results chan result
	pollNow chan struct{}
	polls   chan poll
	asks    chan chan<- Status
	configs chan autorate.Config
	ended   chan struct{} // closed when the loop's state changes no more
}

// New returns a Loop that has not started.
func New(cfg Config) *Loop {
	if cfg.Observer == nil {
		cfg.Observer = Nobody{}
	}
	if cfg.Law.Tick <= 0 {
		cfg.Law.Tick = 50 * time.Millisecond
	}
	l := &Loop{
		cfg:      cfg,
		law:      autorate.New(cfg.Law, cfg.Start),
		inForce:  cfg.Start,
		events:   make([]rtt.Event, 0, eventBuffer),
		readings: make([]autorate.Reading, 0, 16),
		jobs:     make(chan job, 1),
		results:  make(chan result, 1),
		pollNow:  make(chan struct{}, 1),
		polls:    make(chan poll, 1),
		asks:     make(chan chan<- Status),
		configs:  make(chan autorate.Config, 1),
		ended:    make(chan struct{}),
	}
	l.readAt = l.now() + readBackEvery
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
	// Ticks fall on multiples of the interval since the epoch: each WAN has one
	// of its own, so loops that start together do not all tick together.
	interval := l.cfg.Law.Tick
	first := interval - l.now()%interval
	l.next = l.now() + first
	ticker := time.NewTicker(first)
	defer ticker.Stop()
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
	l.next += l.cfg.Law.Tick

	l.drainEvents()
	in := autorate.Input{
		Events: l.events, Readings: l.readings, Applied: l.inForce,
		WriteLatency: l.latency.P90(),
		Hold:         l.cfg.Hold != nil && l.cfg.Hold(),
	}
	l.dec, l.decided = l.law.Step(now, in), true
	l.cfg.Observer.Stepped(in, l.dec, late)
	l.readings = l.readings[:0]
	l.act()
	l.pollIfDue(now)
	if l.cfg.Alive != nil {
		l.cfg.Alive()
	}
	l.cfg.Observer.Ticked(l.now() - now)
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

// act hands the writer its next job when it has none. Between two ticks that is
// what the last one wanted, unless that has been overtaken.
func (l *Loop) act() {
	now := l.now()
	if l.writing || now < l.retry.Until() || !l.decided {
		return
	}
	if l.unsure || now >= l.readAt {
		l.writing, l.readAt = true, now+readBackEvery
		l.jobs <- job{read: true}
		return
	}
	var want Limits
	for _, d := range autorate.Directions {
		limit := l.dec.Directions[d].Limit
		switch l.gate.Ask(now, d, l.inForce[d], limit) {
		case autorate.Pass:
			want[d] = limit
		case autorate.Wait:
			if !l.heldBack[d] {
				l.heldBack[d] = true
				l.status.HeldBack[d]++
				l.cfg.Observer.HeldBack(d)
			}
			continue
		case autorate.Skip:
			if !l.allowed(d, l.inForce[d]) {
				want[d] = limit
			}
		}
		l.heldBack[d] = false
	}
	if want == (Limits{}) {
		return
	}
	if l.cfg.DryRun {
		l.finished(result{job: job{want: want}, limits: want, dry: true})
		return
	}
	l.writing = true
	l.jobs <- job{want: want}
}

// allowed reports whether a limit in force lies within the configured range.
func (l *Loop) allowed(d autorate.Direction, r bitrate.Rate) bool {
	c := l.cfg.Law.Directions[d]
	return r >= c.Lowest() && r <= c.Ceiling
}

// finished takes in what the writer achieved.
func (l *Loop) finished(r result) {
	now := l.now()
	if !r.dry {
		l.writing = false
	}
	if !r.job.read {
		w := Write{Want: r.job.want, Before: l.inForce, Applied: r.limits, Took: r.took, Err: r.err, DryRun: r.dry}
		l.cfg.Observer.Wrote(w)
	}
	if r.err != nil {
		l.unsure = true
		if !r.job.read {
			l.asked = r.job.want
		}
		l.retry.Fail(now)
		l.status.LastError = r.err
		return
	}
	l.retry.Reset()
	l.status.LastError = nil
	if !r.dry {
		l.status.LastRouter = now
		l.latency.Add(r.took)
	}
	if r.job.read {
		l.compare(r.limits)
		return
	}
	for _, d := range autorate.Directions {
		if r.job.want[d] != 0 {
			l.inForce[d] = r.limits[d]
			l.status.Writes[d]++
		}
	}
}

// compare adopts limits that somebody else has set. What the last decision
// wanted must not be written over them: the law decides anew first.
func (l *Loop) compare(read Limits) {
	asked := l.asked
	l.unsure, l.asked = false, Limits{}
	if l.cfg.DryRun {
		return
	}
	for _, d := range autorate.Directions {
		if read[d] == l.inForce[d] {
			continue
		}
		if asked[d] == 0 || read[d] != asked[d] {
			l.cfg.Observer.Foreign(d, l.inForce[d], read[d])
			l.law.Adopt(d, read[d])
			l.decided = false
		}
		l.inForce[d] = read[d]
	}
}

// reconfigure replaces thresholds, ceilings and floors while running. The
// interval, the reflectors and the router are fixed for the life of a Loop.
func (l *Loop) reconfigure(cfg autorate.Config) {
	cfg.Tick = l.cfg.Law.Tick
	l.cfg.Law = cfg
	l.law.Reconfigure(cfg)
	l.cfg.Observer.Reconfigured(cfg)
	l.decided = false // the last decision may lie outside the new bounds
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
