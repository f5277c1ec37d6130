package routertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// shortTimeout bounds calls to a router that does not answer. No call that is
// expected to succeed may depend on it.
const shortTimeout = 100 * time.Millisecond

// stalled returns the error of a call whose request is never answered, after a
// deadline. A machine that is too busy to send the request before the deadline
// is given a later one: the outcome of what was never sent is known.
func (f *fixture) stalled(command string, call func(context.Context) error) error {
	f.Helper()
	for limit := shortTimeout; limit < time.Minute; limit *= 4 {
		f.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Command: command, Times: 1})
		ctx, cancel := context.WithTimeout(f.ctx(), limit)
		err := call(ctx)
		cancel()
		if f.r.Faults() == 0 || errors.Is(err, router.ErrOutcomeUnknown) {
			return err
		}
		f.r.ClearFaults()
	}
	f.Fatal("the request did not arrive")
	return nil
}

// secret is a password that must not appear in any error.
const secret = "hunter2-§-secret"

// clock is a wall clock that a test can advance.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

var failing = []test{
	{name: "port closed, then open", run: func(f *fixture) {
		f.warm()
		f.r.Refuse()
		f.r.DropConnections()
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrUnreachable)
		if err != nil && !strings.Contains(err.Error(), f.r.Addr()) {
			f.Errorf("error does not name %s: %v", f.r.Addr(), err)
		}
		if err := f.r.Listen(); err != nil {
			f.Fatal(err)
		}
		if _, err := f.c.Queue(f.ctx(), Download); err != nil {
			f.Errorf("after the router came back: %v", err)
		}
	}},
	{name: "router accepts and does not answer", run: func(f *fixture) {
		f.r.Silence(true)
		ctx, cancel := context.WithTimeout(f.ctx(), shortTimeout)
		defer cancel()
		_, err := f.c.Queue(ctx, Download)
		if !errors.Is(err, router.ErrUnreachable) && !errors.Is(err, router.ErrOutcomeUnknown) {
			f.Errorf("error is %v", err)
		}
		f.wantError(err, context.DeadlineExceeded)
		f.r.Silence(false)
		if _, err := f.c.Queue(f.ctx(), Download); err != nil {
			f.Errorf("after the router spoke again: %v", err)
		}
	}},
	{name: "client's own timeout", options: options{timeout: time.Second}, run: func(f *fixture) {
		f.r.Inject(simrouter.Fault{Kind: simrouter.Stall})
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, context.DeadlineExceeded)
	}},
	{name: "caller's deadline is earlier", run: func(f *fixture) {
		f.warm()
		err := f.stalled("", func(ctx context.Context) error {
			_, err := f.c.Queue(ctx, Download)
			return err
		})
		f.wantError(err, context.DeadlineExceeded)
		f.wantError(err, router.ErrOutcomeUnknown)
	}},
	{name: "caller cancels", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Times: 1})
		ctx, cancel := context.WithCancel(f.ctx())
		defer cancel()
		before := f.r.Requests()
		go func() {
			f.eventually(func() bool { return f.r.Requests() > before })
			cancel()
		}()
		_, err := f.c.Queue(ctx, Download)
		f.wantError(err, context.Canceled)
		f.wantError(err, router.ErrOutcomeUnknown)
		if _, err := f.c.Queue(f.ctx(), Download); err != nil {
			f.Errorf("after the cancelled call: %v", err)
		}
	}},
	{name: "waiting for another call ends by the deadline", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Times: 1})
		first, cancelFirst := context.WithCancel(f.ctx())
		before := f.r.Requests()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = f.c.Queue(first, Download) })
		defer wg.Wait()
		defer cancelFirst()
		f.eventually(func() bool { return f.r.Requests() > before })
		ctx, cancel := context.WithTimeout(f.ctx(), shortTimeout)
		defer cancel()
		_, err := f.c.Queue(ctx, Download)
		f.wantError(err, context.DeadlineExceeded)
		if n := f.r.Requests() - before; n != 1 {
			f.Errorf("%d requests, want only the first", n)
		}
	}},
	{name: "pooled connection was closed", run: func(f *fixture) {
		f.warm()
		f.r.DropConnections()
		if _, err := f.c.Queue(f.ctx(), Download); err != nil {
			f.Error(err)
		}
	}},
	{name: "connection reset in the middle of a read", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Times: 1})
		if _, err := f.c.Queue(f.ctx(), Download); err != nil {
			f.Error(err)
		}
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset})
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrOutcomeUnknown)
	}},
	{name: "wrong password", options: options{password: secret}, run: func(f *fixture) {
		_, err := f.c.Info(f.ctx())
		f.wantError(err, router.ErrAuth)
		if err != nil && !strings.Contains(err.Error(), "password") {
			f.Errorf("error does not say what to check: %v", err)
		}
	}},
	{name: "refused credentials are not tried again at once", options: options{password: secret}, run: func(f *fixture) {
		_, err := f.c.Info(f.ctx())
		f.wantError(err, router.ErrAuth)
		if err := f.r.Run(`/user set admin password="` + secret + `"`); err != nil {
			f.Fatal(err)
		}
		before := f.r.Counts()
		for range 10 {
			_, err := f.setQueue(f.ctx(), Download, limit(bitrate.Mbps))
			f.wantError(err, router.ErrAuth)
		}
		if c := f.r.Counts(); c.Requests != before.Requests || c.Connections != before.Connections {
			f.Errorf("router was asked again: %+v, before %+v", c, before)
		}
		f.clock.advance(61 * time.Second)
		if _, err := f.c.Info(f.ctx()); err != nil {
			f.Errorf("a minute later, with the password right: %v", err)
		}
	}},
	{name: "host that the service does not admit", run: func(f *fixture) {
		f.warm()
		setting := " address"
		if f.r.State().Version().AtLeast(7, 24) {
			setting = " available-from"
		}
		f.run("/ip service set " + string(f.protocol.service) + setting + "=192.0.2.0/24")
		f.r.DropConnections()
		_, err := f.newClient().Queue(f.ctx(), Download)
		if !router.IsAccessError(err) || !strings.Contains(err.Error(), string(f.protocol.service)+" does not admit this host") {
			f.Errorf("error is %v", err)
		}
		f.run("/ip service set " + string(f.protocol.service) + setting + "=192.0.2.0/24,127.0.0.1")
		if _, err := f.c.Queue(f.ctx(), Download); err != nil {
			f.Errorf("admitted: %v", err)
		}
	}},
	{name: "host that the user's address does not admit", options: options{user: "wanctl", password: "wanctl"}, run: func(f *fixture) {
		f.run("/user set wanctl address=192.0.2.0/24")
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrAuth)
		if err == nil || !strings.Contains(err.Error(), "user's address admits this host") {
			f.Errorf("error does not say what to check: %v", err)
		}
	}},
	{name: "user without the policy to log in", options: options{user: "reader", password: secret}, run: func(f *fixture) {
		if err := f.r.State().AddUser("reader", secret, "read", "write"); err != nil {
			f.Fatal(err)
		}
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrAuth)
	}},
	{name: "user without the policy to write", options: options{user: "reader", password: secret}, run: func(f *fixture) {
		if err := f.r.State().AddUser("reader", secret, "read", "rest-api", "api", "ssh"); err != nil {
			f.Fatal(err)
		}
		f.warm()
		_, err := f.setQueue(f.ctx(), Download, limit(bitrate.Mbps))
		f.wantError(err, router.ErrDenied)
		f.wantLimit(Download, 500*bitrate.Mbps)
		if _, err := f.c.Queue(f.ctx(), Download); err != nil {
			f.Errorf("reading after a denied write: %v", err)
		}
	}},
	{name: "policy to write that was added later", options: options{user: "reader", password: secret}, run: func(f *fixture) {
		if err := f.r.State().AddUser("reader", secret, "read", "rest-api", "api", "ssh"); err != nil {
			f.Fatal(err)
		}
		write := func(want error) {
			f.Helper()
			if _, err := f.setQueue(f.ctx(), Download, limit(bitrate.Mbps)); !errors.Is(err, want) {
				f.Errorf("got %v, want %v", err, want)
			}
		}
		wantLogins := func(want int) {
			f.Helper()
			if n := f.r.Logins(); n != want {
				f.Errorf("%d logins, want %d", n, want)
			}
		}
		for range 3 {
			write(router.ErrDenied)
		}
		wantLogins(1)
		f.run(`/user group set group-reader policy=read,write,api,rest-api,ssh`)
		f.clock.advance(time.Second)
		write(nil)
		wantLogins(2)

		// A change that is tried all the time does not log in all the time.
		f.run(`/user group set group-reader policy=read,api,rest-api,ssh`)
		f.r.DropConnections()
		for range 3 {
			write(router.ErrDenied)
			f.clock.advance(time.Second)
		}
		wantLogins(3)
		f.run(`/user group set group-reader policy=read,write,api,rest-api,ssh`)
		f.clock.advance(61 * time.Second)
		for range 3 {
			before := f.r.Requests()
			write(nil)
			if n := f.r.Requests() - before; n > f.protocol.requestsPerWrite+1 {
				f.Errorf("%d requests for a write, want %d", n, f.protocol.requestsPerWrite)
			}
		}
		wantLogins(4)
	}},
	{name: "least-privilege user is enough", options: options{user: "wanctl", password: "wanctl"}, run: func(f *fixture) {
		if _, err := f.c.Info(f.ctx()); err != nil {
			f.Error(err)
		}
		if _, err := f.c.Counters(f.ctx(), Download, Upload); err != nil {
			f.Error(err)
		}
		if _, err := f.setQueue(f.ctx(), Download, limit(bitrate.Mbps)); err != nil {
			f.Error(err)
		}
	}},
	{name: "wrong data after a reboot", run: func(f *fixture) {
		f.warm()
		f.r.Reboot(simrouter.Reboot{Race: 1})
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrOutcomeUnknown)
		if _, err := f.c.Queue(f.ctx(), Download); err != nil {
			f.Errorf("after the race: %v", err)
		}
	}},
	{name: "no rows yet after a reboot", run: func(f *fixture) {
		f.warm()
		f.r.Reboot(simrouter.Reboot{})
		f.r.Inject(simrouter.Fault{Kind: simrouter.Empty, Path: "/queue/tree", Times: 1})
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrOutcomeUnknown)
		if errors.Is(err, router.ErrNotFound) {
			f.Error("a queue that is not loaded yet was reported as absent")
		}
	}},
	{name: "request cut off by the router's own limit", configure: func(c *simrouter.Config) { c.RequestCap = 20 * time.Millisecond }, run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Slow, For: time.Minute})
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrOutcomeUnknown)
	}},
	{name: "no session left", configure: func(c *simrouter.Config) { c.MaxSessions = 1 }, run: func(f *fixture) {
		f.warm() // takes the only session
		o := f.newClient()
		_, err := o.Queue(f.ctx(), Download)
		if !errors.Is(err, router.ErrUnreachable) && !errors.Is(err, router.ErrOutcomeUnknown) {
			f.Errorf("error is %v", err)
		}
		if err := f.c.Close(); err != nil {
			f.Error(err)
		}
	}},
	{name: "closed client", run: func(f *fixture) {
		f.warm()
		if err := f.c.Close(); err != nil {
			f.Error(err)
		}
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrUnreachable)
	}},
}
