package control

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/fleet/live"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// badBus is a bus that works until it does not: it is away, stands still until its end, or
// changes between these and working.
type badBus struct {
	epoch     time.Time
	state     func(at time.Duration) string // "works", "away" or "still"
	end       <-chan struct{}
	published atomic.Int64
}

var errAway = errors.New("away")

func (b *badBus) Publish(string, []byte) error {
	for {
		switch b.state(time.Since(b.epoch)) {
		case "works":
			b.published.Add(1)
			return nil
		case "away":
			return errAway
		}
		select {
		case <-b.end:
			return errAway
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (b *badBus) Subscribe(string, func(string, string, []byte)) error { return errAway }

func (b *badBus) Request(context.Context, string, []byte) ([]byte, error) { return nil, errAway }

// Whatever the bus of the fleet does, a loop makes the same requests at the same instants as
// without one.
func TestFleetChangesNothing(t *testing.T) {
	sc := named("both-step")
	const length = 100*time.Second + time.Millisecond
	router := simrun.Router{Latency: func(*rand.Rand) time.Duration { return 14 * time.Millisecond }}
	var alone calls
	run := sc.Simulation(1, autorate.New(sc.LawConfig(), sc.Ceiling), router, nil)
	run.Called = alone.add
	run.Run(0, length)
	for name, state := range map[string]func(at time.Duration) string{
		"works":        func(time.Duration) string { return "works" },
		"never there":  func(time.Duration) string { return "away" },
		"stands still": func(time.Duration) string { return "still" },
		"stopped": func(at time.Duration) string {
			return map[bool]string{true: "works", false: "away"}[at < 40*time.Second]
		},
		"comes and goes": func(at time.Duration) string { return []string{"works", "away", "still"}[int(at/(3*time.Second))%3] },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newLiveWAN(sc, router, nil)
				bus := &badBus{epoch: time.Now(), state: state}
				var dropped atomic.Int64
				w.run(t, sc, sc.Ceiling, length, func(ctx context.Context, l *Loop) {
					bus.end = ctx.Done()
					p := live.Publisher{
						Site: "s", Node: "n", Every: time.Second, Log: slog.New(slog.DiscardHandler), Dropped: func() { dropped.Add(1) },
						Sample: func(ctx context.Context) live.Batch {
							st, _ := l.Status(ctx)
							return live.Batch{WANs: []live.WAN{{Name: "w", Status: st.Decision.Directions[0].State.String()}}}
						},
					}
					p.Run(ctx, bus)
				})
				synctest.Wait()
				compareCalls(t, alone, w.calls)
				if n := bus.published.Load() + dropped.Load(); n < 97 || n > 100 {
					t.Errorf("%d published, %d dropped, of 99 or 100", bus.published.Load(), dropped.Load())
				}
			})
		})
	}
}
