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
	"github.com/wanctl/wanctl/pkg/router/simrouter"
)

// The queues of the default configuration.
const (
	Download = "WAN-Download-1"
	Upload   = "WAN-Upload-1"
)

// Options of a client under test. Zero fields have the protocol's defaults.
type Options struct {
	User, Password string // admin without a password
	Timeout        time.Duration
	Now            func() time.Time
}

// Dialer makes a client of r.
type Dialer func(t *testing.T, r *simrouter.Router, o Options) router.Client

// Start runs a simulated router until the end of the test.
func Start(t testing.TB, cfg simrouter.Config) *simrouter.Router {
	t.Helper()
	r, err := simrouter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// bench is one test's router and client.
type bench struct {
	*testing.T
	r *simrouter.Router
	c router.Client

	again func() router.Client // another client like c
}

func (b *bench) ctx() context.Context { return b.Context() }

// start gives a test a router and a client with a connection that has served
// a request, so that its loss is the loss of a pooled connection.
func start(t *testing.T, dial Dialer, cfg simrouter.Config, o Options) *bench {
	t.Helper()
	b := &bench{T: t, r: Start(t, cfg)}
	if o.User == "" {
		o.User = "admin"
	}
	b.again = func() router.Client {
		c := dial(t, b.r, o)
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

// Run runs the suite.
func Run(t *testing.T, dial Dialer) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"reading", reading},
		{"writing", writing},
		{"failing", failing},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				t.Run(tt.name, func(t *testing.T) {
					b := start(t, dial, tt.router, tt.client)
					tt.run(b)
				})
			}
		})
	}
}

type test struct {
	name   string
	router simrouter.Config
	client Options
	run    func(*bench)
}
