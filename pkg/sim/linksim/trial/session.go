package trial

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// readBackEvery is that of the live control loop, of which this is the image in
// virtual time.
const readBackEvery = 10 * time.Second

// session is a controller at work on a link, through a router that takes its
// time: one write and one poll under way at most, the newest wish is written.
type session struct {
	controller linksim.Controller
	router     management
	link       *linksim.Link
	tick       time.Duration
	changed    func(Change)
	wrote      func()

	gate     autorate.Gate
	dec      autorate.Decision
	decided  bool            // dec knows the limits in force
	inForce  [2]bitrate.Rate // as confirmed
	readings []autorate.Reading
	latency  autorate.Latency

	write  request
	retry  backoff.Backoff
	readAt time.Duration
	unsure bool            // the last call failed
	asked  [2]bitrate.Rate // of a write whose outcome is unknown

	poll      request
	polledAt  time.Duration
	pollAt    time.Duration
	pollTook  time.Duration
	pollRetry backoff.Backoff
	foreign   int // of the router's, how many have happened
}

// next is when something happens next.
func (s *session) next() time.Duration {
	at := never
	for _, r := range []*request{&s.write, &s.poll} {
		switch {
		case r.busy && !r.acted:
			at = min(at, r.acts, r.done)
		case r.busy:
			at = min(at, r.done)
		}
	}
	if s.foreign < len(s.router.Foreign) {
		at = min(at, s.router.Foreign[s.foreign].At)
	}
	return at
}

// happen lets everything happen that is due by now.
func (s *session) happen(now time.Duration) {
	s.router.notice(now)
	for s.foreign < len(s.router.Foreign) && s.router.Foreign[s.foreign].At <= now {
		f := s.router.Foreign[s.foreign]
		s.link.SetLimit(f.Direction, f.Limit)
		s.foreign++
	}
	if p := &s.poll; p.busy {
		if !p.acted && now >= p.acts {
			p.acted, p.counters = true, s.router.counters()
		}
		if now >= p.done {
			p.busy = false
			s.polled(now)
		}
	}
	if w := &s.write; w.busy && now >= w.done {
		w.busy = false
		s.answered(now)
		s.act(now)
	}
}

// step runs the controller once.
func (s *session) step(now time.Duration) {
	s.dec = s.controller.Step(now, autorate.Input{
		Events: s.link.Events(), Readings: s.readings, Applied: s.inForce, WriteLatency: s.latency.P90(),
	})
	s.decided = true
	s.readings = s.readings[:0]
	s.act(now)
	s.pollIfDue(now)
}

// act issues the next write, or read-back, when the last one is done.
func (s *session) act(now time.Duration) {
	if s.write.busy || now < s.retry.Until() || !s.decided {
		return
	}
	if s.unsure || now >= s.readAt {
		s.readAt = now + readBackEvery
		s.write = s.router.issue(now, request{read: true})
		return
	}
	var want [2]bitrate.Rate
	for _, d := range autorate.Directions {
		if limit := s.dec.Directions[d].Limit; s.gate.Ask(now, d, s.inForce[d], limit) == autorate.Pass {
			want[d] = limit
		}
	}
	if want != [2]bitrate.Rate{} {
		s.write = s.router.issue(now, request{want: want})
		s.wrote()
	}
}

// answered takes in the outcome of a write or of reading back.
func (s *session) answered(now time.Duration) {
	w := &s.write
	if w.failed {
		s.unsure = true
		if !w.read {
			s.asked = w.want
		}
		s.retry.Fail(now)
		return
	}
	s.retry.Reset()
	s.latency.Add(now - w.issued)
	for _, d := range autorate.Directions {
		if w.read {
			s.compare(d, s.link.Limit(d))
			continue
		}
		if r := w.want[d]; r != 0 {
			s.link.SetLimit(d, r)
			s.changed(Change{At: now, Direction: d, Limit: r, Before: s.inForce[d]})
			s.inForce[d] = r
		}
	}
	if w.read {
		s.unsure, s.asked = false, [2]bitrate.Rate{}
	}
}

// compare adopts a limit that somebody else has set; the controller decides
// anew before anything is written over it.
func (s *session) compare(d autorate.Direction, read bitrate.Rate) {
	if read == s.inForce[d] {
		return
	}
	s.inForce[d] = read
	if s.asked[d] != 0 && read == s.asked[d] {
		return
	}
	s.decided = false
	if c, ok := s.controller.(interface {
		Adopt(autorate.Direction, bitrate.Rate)
	}); ok {
		c.Adopt(d, read)
	}
}

// pollIfDue asks for counters, more often while a queue stands.
func (s *session) pollIfDue(now time.Duration) {
	urgent := s.dec.Excess > s.dec.Threshold && s.pollRetry.Failures() == 0 && now-s.polledAt >= max(s.tick, 3*s.pollTook)
	if s.poll.busy || now < s.pollAt && !urgent {
		return
	}
	s.polledAt = now
	s.poll = s.router.issue(now, request{})
}

func (s *session) polled(now time.Duration) {
	p := &s.poll
	s.pollTook = now - p.issued
	if p.failed {
		s.pollAt = now + s.pollRetry.Fail(now)
		return
	}
	s.pollRetry.Reset()
	every := autorate.PollBase
	if s.dec.Quiet() {
		every = autorate.PollQuiet
	}
	s.pollAt = max(s.polledAt+every, now+2*s.pollTook) - s.tick/2
	s.readings = append(s.readings, autorate.Reading{At: now - s.pollTook/2, Queues: p.counters})
}
