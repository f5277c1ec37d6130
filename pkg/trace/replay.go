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

// Stepper is the law, or something like it.
type Stepper interface {
	Step(now time.Duration, in autorate.Input) autorate.Decision
}

// Replay runs law over the trace in r, in virtual time, and hands every
// decision to each.
//
// A trace with step records is replayed step by step with the limits that were
// in force, which gives the recorded decisions again as long as the law is the
// same. One without (a probe's output) is stepped every tick, the law's own
// wishes taking effect at once; without counters both directions are taken to
// use their limits fully, since nothing says otherwise.
type Replay struct {
	// New makes the law, given the limits in force when the trace began.
	New  func(start [2]bitrate.Rate) Stepper
	Tick time.Duration
	// Limits in force at the start, where the trace has none.
	Limits [2]bitrate.Rate

	law      Stepper
	hosts    map[string]uint8
	in       autorate.Input
	counters bool
	steps    bool
	next     time.Duration
	bytes    [2]float64 // pretended counters
	begun    bool
	last     time.Duration
}

// NoCounters reports, after Run, that the trace had no counters.
func (p *Replay) NoCounters() bool { return !p.counters }

// Hosts returns how many reflectors the trace had.
func (p *Replay) Hosts() int { return len(p.hosts) }

// Run replays the whole trace.
func (p *Replay) Run(r *Reader, each func(autorate.Decision) error) error {
	p.hosts = map[string]uint8{}
	p.in.Applied = p.Limits
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.take(rec, each); err != nil {
			return err
		}
	}
}

func (p *Replay) take(rec Record, each func(autorate.Decision) error) error {
	now := rec.Time()
	if !p.begun {
		p.begun, p.next, p.last = true, now+p.Tick, now
		p.limits(rec)
		p.law = p.New(p.in.Applied)
	}
	if rec.Event == Step {
		p.steps = true
		return p.recordedStep(rec, each)
	}
	if now-p.next > longestGap {
		p.next = now // nothing was measured in between
	}
	for !p.steps && now >= p.next {
		if err := p.ownStep(each); err != nil {
			return err
		}
	}
	switch rec.Event {
	case Sent, Reply, Late, Lost:
		return p.event(rec)
	case Start:
		p.steps = true
	case Counters:
		p.counters = true
		p.in.Readings = append(p.in.Readings, reading(rec))
	}
	return nil
}

func (p *Replay) recordedStep(rec Record, each func(autorate.Decision) error) error {
	if rec.Time() < p.last {
		return fmt.Errorf("step at %g ms lies before the one at %g ms", rec.TimeMS, toMS(p.last))
	}
	p.last = rec.Time()
	p.limits(rec)
	if rec.WriteLatencyMS != nil {
		p.in.WriteLatency = fromMS(*rec.WriteLatencyMS)
	}
	p.in.Hold = rec.Hold
	return p.step(rec.Time(), each)
}

func (p *Replay) limits(rec Record) {
	if rec.DownloadBPS != nil && rec.UploadBPS != nil {
		p.in.Applied = [2]bitrate.Rate{bitrate.Rate(*rec.DownloadBPS), bitrate.Rate(*rec.UploadBPS)}
	}
}

// ownStep steps a trace that has no steps of its own.
func (p *Replay) ownStep(each func(autorate.Decision) error) error {
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
	var wish [2]bitrate.Rate
	err := p.step(now, func(d autorate.Decision) error {
		for i := range wish {
			wish[i] = d.Directions[i].Limit
		}
		return each(d)
	})
	p.in.Applied = wish
	return err
}

func (p *Replay) step(now time.Duration, each func(autorate.Decision) error) error {
	dec := p.law.Step(now, p.in)
	p.in.Events, p.in.Readings = p.in.Events[:0], p.in.Readings[:0]
	return each(dec)
}

func (p *Replay) event(rec Record) error {
	host, ok := p.hosts[rec.Host]
	if !ok {
		if len(p.hosts) >= rtt.MaxReflectors {
			return fmt.Errorf("more than %d hosts", rtt.MaxReflectors)
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
	case Lost:
		e.Kind = rtt.Lost
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

// Begin writes the first line of a recording.
func Begin(enc Encoder, at time.Duration, inForce [2]bitrate.Rate) error {
	down, up := int64(inForce[autorate.Download]), int64(inForce[autorate.Upload])
	return enc.Encode(Record{TimeMS: toMS(at), Event: Start, DownloadBPS: &down, UploadBPS: &up})
}

// Write records one step of a loop: what it saw, then the step itself. hosts
// names the reflectors by index.
func Write(enc Encoder, hosts []string, in autorate.Input, at time.Duration) error {
	for _, e := range in.Events {
		rec := Record{TimeMS: toMS(e.At), Event: e.Kind.String(), Host: host(hosts, e.Reflector), Seq: &e.Seq}
		if e.Kind == rtt.Reply {
			ms := toMS(e.RTT)
			rec.RTTMS = &ms
		}
		if err := enc.Encode(rec); err != nil {
			return err
		}
	}
	for _, r := range in.Readings {
		d, u := &r.Queues[autorate.Download], &r.Queues[autorate.Upload]
		if err := enc.Encode(Record{
			TimeMS: toMS(r.At), Event: Counters,
			DownloadBytes: &d.Bytes, DownloadDropped: &d.Dropped, DownloadQueued: &d.QueuedBytes,
			UploadBytes: &u.Bytes, UploadDropped: &u.Dropped, UploadQueued: &u.QueuedBytes,
		}); err != nil {
			return err
		}
	}
	down, up, lat := int64(in.Applied[autorate.Download]), int64(in.Applied[autorate.Upload]), toMS(in.WriteLatency)
	return enc.Encode(Record{TimeMS: toMS(at), Event: Step, DownloadBPS: &down, UploadBPS: &up, WriteLatencyMS: &lat, Hold: in.Hold})
}

func host(hosts []string, i uint8) string {
	if int(i) < len(hosts) && hosts[i] != "" {
		return hosts[i]
	}
	return fmt.Sprintf("reflector-%d", i)
}
