// Package routertest is the conformance suite of router.Client: the same tests
// for every protocol, against the simulated RouterOS on real sockets. What is
// tested is what wanctl relies on when things go wrong.
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

// newest is the version that simrouter is by default.
const newest = "7.22.1"

// Options of a client under test. Zero fields have the protocol's defaults.
type Options struct {
	User, Password string // admin without a password
	Timeout        time.Duration
	Now            func() time.Time
}

// Dialer makes a client of r.
type Dialer func(t testing.TB, r *simrouter.Router, o Options) router.Client

// Suite says how to reach the simulated router by one protocol.
type Suite struct {
	Service simrouter.Service
	Dial    Dialer

	// What a protocol needs, in requests as the router counts them.
	RequestsPerWrite int // of one limit, over a warm session
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

// bench is one test's router and client.
type bench struct {
	*testing.T
	suite Suite
	r     *simrouter.Router
	c     router.Client

	again func() router.Client // another client like c
}

func (b *bench) ctx() context.Context { return b.Context() }

// start gives a test a router and a client with a connection that has served
// a request, so that its loss is the loss of a pooled connection.
func start(t *testing.T, s Suite, cfg simrouter.Config, o Options) *bench {
	t.Helper()
	b := &bench{T: t, suite: s, r: StartService(t, s.Service, cfg)}
	if o.User == "" {
		o.User = "admin"
	}
	b.again = func() router.Client {
		c := s.Dial(t, b.r, o)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	b.c = b.again()
	return b
}

func (b *bench) warm() *bench {
	b.Helper()
	if _, err := b.c.Queue(b.ctx(), Download); err != nil {
		b.Fatalf("first read: %v", err)
	}
	return b
}

// setQueue changes one queue.
func (b *bench) setQueue(ctx context.Context, name string, set router.QueueSettings) (router.Queue, error) {
	queues, err := b.c.SetQueues(ctx, router.QueueChange{Name: name, QueueSettings: set})
	if len(queues) != 1 {
		b.Fatalf("%d queues for one change, %v", len(queues), err)
	}
	return queues[0], err
}

// setBoth changes both queues in one call.
func (b *bench) setBoth(down, up bitrate.Rate) ([]router.Queue, error) {
	return b.c.SetQueues(b.ctx(), router.QueueChange{Name: Download, QueueSettings: limit(down)}, router.QueueChange{Name: Upload, QueueSettings: limit(up)})
}

// run runs a command as the machine itself.
func (b *bench) run(script string) {
	b.Helper()
	if err := b.r.Run(script); err != nil {
		b.Fatal(err)
	}
}

// eventually waits for something the router does on its own time.
func (b *bench) eventually(done func() bool) {
	for range 10_000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	b.Error("waited 10 s in vain")
}

// wantError checks the class of an error.
func (b *bench) wantError(err, class error) {
	b.Helper()
	if !errors.Is(err, class) {
		b.Errorf("error is %v\nwant class %v", err, class)
	}
	if err != nil && strings.Contains(err.Error(), secret) {
		b.Errorf("error contains the password: %v", err)
	}
}

// wantLimit checks what the router itself holds.
func (b *bench) wantLimit(queue string, want bitrate.Rate) {
	b.Helper()
	q, ok := b.r.Queue(queue)
	if !ok {
		b.Errorf("router does not have exactly one queue %s", queue)
	} else if q.MaxLimit != want {
		b.Errorf("router holds max-limit=%s for %s, want %s", q.MaxLimit, queue, want)
	}
}

func limit(r bitrate.Rate) router.QueueSettings { return router.QueueSettings{MaxLimit: &r} }

func queueType(name string) router.QueueSettings { return router.QueueSettings{Type: &name} }

// Run runs the suite against a router of that version and habits; cfg's script,
// latency and the like are the tests' own.
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
		{"rules", rules},
		{"addresses", addresses},
		{"scripts", scripts},
		{"failing", failing},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				t.Run(tt.name, func(t *testing.T) {
					router := cfg
					if tt.router != nil {
						tt.router(&router)
					}
					tt.run(start(t, s, router, tt.client))
				})
			}
		})
	}
}

type test struct {
	name   string
	router func(*simrouter.Config)
	client Options
	run    func(*bench)
}
