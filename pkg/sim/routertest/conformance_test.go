package routertest

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newest is simrouter's default version.
const newest = "7.24.4"

func TestConformance(t *testing.T) {
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			for _, cfg := range p.routers {
				t.Run(cmp.Or(cfg.Version, newest), func(t *testing.T) { p.run(t, cfg) })
			}
		})
	}
}

// fixture is the router and the client of one test.
type fixture struct {
	*testing.T
	protocol protocol
	r        *simrouter.Router
	c        router.Client

	clock     clock                // of the clients
	newClient func() router.Client // returns another client like c
}

func (f *fixture) ctx() context.Context { return f.Context() }

// start returns a new router and a client of it.
func start(t *testing.T, p protocol, cfg simrouter.Config, o options) *fixture {
	t.Helper()
	f := &fixture{T: t, protocol: p, r: StartService(t, p.service, cfg)}
	if o.user == "" {
		o.user = "admin"
	}
	o.now = f.clock.now
	f.newClient = func() router.Client {
		c := p.dial(t, f.r, o)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	f.c = f.newClient()
	return f
}

// warm sends a first request, so that a later loss is that of a pooled connection.
func (f *fixture) warm() *fixture {
	f.Helper()
	if _, err := f.c.Queue(f.ctx(), Download); err != nil {
		f.Fatalf("first read: %v", err)
	}
	return f
}

// setQueue changes one queue.
func (f *fixture) setQueue(ctx context.Context, name string, set router.QueueSettings) (router.Queue, error) {
	queues, err := f.c.SetQueues(ctx, router.QueueChange{Name: name, QueueSettings: set})
	if len(queues) != 1 {
		f.Fatalf("%d queues for one change, %v", len(queues), err)
	}
	return queues[0], err
}

// setBoth changes both queues in one call.
func (f *fixture) setBoth(down, up bitrate.Rate) ([]router.Queue, error) {
	return f.c.SetQueues(f.ctx(), router.QueueChange{Name: Download, QueueSettings: limit(down)}, router.QueueChange{Name: Upload, QueueSettings: limit(up)})
}

// run runs a command as the router itself.
func (f *fixture) run(script string) {
	f.Helper()
	if err := f.r.Run(script); err != nil {
		f.Fatal(err)
	}
}

// eventually waits until done returns true.
func (f *fixture) eventually(done func() bool) {
	for range 60_000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	f.Error("not so within a minute")
}

// wantError checks the class of an error.
func (f *fixture) wantError(err, class error) {
	f.Helper()
	if !errors.Is(err, class) {
		f.Errorf("error is %v\nwant class %v", err, class)
	}
	if err != nil && strings.Contains(err.Error(), secret) {
		f.Errorf("error contains the password: %v", err)
	}
}

// wantLimit checks the limit on the router itself.
func (f *fixture) wantLimit(queue string, want bitrate.Rate) {
	f.Helper()
	q, ok := f.r.Queue(queue)
	if !ok {
		f.Errorf("router does not have exactly one queue %s", queue)
	} else if q.MaxLimit != want {
		f.Errorf("router holds max-limit=%s for %s, want %s", q.MaxLimit, queue, want)
	}
}

func limit(r bitrate.Rate) router.QueueSettings { return router.QueueSettings{MaxLimit: &r} }

func queueType(name string) router.QueueSettings { return router.QueueSettings{Type: &name} }

// run runs the suite against routers with cfg's version and quirks; the tests set
// the rest of cfg.
func (p protocol) run(t *testing.T, cfg simrouter.Config) {
	if testing.Short() && cfg.Version != "" && cfg.Version != newest {
		t.Skip("only the newest version with -short")
	}
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"reading", reading},
		{"writing", writing},
		{"names", names},
		{"simple queues", simpleQueues},
		{"rules", rules},
		{"addresses", addresses},
		{"scripts", scripts},
		{"export", exported},
		{"failing", failing},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				t.Run(tt.name, func(t *testing.T) {
					cfg := cfg
					if tt.configure != nil {
						tt.configure(&cfg)
					}
					tt.run(start(t, p, cfg, tt.options))
				})
			}
		})
	}
}

type test struct {
	name      string
	configure func(*simrouter.Config) // the router; nil: as the suite is run
	options   options                 // of the client
	run       func(*fixture)
}
