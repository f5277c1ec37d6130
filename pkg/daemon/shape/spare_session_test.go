package shape

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/remote"
)

// counting is a client that counts its calls.
type counting struct {
	router.Client
	calls uint64
	Err   error
}

func (c *counting) call() error { c.calls++; return c.Err }

func (c *counting) Counters(context.Context, ...string) ([]router.Counters, error) {
	return nil, c.call()
}

func (c *counting) SimpleCounters(context.Context, string) (n [2]router.Counters, err error) {
	return n, c.call()
}

func (c *counting) Queue(context.Context, string) (q router.Queue, err error) { return q, c.call() }

func (c *counting) SimpleQueue(context.Context, string) (q router.SimpleQueue, err error) {
	return q, c.call()
}

func (c *counting) Interfaces(context.Context) ([]router.Interface, error)    { return nil, c.call() }
func (c *counting) DefaultRoutes(context.Context) ([]router.Route, error)     { return nil, c.call() }
func (c *counting) Rows(context.Context, string) ([]map[string]string, error) { return nil, c.call() }

// reads are the calls that are made beside the writes of limits.
var reads = map[string]func(context.Context, router.Client) error{
	"Counters":       func(ctx context.Context, c router.Client) error { _, err := c.Counters(ctx, "q"); return err },
	"SimpleCounters": func(ctx context.Context, c router.Client) error { _, err := c.SimpleCounters(ctx, "q"); return err },
	"Queue":          func(ctx context.Context, c router.Client) error { _, err := c.Queue(ctx, "q"); return err },
	"SimpleQueue":    func(ctx context.Context, c router.Client) error { _, err := c.SimpleQueue(ctx, "q"); return err },
	"Interfaces":     func(ctx context.Context, c router.Client) error { _, err := c.Interfaces(ctx); return err },
	"DefaultRoutes":  func(ctx context.Context, c router.Client) error { _, err := c.DefaultRoutes(ctx); return err },
	"Rows":           func(ctx context.Context, c router.Client) error { _, err := c.Rows(ctx, "/m"); return err },
}

func TestSpareSession(t *testing.T) {
	for name, call := range reads {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, second := &counting{}, &counting{}
				s := &spareSession{Client: second, first: first, log: slog.New(slog.DiscardHandler)}
				read := func(want error, firstCalls, secondCalls uint64) {
					t.Helper()
					if err := call(t.Context(), s); !errors.Is(err, want) {
						t.Errorf("error %v, want %v", err, want)
					}
					if first.calls != firstCalls || second.calls != secondCalls {
						t.Errorf("%d and %d calls, want %d and %d", first.calls, second.calls, firstCalls, secondCalls)
					}
				}
				read(nil, 0, 1)
				second.Err = fmt.Errorf("silent: %w", router.ErrOutcomeUnknown)
				read(router.ErrOutcomeUnknown, 0, 2) // a slow router is not asked twice
				second.Err = fmt.Errorf("reset: %w", router.ErrUnreachable)
				first.Err = fmt.Errorf("refused: %w", router.ErrUnreachable)
				read(router.ErrUnreachable, 1, 3)
				first.Err = fmt.Errorf("no answer: %w", router.ErrOutcomeUnknown)
				read(router.ErrUnreachable, 2, 4)
				first.Err = fmt.Errorf("no such queue: %w", router.ErrNotFound)
				read(router.ErrNotFound, 3, 5) // an answer
				first.Err = nil
				read(nil, 4, 5) // left alone
				for _, other := range reads {
					if err := other(t.Context(), s); err != nil || second.calls != 5 {
						t.Errorf("another call: %v, %d attempts", err, second.calls)
					}
				}
				time.Sleep(sparePause)
				before := first.calls
				read(nil, before+1, 6)
				read(nil, before+2, 6)
				time.Sleep(sparePause)
				second.Err = nil
				read(nil, before+2, 7)
				read(nil, before+2, 8) // there again
			})
		})
	}
}

// On a router that has one session for us, the effect of the limits is watched all the
// same.
func TestOneSessionForAll(t *testing.T) {
	for name, tt := range map[string]struct{ queues, override string }{
		"tree":   {"download: down, upload: up", "/queue tree set up limit-at=MARK"},
		"simple": {"simple: line", "/queue simple set line limit-at=0/MARK"},
	} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, tt.queues, func(t *testing.T, r *simrouter.Router, q *Queues) {
				run := func(limitAt string) {
					t.Helper()
					if err := r.Run(strings.Replace(tt.override, "MARK", limitAt, 1)); err != nil {
						t.Fatal(err)
					}
				}
				if err := r.Run("/ip service set [find] max-sessions=1"); err != nil {
					t.Fatal(err)
				}
				q.setBounds(&autorate.Config{})
				run("20M")
				q.mustRead(t) // takes the session
				q.readOverrides(t.Context(), q.limits)
				if f := q.mustRead(t).Faults[autorate.Upload]; f != actuate.Overridden {
					t.Fatalf("fault %v at the start", f)
				}
				run("0")
				q.readOverrides(t.Context(), q.counters)
				if f := q.mustRead(t).Faults[autorate.Upload]; f != actuate.NoFault {
					t.Errorf("fault %v stays", f)
				}
				if _, err := q.Counters(t.Context()); err != nil {
					t.Error(err)
				}
				b := newBypassWatch(q.counters, q, &config.WAN{})
				b.readWAN(t.Context())
				if err := remote.Do(r, "counters ether1 rx-byte=5000000000"); err != nil {
					t.Fatal(err)
				}
				if rates := b.readWAN(t.Context()); b.wan != "ether1" || rates[autorate.Download] < bitrate.Mbps {
					t.Errorf("%v at the interface %q", rates, b.wan)
				}
				if r.Counts().Open != 1 {
					t.Errorf("%d sessions", r.Counts().Open)
				}
			})
		})
	}
}
