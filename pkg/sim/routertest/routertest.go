// Package routertest is the conformance suite of router.Client: the same tests for
// every protocol, against the simulated RouterOS on real sockets. It covers what
// wanctl relies on, above all in failures. It contains no tests of its own; the
// packages of the clients run it.
package routertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// The queues of the default configuration.
const (
	Download = "WAN-Download-1"
	Upload   = "WAN-Upload-1"
)

// newest is simrouter's default version.
const newest = "7.24.4"

// Options of a client under test. Zero fields have the protocol's defaults.
type Options struct {
	User, Password string // admin without a password
	Timeout        time.Duration
	Now            func() time.Time
}

// Dialer returns a client of r.
type Dialer func(t testing.TB, r *simrouter.Router, o Options) router.Client

// Suite is the conformance suite of one protocol.
type Suite struct {
	Service simrouter.Service
	Dial    Dialer

	// RequestsPerWrite is the number of requests, as the router counts them, for
	// one limit over a warm session.
	RequestsPerWrite int
}

// Start runs a simulated router with REST until the end of the test.
func Start(t testing.TB, cfg simrouter.Config) *simrouter.Router {
	t.Helper()
	if cfg.Plain {
		return StartService(t, simrouter.WWW, cfg)
	}
	return StartService(t, simrouter.WWWSSL, cfg)
}

// StartService runs a simulated router with another service.
func StartService(t testing.TB, service simrouter.Service, cfg simrouter.Config) *simrouter.Router {
	t.Helper()
	r, err := simrouter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.StartService(t.Context(), service, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// fixture is the router and the client of one test.
type fixture struct {
	*testing.T
	suite Suite
	r     *simrouter.Router
	c     router.Client

	clock     clock                // of the clients
	newClient func() router.Client // returns another client like c
}

func (f *fixture) ctx() context.Context { return f.Context() }

// start returns a new router and a client of it.
func start(t *testing.T, s Suite, cfg simrouter.Config, o Options) *fixture {
	t.Helper()
	f := &fixture{T: t, suite: s, r: StartService(t, s.Service, cfg)}
	if o.User == "" {
		o.User = "admin"
	}
	o.Now = f.clock.now
	f.newClient = func() router.Client {
		c := s.Dial(t, f.r, o)
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

// Run runs the suite against routers with cfg's version and quirks; the tests set
// the rest of cfg.
func (s Suite) Run(t *testing.T, cfg simrouter.Config) {
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
					tt.run(start(t, s, cfg, tt.options))
				})
			}
		})
	}
}

type test struct {
	name      string
	configure func(*simrouter.Config) // the router; nil: as the suite is run
	options   Options                 // of the client
	run       func(*fixture)
}
