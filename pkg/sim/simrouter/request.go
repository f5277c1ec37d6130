package simrouter

import (
	"errors"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

// transaction is one request with its answer, in the terms of a protocol. What
// happens to a request is the same for all protocols, and process decides it;
// how it looks on the wire differs.
type transaction interface {
	// run carries out the command and keeps the answer.
	run()

	// replace makes the answer that a fault gives instead of the command's;
	// false when the fault corrupts answers, or is unknown to the protocol.
	replace(f Fault) bool

	// corrupt changes the finished answer. Kinds that are unknown to the
	// protocol are Garble.
	corrupt(f Fault)

	// expire makes the answer to a command that took longer than RequestCap.
	expire()
}

// step is one command of a request, as faults select it.
type step struct {
	command string // "print", "set"
	path    string // "/queue/tree", possibly with more behind it
}

// requestCtx is what process needs of a request besides its content.
type requestCtx struct {
	conn      *conn
	fault     Fault
	cancelled <-chan struct{} // closed when the client no longer waits for the answer

	turn     chan struct{}   // held while the router works on the request; nil without turns
	previous <-chan struct{} // closed when the request before this one is answered; nil without one
}

// errCancelled is about a request that must not be answered.
var errCancelled = errors.New("request cancelled")

// record counts a request and picks the fault that applies to it. Protocols
// call it in the order in which requests arrive.
func (r *Router) record(c *conn, q Request, steps ...step) Fault {
	q.Service, q.From = c.service.kind, c.from
	r.mu.Lock()
	defer r.mu.Unlock()
	c.service.counts.Requests++
	if len(r.history) == maxHistory {
		r.history = append(r.history[:0], r.history[maxHistory/2:]...)
	}
	r.history = append(r.history, q)
	if r.cfg.Observe != nil {
		r.cfg.Observe(q)
	}
	return r.nextFault(c.service.kind, steps)
}

// turns serialises requests: those of one user are served one after the other,
// users side by side.
type turns struct {
	mu     sync.Mutex
	byUser map[string]chan struct{}
}

func (t *turns) of(user string) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byUser == nil {
		t.byUser = make(map[string]chan struct{})
	}
	c := t.byUser[user]
	if c == nil {
		c = make(chan struct{}, 1)
		t.byUser[user] = c
	}
	return c
}

// turn returns the channel that serialises the requests of a user of a service.
// REST requests take turns; sessions of the API and of SSH do not.
func (r *Router) turn(kind Service, user string) chan struct{} {
	switch {
	case r.cfg.Quirks.SerialiseAll:
		return r.turns.of("")
	case kind.policy() == "rest-api":
		return r.turns.of(user)
	}
	return nil
}

// process takes a request through the router: the wait, the faults, the
// command. After nil x has the answer; after errCancelled there is none to send.
//
// With turns, requests pay the latency one after the other. Without, the
// latency counts from the arrival: it is mostly the way to the router, so
// requests that arrive together share it, and then run in order.
func (r *Router) process(t requestCtx, x transaction) error {
	r.mu.Lock()
	latency := r.latency
	r.mu.Unlock()
	if t.fault.Kind == Slow {
		latency += t.fault.For
	}
	expired := latency > r.cfg.RequestCap
	latency = min(latency, r.cfg.RequestCap)

	if t.turn == nil {
		if err := r.pause(latency, t.cancelled); err != nil {
			return err
		}
	}
	if err := r.await(t.previous, t.cancelled); err != nil {
		return err
	}
	if !t.fault.Applied {
		if done, err := r.applyFault(t, x); done || err != nil {
			return err
		}
	}
	if t.turn != nil {
		select {
		case t.turn <- struct{}{}:
		case <-t.cancelled:
			return errCancelled
		case <-r.done:
			return errCancelled
		}
		err := r.pause(latency, t.cancelled)
		if err == nil && !expired {
			x.run()
		}
		<-t.turn
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
		if done, err := r.applyFault(t, x); done || err != nil {
			return err
		}
	}
	x.corrupt(t.fault)
	return nil
}

// applyFault carries out faults that happen instead of an answer.
func (r *Router) applyFault(t requestCtx, x transaction) (done bool, err error) {
	switch t.fault.Kind {
	case "", Slow:
		return false, nil
	case Stall:
		return false, r.await(make(chan struct{}), t.cancelled)
	case Reset:
		t.conn.reset()
		return false, errCancelled
	}
	return x.replace(t.fault), nil
}

// pause waits for a duration.
func (r *Router) pause(d time.Duration, cancelled <-chan struct{}) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-cancelled:
	case <-r.done:
	}
	return errCancelled
}

// await waits for event to be closed; nil counts as closed.
func (r *Router) await(event, cancelled <-chan struct{}) error {
	if event == nil {
		return nil
	}
	select {
	case <-event:
		return nil
	case <-cancelled:
	case <-r.done:
	}
	return errCancelled
}

// postReply does what a command asked for and must come after its answer: a
// reboot. Protocols call it when the answer is sent.
func (r *Router) postReply() {
	if r.reboot.CompareAndSwap(true, false) {
		r.Reboot(Reboot{Down: time.Second})
	}
}

// resourceRow returns the row that WrongData answers with, as routers have been
// seen to do while they start.
func (r *Router) resourceRow() map[string]string {
	res, err := r.state.Run(nil, routeros.Command{Path: "/system/resource", Name: "print"})
	if err != nil || len(res.Rows) == 0 {
		return map[string]string{}
	}
	return res.Rows[0]
}
