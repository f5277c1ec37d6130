package trace

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// longestGap is the longest stretch without a record that is stepped through.
const longestGap = time.Minute

// Law is what can be replayed: *autorate.Law, or something like it.
type Law interface {
	Step(now time.Duration, in autorate.Input) autorate.Decision
	SetExternally(d autorate.Direction, rate bitrate.Rate)
	Reconfigure(cfg autorate.Config)
}

var _ Law = (*autorate.Law)(nil)

// Replay runs a law over a trace in virtual time. Feed it with Run.
//
// A trace with step records is replayed step by step with the limits that were
// in force, which gives the recorded decisions again as long as the law is the
// same. One without (a probe's output) is stepped every tick, the law's own
// wishes taking effect at once; without counters both directions are taken to
// use their limits fully, since nothing says otherwise.
type Replay struct {
	// New makes the law, given what the trace says of the recorded one, nil
	// where it says nothing, and the limits in force when the trace began.
	New func(setup *Setup, start [2]bitrate.Rate) Law
	// Each is told every decision and what led to it.
	Each func(in autorate.Input, dec autorate.Decision) error
	// Tick is the time between two steps where the trace has none; 0: 50 ms.
	Tick time.Duration
	// Limits in force at the start, where the trace has none.
	Limits [2]bitrate.Rate
	// Reload gives the law the settings that the recorded one was given while
	// it ran. Otherwise it keeps those it was made with.
	Reload bool

	law      Law
	hosts    map[string]uint8
	in       autorate.Input
	counters bool
	steps    bool
	reloads  int
	next     time.Duration
	bytes    [2]float64 // pretended counters
	last     time.Duration
}

// NoCounters reports, after Run, that the trace had no counters.
func (p *Replay) NoCounters() bool { return !p.counters }

// Reloads returns how often the recorded law was given other settings.
func (p *Replay) Reloads() int { return p.reloads }

// Run replays the rest of the trace in r, through several laws at once if need
// be. Errors in the trace name the line; what Each returns is returned as it is.
func Run(r *Reader, replays ...*Replay) error {
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := Take(r.Line(), rec, replays...); err != nil {
			return err
		}
	}
}

// Take replays one record, which came from that line.
func Take(line int, rec Record, replays ...*Replay) error {
	for _, p := range replays {
		if err := p.take(rec); err != nil {
			if bad := (*recordError)(nil); errors.As(err, &bad) {
				return fmt.Errorf("line %d: %w", line, err)
			}
			return err
		}
	}
	return nil
}

// recordError is what is wrong with a record in its place.
type recordError struct{ msg string }

func (e *recordError) Error() string { return e.msg }

func badRecord(format string, args ...any) error {
	return &recordError{fmt.Sprintf(format, args...)}
}

func (p *Replay) take(rec Record) error {
	now := rec.Time()
	if p.law == nil {
		p.begin(rec)
	}
	if rec.Event == Step {
		p.steps = true
		return p.recordedStep(rec)
	}
	if now-p.next > longestGap {
		p.next = now // nothing was measured in between
	}
	for !p.steps && now >= p.next {
		if err := p.ownStep(); err != nil {
			return err
		}
	}
	switch rec.Event {
	case Sent, Reply, Late, Lost, OneWay, Spare:
		return p.event(rec)
	case Counters:
		p.counters = true
		p.in.Readings = append(p.in.Readings, reading(rec))
	case Adopt:
		if rec.DownloadBPS != nil {
			p.law.SetExternally(autorate.Download, bitrate.Rate(*rec.DownloadBPS))
		} else {
			p.law.SetExternally(autorate.Upload, bitrate.Rate(*rec.UploadBPS))
		}
	case Config:
		p.reloads++
		if p.Reload {
			p.law.Reconfigure(rec.Setup.Law.Config())
		}
	}
	return nil
}

func (p *Replay) begin(rec Record) {
	now := rec.Time()
	if p.Tick <= 0 {
		p.Tick = 50 * time.Millisecond
	}
	p.next, p.last, p.steps = now+p.Tick, now, rec.Event == Start
	p.in.Applied = p.Limits
	p.limits(rec)
	p.hosts = map[string]uint8{}
	var setup *Setup
	if rec.Event == Start && rec.Setup != nil {
		setup = rec.Setup
		for _, h := range setup.Hosts {
			if len(p.hosts) < rtt.MaxReflectors {
				p.hosts[h] = uint8(len(p.hosts))
			}
		}
	}
	p.law = p.New(setup, p.in.Applied)
}

func (p *Replay) recordedStep(rec Record) error {
	if rec.Time() < p.last {
		return badRecord("step at %g ms lies before the one at %g ms", rec.TimeMS, toMS(p.last))
	}
	p.last = rec.Time()
	p.limits(rec)
	if rec.WriteLatencyMS != nil {
		p.in.WriteLatency = fromMS(*rec.WriteLatencyMS)
	}
	p.in.Hold, p.in.SlowProbes = rec.Hold, 0
	if rec.SlowProbesMS != nil {
		p.in.SlowProbes = fromMS(*rec.SlowProbesMS)
	}
	return p.step(rec.Time())
}

func (p *Replay) limits(rec Record) {
	if rec.DownloadBPS != nil && rec.UploadBPS != nil {
		p.in.Applied = [2]bitrate.Rate{bitrate.Rate(*rec.DownloadBPS), bitrate.Rate(*rec.UploadBPS)}
	}
}

// ownStep steps a trace that has no steps of its own.
func (p *Replay) ownStep() error {
	now := p.next
	p.next += p.Tick
	if !p.counters {
		var q [2]autorate.Counters
		for d := range q {
			p.bytes[d] += float64(p.in.Applied[d]) / 8 * p.Tick.Seconds()
			q[d].Bytes = uint64(p.bytes[d])
		}
		p.in.Readings = append(p.in.Readings, autorate.Reading{At: now, Queues: q})
	}
	return p.step(now)
}

func (p *Replay) step(now time.Duration) error {
	dec := p.law.Step(now, p.in)
	err := p.Each(p.in, dec)
	p.in.Events, p.in.Readings = p.in.Events[:0], p.in.Readings[:0]
	if !p.steps {
		for d := range p.in.Applied {
			p.in.Applied[d] = dec.Directions[d].Limit
		}
	}
	return err
}

func (p *Replay) event(rec Record) error {
	host, ok := p.hosts[rec.Host]
	if !ok {
		if len(p.hosts) >= rtt.MaxReflectors {
			return badRecord("more than %d hosts", rtt.MaxReflectors)
		}
		host = uint8(len(p.hosts))
		p.hosts[rec.Host] = host
	}
	e := rtt.Event{At: rec.Time(), Reflector: host}
	if rec.Seq != nil {
		e.Seq = *rec.Seq
	}
	switch rec.Event {
	case Sent:
		e.Kind = rtt.Sent
	case Spare:
		e.Kind = rtt.Spare
	case Lost:
		e.Kind = rtt.Lost
	case OneWay:
		e.Kind, e.Up, e.Down = rtt.OneWay, fromMS(*rec.UpMS), fromMS(*rec.DownMS)
	default:
		e.Kind, e.RTT = rtt.Reply, fromMS(*rec.RTTMS)
	}
	p.in.Events = append(p.in.Events, e)
	return nil
}

func reading(rec Record) autorate.Reading {
	val := func(p *uint64) uint64 {
		if p == nil {
			return 0
		}
		return *p
	}
	return autorate.Reading{At: rec.Time(), Queues: [2]autorate.Counters{
		{Bytes: val(rec.DownloadBytes), Dropped: val(rec.DownloadDropped), QueuedBytes: val(rec.DownloadQueued)},
		{Bytes: val(rec.UploadBytes), Dropped: val(rec.UploadDropped), QueuedBytes: val(rec.UploadQueued)},
	}}
}
