package simrun

import (
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// session runs a controller on a link in virtual time. The actuator decides when
// the router is called, as in the live control loop; the session answers after the
// time that the router takes.
type session struct {
	controller linksim.Controller
	actuator   *actuate.Actuator
	router     simRouter
	link       *linksim.Link
	changed    func(Change)
	wrote      func()
	called     func(time.Duration, actuate.Job) // or nil

	dec      autorate.Decision
	lateness rtt.Lateness
	write    request // of limits: a write or a read
	poll     request
	foreign  int // of the router's, how many have happened
}

// next returns when the next request acts or ends, or a limit is set externally.
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

// advance lets everything happen that is due by now.
func (s *session) advance(now time.Duration) {
	s.router.reboot(now)
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

// step runs the controller once, after the host has been late.
func (s *session) step(now, late time.Duration) {
	in := s.actuator.Input()
	in.Events = s.link.Events()
	s.actuator.CountProbes(in.Events)
	in.Hold = s.lateness.Discard(now, late, s.dec.Threshold)
	s.dec = s.controller.Step(now, in)
	s.actuator.Decide(s.dec)
	s.link.SetSlowProbes(s.actuator.SlowProbes())
	s.act(now)
	if s.actuator.PollDue(now) {
		s.poll = s.issue(now, request{})
	}
}

// act issues the next call for limits, if one is due.
func (s *session) act(now time.Duration) {
	job := s.actuator.Next(now)
	if job.Op == actuate.None {
		return
	}
	s.write = s.issue(now, request{job: job})
	if job.Op == actuate.Write {
		s.wrote()
	}
}

func (s *session) issue(now time.Duration, r request) request {
	if s.called != nil {
		s.called(now, r.job)
	}
	return s.router.issue(now, r)
}

// answered takes in the outcome of a call for limits: what was written comes
// into force with the answer.
func (s *session) answered(now time.Duration) {
	w := &s.write
	r := actuate.Result{Job: w.job, Took: now - w.issued, Failed: w.failed, Refused: w.denied}
	before := s.actuator.InForce()
	for _, d := range autorate.Directions {
		if want := w.job.Want[d]; want != 0 && !w.failed && !w.denied[d] {
			s.link.SetLimit(d, want)
			s.changed(Change{At: now, Direction: d, Limit: want, Before: before[d]})
		}
		r.Limits[d] = s.link.Limit(d)
	}
	adopter, _ := s.controller.(interface {
		SetExternally(autorate.Direction, bitrate.Rate)
	})
	for d, external := range s.actuator.Done(now, r) {
		if external && adopter != nil {
			adopter.SetExternally(autorate.Direction(d), r.Limits[d])
		}
	}
}

func (s *session) polled(now time.Duration) {
	p := &s.poll
	if took := now - p.issued; p.failed {
		s.actuator.PollFailed(now, took)
	} else {
		s.actuator.Polled(now, took, p.counters)
	}
}
