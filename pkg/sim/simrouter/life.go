package simrouter

import (
	"errors"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
)

// exchange is one request with its answer, in the terms of a codec. What
// happens to a request is the same for all of them, and carry decides it; how
// that looks on the wire is not.
type exchange interface {
	// run carries out the command and keeps the answer.
	run()

	// replace makes the answer that a fault gives instead of the command's.
	// false: the fault spoils answers, or has no meaning for this codec.
	replace(f Fault) bool

	// spoil changes the finished answer. Kinds that have no meaning for the
	// codec are Garble.
	spoil(f Fault)

	// expire makes the answer to a command that took longer than RequestCap.
	expire()
}

// step is one command of a request, as faults select it.
type step struct {
	command string // "print", "set"
	path    string // "/queue/tree", possibly with more behind it
}

// ticket is what carry needs to know of a request beside its content.
type ticket struct {
	conn  *conn
	fault Fault
	gone  <-chan struct{} // closed when nobody waits for the answer any more

	// worker is held while the router works on the request; nil: it waits for
	// nobody. before is closed when the request before it is out of the way;
	// nil: there is none.
	worker chan struct{}
	before <-chan struct{}
}

// errGone is about a request that is not to be answered.
var errGone = errors.New("nobody waits for the answer")

// begin notes a request and picks the fault that strikes it. Codecs call it in
// the order in which requests arrive.
func (r *Router) begin(c *conn, q Request, steps ...step) Fault {
	q.Service = c.service.kind
	r.mu.Lock()
	defer r.mu.Unlock()
	c.service.counts.Requests++
	if len(r.history) == maxHistory {
		r.history = append(r.history[:0], r.history[maxHistory/2:]...)
	}
	r.history = append(r.history, q)
	return r.takeFault(c.service.kind, steps)
}

// worker is whom requests of a service wait for. REST requests take turns;
// the sessions of the API and of SSH have a worker each.
func (r *Router) worker(kind Service) chan struct{} {
	if kind.policy() == "rest-api" || r.cfg.Quirks.SerialiseAll {
		return r.busy
	}
	return nil
}

// carry takes a request through the router: the wait, the faults, the command.
// After nil the exchange has the answer; after errGone there is none to give.
//
// With a worker, requests pay the latency one after the other. Without one,
// the latency counts from the arrival: it is mostly the way to the router, so
// requests that come together share it, and then run in order.
func (r *Router) carry(t ticket, x exchange) error {
	r.mu.Lock()
	latency := r.latency
	r.mu.Unlock()
	if t.fault.Kind == Slow {
		latency += t.fault.For
	}
	expired := latency > r.cfg.RequestCap
	latency = min(latency, r.cfg.RequestCap)

	if t.worker == nil {
		if err := r.pause(latency, t.gone); err != nil {
			return err
		}
	}
	if err := r.await(t.before, t.gone); err != nil {
		return err
	}
	if !t.fault.Applied {
		if done, err := r.strike(t, x); done || err != nil {
			return err
		}
	}
	if t.worker != nil {
		select {
		case t.worker <- struct{}{}:
		case <-t.gone:
			return errGone
		case <-r.done:
			return errGone
		}
		err := r.pause(latency, t.gone)
		if err == nil && !expired {
			x.run()
		}
		<-t.worker
		if err != nil {
			return err
		}
	} else if !expired {
		x.run()
	}
	if expired {
		x.expire()
		return nil
	}
	if t.fault.Applied {
		if done, err := r.strike(t, x); done || err != nil {
			return err
		}
	}
	x.spoil(t.fault)
	return nil
}

// strike carries out faults that happen instead of an answer.
func (r *Router) strike(t ticket, x exchange) (done bool, err error) {
	switch t.fault.Kind {
	case "", Slow:
		return false, nil
	case Stall:
		return false, r.await(make(chan struct{}), t.gone)
	case Reset:
		t.conn.reset()
		return false, errGone
	}
	return x.replace(t.fault), nil
}

// pause is for how long the router takes.
func (r *Router) pause(d time.Duration, gone <-chan struct{}) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-gone:
	case <-r.done:
	}
	return errGone
}

// await waits for event, or for the end of whoever waits; nil has happened.
func (r *Router) await(event, gone <-chan struct{}) error {
	if event == nil {
		return nil
	}
	select {
	case <-event:
		return nil
	case <-gone:
	case <-r.done:
	}
	return errGone
}

// afterwards does what a command asked for and what must not come before its
// answer: a reboot. Codecs call it when the answer is out.
func (r *Router) afterwards() {
	if r.reboot.CompareAndSwap(true, false) {
		r.Reboot(Reboot{Down: time.Second})
	}
}

// wrongData is the row that WrongData answers with, as routers have been seen
// to do while they start.
func (r *Router) wrongData() map[string]string {
	res, err := r.machine.Run(nil, console.Command{Path: "/system/resource", Name: "print"})
	if err != nil || len(res.Rows) == 0 {
		return map[string]string{}
	}
	return res.Rows[0]
}
