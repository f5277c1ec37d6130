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

// soon is when a test gives up on a router that will not answer. Nothing that
// is expected to succeed may depend on it.
const soon = 100 * time.Millisecond

// secret is a password that must not be found in any error.
const secret = "hunter2-§-secret"

// clock is a wall clock that a test can push forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

var wall clock

var failing = []test{
	{name: "port closed, then open", run: func(b *bench) {
		b.warm()
		b.r.Refuse()
		b.r.DropConnections()
		_, err := b.c.Queue(b.ctx(), Download)
		b.wantError(err, router.ErrUnreachable)
		if err != nil && !strings.Contains(err.Error(), b.r.Addr()) {
			b.Errorf("error does not name %s: %v", b.r.Addr(), err)
		}
		if err := b.r.Listen(); err != nil {
			b.Fatal(err)
		}
		if _, err := b.c.Queue(b.ctx(), Download); err != nil {
			b.Errorf("after the router came back: %v", err)
		}
	}},
	{name: "router accepts and says nothing", run: func(b *bench) {
		b.r.Silence(true)
		ctx, cancel := context.WithTimeout(b.ctx(), soon)
		defer cancel()
		_, err := b.c.Queue(ctx, Download)
		if !errors.Is(err, router.ErrUnreachable) && !errors.Is(err, router.ErrOutcomeUnknown) {
			b.Errorf("error is %v", err)
		}
		b.wantError(err, context.DeadlineExceeded)
		b.r.Silence(false)
		if _, err := b.c.Queue(b.ctx(), Download); err != nil {
			b.Errorf("after the router spoke again: %v", err)
		}
	}},
	{name: "client's own timeout", client: Options{Timeout: soon}, run: func(b *bench) {
		b.r.Inject(simrouter.Fault{Kind: simrouter.Stall})
		_, err := b.c.Queue(b.ctx(), Download)
		b.wantError(err, context.DeadlineExceeded)
	}},
	{name: "caller's deadline is earlier", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Times: 1})
		ctx, cancel := context.WithTimeout(b.ctx(), soon)
		defer cancel()
		_, err := b.c.Queue(ctx, Download)
		b.wantError(err, context.DeadlineExceeded)
		b.wantError(err, router.ErrOutcomeUnknown)
	}},
	{name: "caller cancels", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Times: 1})
		ctx, cancel := context.WithCancel(b.ctx())
		defer cancel()
		before := b.r.Requests()
		go func() {
			b.eventually(func() bool { return b.r.Requests() > before })
			cancel()
		}()
		_, err := b.c.Queue(ctx, Download)
		b.wantError(err, context.Canceled)
		b.wantError(err, router.ErrOutcomeUnknown)
		if _, err := b.c.Queue(b.ctx(), Download); err != nil {
			b.Errorf("after the cancelled call: %v", err)
		}
	}},
	{name: "waiting for another call ends by the deadline", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Times: 1})
		first, cancelFirst := context.WithCancel(b.ctx())
		before := b.r.Requests()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = b.c.Queue(first, Download) })
		defer wg.Wait()
		defer cancelFirst()
		b.eventually(func() bool { return b.r.Requests() > before })
		ctx, cancel := context.WithTimeout(b.ctx(), soon)
		defer cancel()
		_, err := b.c.Queue(ctx, Download)
		b.wantError(err, context.DeadlineExceeded)
		if n := b.r.Requests() - before; n != 1 {
			b.Errorf("%d requests, want only the first", n)
		}
	}},
	{name: "pooled connection died", run: func(b *bench) {
		b.warm()
		b.r.DropConnections()
		if _, err := b.c.Queue(b.ctx(), Download); err != nil {
			b.Error(err)
		}
	}},
	{name: "connection reset in the middle of a read", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Times: 1})
		if _, err := b.c.Queue(b.ctx(), Download); err != nil {
			b.Error(err)
		}
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset})
		_, err := b.c.Queue(b.ctx(), Download)
		b.wantError(err, router.ErrOutcomeUnknown)
	}},
	{name: "wrong password", client: Options{Password: secret}, run: func(b *bench) {
		_, err := b.c.Info(b.ctx())
		b.wantError(err, router.ErrAuth)
		if err != nil && !strings.Contains(err.Error(), "password") {
			b.Errorf("error does not say what to check: %v", err)
		}
	}},
	{name: "refused credentials are not tried again at once", client: Options{Password: secret, Now: wall.now}, run: func(b *bench) {
		_, err := b.c.Info(b.ctx())
		b.wantError(err, router.ErrAuth)
		if err := b.r.Run(`/user set admin password="` + secret + `"`); err != nil {
			b.Fatal(err)
		}
		before := b.r.Counts()
		for range 10 {
			_, err := b.setQueue(b.ctx(), Download, limit(bitrate.Mbps))
			b.wantError(err, router.ErrAuth)
		}
		if c := b.r.Counts(); c.Requests != before.Requests || c.Connections != before.Connections {
			b.Errorf("router was asked again: %+v, before %+v", c, before)
		}
		wall.advance(61 * time.Second)
		if _, err := b.c.Info(b.ctx()); err != nil {
			b.Errorf("a minute later, with the password right: %v", err)
		}
	}},
	{name: "user without the policy to log in", client: Options{User: "reader", Password: secret}, run: func(b *bench) {
		if err := b.r.State().AddUser("reader", secret, "read", "write"); err != nil {
			b.Fatal(err)
		}
		_, err := b.c.Queue(b.ctx(), Download)
		b.wantError(err, router.ErrAuth)
	}},
	{name: "user without the policy to write", client: Options{User: "reader", Password: secret}, run: func(b *bench) {
		if err := b.r.State().AddUser("reader", secret, "read", "rest-api", "api", "ssh"); err != nil {
			b.Fatal(err)
		}
		b.warm()
		_, err := b.setQueue(b.ctx(), Download, limit(bitrate.Mbps))
		b.wantError(err, router.ErrDenied)
		b.wantLimit(Download, 500*bitrate.Mbps)
		if _, err := b.c.Queue(b.ctx(), Download); err != nil {
			b.Errorf("reading after a denied write: %v", err)
		}
	}},
	{name: "least-privilege user is enough", client: Options{User: "wanctl", Password: "wanctl"}, run: func(b *bench) {
		if _, err := b.c.Info(b.ctx()); err != nil {
			b.Error(err)
		}
		if _, err := b.c.Counters(b.ctx(), Download, Upload); err != nil {
			b.Error(err)
		}
		if _, err := b.setQueue(b.ctx(), Download, limit(bitrate.Mbps)); err != nil {
			b.Error(err)
		}
	}},
	{name: "wrong data after a reboot", run: func(b *bench) {
		b.warm()
		b.r.Reboot(simrouter.Reboot{Race: 1})
		_, err := b.c.Queue(b.ctx(), Download)
		b.wantError(err, router.ErrOutcomeUnknown)
		if _, err := b.c.Queue(b.ctx(), Download); err != nil {
			b.Errorf("after the race: %v", err)
		}
	}},
	{name: "no rows yet after a reboot", run: func(b *bench) {
		b.warm()
		b.r.Reboot(simrouter.Reboot{})
		b.r.Inject(simrouter.Fault{Kind: simrouter.Empty, Path: "/queue/tree", Times: 1})
		_, err := b.c.Queue(b.ctx(), Download)
		b.wantError(err, router.ErrOutcomeUnknown)
		if errors.Is(err, router.ErrNotFound) {
			b.Error("a queue that is not loaded yet was reported as absent")
		}
	}},
	{name: "request cut off by the router's own limit", router: func(c *simrouter.Config) { c.RequestCap = 20 * time.Millisecond }, run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Slow, For: time.Minute})
		_, err := b.c.Queue(b.ctx(), Download)
		b.wantError(err, router.ErrOutcomeUnknown)
	}},
	{name: "no session left", router: func(c *simrouter.Config) { c.MaxSessions = 1 }, run: func(b *bench) {
		b.warm() // takes the only session
		o := b.again()
		_, err := o.Queue(b.ctx(), Download)
		if !errors.Is(err, router.ErrUnreachable) && !errors.Is(err, router.ErrOutcomeUnknown) {
			b.Errorf("error is %v", err)
		}
		if err := b.c.Close(); err != nil {
			b.Error(err)
		}
	}},
	{name: "closed client", run: func(b *bench) {
		b.warm()
		if err := b.c.Close(); err != nil {
			b.Error(err)
		}
		_, err := b.c.Queue(b.ctx(), Download)
		b.wantError(err, router.ErrUnreachable)
	}},
}
