package failover

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// every call of router.Client, and whether it is repeated without an answer.
var every = []struct {
	name     string
	repeated bool
	call     func(context.Context, router.Client) error
}{
	{"Info", true, func(ctx context.Context, c router.Client) error { _, err := c.Info(ctx); return err }},
	{"Queues", true, func(ctx context.Context, c router.Client) error { _, err := c.Queues(ctx); return err }},
	{"Queue", true, func(ctx context.Context, c router.Client) error { _, err := c.Queue(ctx, "q"); return err }},
	{"Counters", true, func(ctx context.Context, c router.Client) error { _, err := c.Counters(ctx, "q"); return err }},
	{"QueueTypes", true, func(ctx context.Context, c router.Client) error { _, err := c.QueueTypes(ctx); return err }},
	{"Rules", true, func(ctx context.Context, c router.Client) error { _, err := c.Rules(ctx); return err }},
	{"Rule", true, func(ctx context.Context, c router.Client) error { _, err := c.Rule(ctx, "r"); return err }},
	{"Addresses", true, func(ctx context.Context, c router.Client) error { _, err := c.Addresses(ctx, ""); return err }},
	{"Scripts", true, func(ctx context.Context, c router.Client) error { _, err := c.Scripts(ctx); return err }},
	{"DefaultRoutes", true, func(ctx context.Context, c router.Client) error { _, err := c.DefaultRoutes(ctx); return err }},
	{"Routes", true, func(ctx context.Context, c router.Client) error { _, err := c.Routes(ctx); return err }},
	{"Rows", true, func(ctx context.Context, c router.Client) error { _, err := c.Rows(ctx, "/queue/type"); return err }},
	{"SetQueues", false, func(ctx context.Context, c router.Client) error {
		_, err := c.SetQueues(ctx, change1("q", bitrate.Mbps))
		return err
	}},
	{"SetRule", false, func(ctx context.Context, c router.Client) error { _, err := c.SetRule(ctx, "r", true); return err }},
	{"AddAddress", false, func(ctx context.Context, c router.Client) error {
		_, err := c.AddAddress(ctx, router.Address{})
		return err
	}},
	{"RemoveAddress", false, func(ctx context.Context, c router.Client) error { return c.RemoveAddress(ctx, "l", "a") }},
	{"RunScript", false, func(ctx context.Context, c router.Client) error { return c.RunScript(ctx, "s") }},
}

func TestEveryCall(t *testing.T) {
	for _, tt := range every {
		t.Run(tt.name+" over the first endpoint", func(t *testing.T) {
			run(t, func(b *bench) {
				for range 3 {
					if err := tt.call(b.Context(), b.c); err != nil {
						b.Error(err)
					}
				}
				if n := len(b.endpoints[0].seen()); n != 3 || b.endpoints[0].opened != 1 {
					b.Errorf("%d calls over %d clients", n, b.endpoints[0].opened)
				}
				if b.endpoints[1].opened+b.endpoints[2].opened != 0 {
					b.Error("opened an endpoint that was not needed")
				}
				b.wantSwitches(0)
			})
		})
		t.Run(tt.name+" unreachable", func(t *testing.T) {
			run(t, func(b *bench) {
				b.endpoints[0].set(down)
				b.endpoints[1].set(down)
				start := time.Now()
				for range 2 {
					if err := tt.call(b.Context(), b.c); err != nil {
						b.Error(err)
					}
				}
				if waited := time.Since(start); waited != 0 {
					b.Errorf("waited %v", waited)
				}
				if a, z, n := len(b.endpoints[0].seen()), len(b.endpoints[1].seen()), len(b.endpoints[2].seen()); a != 1 || z != 1 || n != 2 {
					b.Errorf("%d, %d and %d calls, want 1, 1, 2", a, z, n)
				}
				if n := b.endpoints[2].opened; n != 1 {
					b.Errorf("opened %d times", n)
				}
				b.wantActive(2)
				b.wantSwitches(1)
			})
		})
		t.Run(tt.name+" without an answer", func(t *testing.T) {
			run(t, func(b *bench) {
				b.endpoints[0].set(mute)
				err := tt.call(b.Context(), b.c)
				calls := len(b.endpoints[1].seen())
				if tt.repeated && (err != nil || calls != 1) {
					b.Errorf("%d calls on the next endpoint, %v", calls, err)
				}
				if !tt.repeated && (!errors.Is(err, router.ErrOutcomeUnknown) || calls != 0) {
					b.Errorf("%d calls on the next endpoint, %v: a change must not be repeated", calls, err)
				}
				b.wantActive(0) // once is no outage
				if n := b.endpoints[1].open(); n != 0 {
					b.Errorf("%d idle sessions on an endpoint that is not the active one", n)
				}
			})
		})
	}
}

func TestRefusalIsNoOutage(t *testing.T) {
	for _, class := range []error{
		router.ErrAuth, router.ErrCertificate, router.ErrDenied, router.ErrNotFound, router.ErrAmbiguous,
		router.ErrDynamic, router.ErrExists, router.ErrNotApplied, router.ErrInvalid, router.ErrUnsupported, errors.New("of no class"),
	} {
		t.Run(class.Error(), func(t *testing.T) {
			run(t, func(b *bench) {
				b.endpoints[0].set(func(s *service) { s.err = class })
				for range 5 {
					if _, err := b.c.Info(b.Context()); err != class {
						b.Errorf("got %v", err)
					}
				}
				b.wantActive(0)
				if b.endpoints[1].opened != 0 {
					b.Error("went to the next endpoint")
				}
			})
		})
	}
}

// On the second endpoint, what is an answer makes it the active one; refused
// credentials end the search.
func TestRefusalOnSecondEndpoint(t *testing.T) {
	for _, tt := range []struct {
		class  error
		active int
		text   string
	}{
		{router.ErrNotFound, 1, "not found on router"},
		{router.ErrDenied, 1, "router denied permission"},
		{router.ErrAuth, 0, "no way to the router works: (1) api r:8729: router unreachable (2) rest r:443: router refused the credentials"},
		{router.ErrCertificate, 0, "no way to the router works: (1) api r:8729: router unreachable (2) rest r:443: router certificate not trusted"},
	} {
		t.Run(tt.class.Error(), func(t *testing.T) {
			run(t, func(b *bench) {
				b.endpoints[0].set(func(s *service) { s.err = fmt.Errorf("router r:8729: %w", router.ErrUnreachable) })
				b.endpoints[1].set(func(s *service) { s.err = tt.class })
				for range 5 {
					_, err := b.c.Info(b.Context())
					if !errors.Is(err, tt.class) || err.Error() != tt.text {
						b.Errorf("got %v", err)
					}
				}
				b.wantActive(tt.active)
				// A client that was refused remembers not to insist.
				if b.endpoints[1].opened != 1 || b.endpoints[2].opened != 0 {
					b.Errorf("opened the second endpoint %d times, the third %d times", b.endpoints[1].opened, b.endpoints[2].opened)
				}
			})
		})
	}
}

func TestAllEndpointsFail(t *testing.T) {
	run(t, func(b *bench) {
		for i, s := range b.endpoints {
			s.set(func(s *service) {
				s.err = fmt.Errorf("router %s: %w %d", strings.Fields(s.name)[1], router.ErrUnreachable, i)
			})
		}
		err := b.setQueue("q", bitrate.Mbps)
		want := "no way to the router works: (1) api r:8729: router unreachable 0 (2) rest r:443: router unreachable 1 (3) ssh r:22: router unreachable 2"
		if !errors.Is(err, router.ErrUnreachable) || err.Error() != want {
			b.Errorf("got  %v\nwant %s", err, want)
		}
		if errors.Is(err, router.ErrOutcomeUnknown) {
			b.Error("nothing has left, yet the outcome is unknown")
		}
		b.wantActive(0)
		b.wantSwitches(0)
		b.endpoints[2].set(up)
		b.info(2)
		b.endpoints[2].set(down)
		b.endpoints[1].set(up)
		b.info(1) // round over the first
		b.wantSwitches(2)
	})
}

func TestEndpointCannotBeOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("key file is world-readable")
		s := &service{name: "rest r:443"}
		s.set(down)
		c := New(Config{Endpoints: []Endpoint{s.endpoint(), {Label: "ssh r:22", Open: func() (router.Client, error) { return nil, bad }}}})
		defer c.Close()
		if _, err := c.Info(t.Context()); !errors.Is(err, bad) || !errors.Is(err, router.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
	})
}

// An endpoint that does not answer connection attempts leaves time for the others.
func TestDeadlineIsShared(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(func(s *service) { s.deaf = true })
		b.endpoints[1].set(func(s *service) { s.deaf = true })
		ctx, cancel := context.WithTimeout(b.Context(), 1500*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := b.c.SetRule(ctx, "r", true); err != nil {
			b.Error(err)
		}
		if took := time.Since(start); took != time.Second {
			b.Errorf("took %v", took)
		}
		b.wantActive(2)
	})
}

// But a script may take all the time it needs.
func TestScriptMayUseTheWholeTime(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(mute)
		ctx, cancel := context.WithTimeout(b.Context(), clientTimeout)
		defer cancel()
		start := time.Now()
		if err := b.c.RunScript(ctx, "s"); !errors.Is(err, router.ErrOutcomeUnknown) || time.Since(start) != clientTimeout {
			b.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestNoTimeLeft(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(mute)
		ctx, cancel := context.WithCancel(b.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := b.c.Info(ctx)
		if !errors.Is(err, context.Canceled) || b.endpoints[1].opened != 0 {
			b.Errorf("got %v, opened the next endpoint %d times", err, b.endpoints[1].opened)
		}
		// Whoever cancels says nothing of the router.
		for range 2 * maxTimeouts {
			ctx, cancel := context.WithCancel(b.Context())
			time.AfterFunc(time.Second, cancel)
			_ = b.c.RunScript(ctx, "s")
		}
		b.endpoints[0].set(up)
		b.info(0)
		b.wantSwitches(0)
	})
}

func TestStalledEndpointIsAbandoned(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(mute)
		for i := range maxTimeouts {
			if err := b.setQueue("q", bitrate.Rate(i)); !errors.Is(err, router.ErrOutcomeUnknown) {
				b.Errorf("change %d: %v", i, err)
			}
			b.wantActive(0)
		}
		if err := b.setQueue("q", bitrate.Gbps); err != nil {
			b.Error(err)
		}
		b.wantActive(1)
		b.mu.Lock()
		why := b.switches[0].Why
		b.mu.Unlock()
		if !errors.Is(why, context.DeadlineExceeded) || !strings.HasPrefix(why.Error(), "no usable answer 3 times in a row") {
			b.Errorf("why: %v", why)
		}
	})
	t.Run("but not for anything", func(t *testing.T) {
		run(t, func(b *bench) {
			for i := range 4 * maxTimeouts {
				b.endpoints[0].set(mute)
				if i%maxTimeouts == maxTimeouts-1 {
					b.endpoints[0].set(up)
				}
				_ = b.c.RunScript(b.Context(), "s")
			}
			b.wantSwitches(0)
		})
	})
	t.Run("reads count too", func(t *testing.T) {
		run(t, func(b *bench) {
			b.endpoints[0].set(mute)
			for range maxTimeouts {
				b.info(1)
			}
			b.wantActive(1)
			b.wantSwitches(1)
		})
	})
	t.Run("and asked last when nothing else works", func(t *testing.T) {
		run(t, func(b *bench) {
			b.endpoints[1].set(down)
			b.endpoints[2].set(down)
			b.endpoints[0].set(mute)
			for range maxTimeouts {
				_ = b.c.RunScript(b.Context(), "s")
			}
			b.endpoints[0].set(up)
			b.info(0)
			b.wantSwitches(0)
			for _, s := range b.endpoints {
				s.set(up)
			}
			b.info(0)
			b.wantSwitches(0)
		})
	})
}
