package routerdial

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func newPool(dial func(context.Context, string, string) (net.Conn, error)) *Pool {
	return NewPool(dial, slog.New(slog.DiscardHandler))
}

func lend(t *testing.T, p *Pool, cfg *config.WAN, use Use, onSwitch func(failover.Switch)) router.Client {
	t.Helper()
	c, err := p.Open(&cfg.Base, bounds, use, slog.New(slog.DiscardHandler), onSwitch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Loops of one router share a session for each use, until the last of them has closed
// it. What the router refuses to one does not concern the others.
func TestPoolShares(t *testing.T) {
	r := startRouter(t)
	cfg := load(t, endpoint(r, config.API))
	p := newPool(nil)
	var limits, counters []router.Client
	for range 4 {
		limits, counters = append(limits, lend(t, p, cfg, Limits, nil)), append(counters, lend(t, p, cfg, Counters, nil))
	}
	var all sync.WaitGroup
	for i := range limits {
		all.Go(func() {
			name, refused := "WAN-Download-1", i == 3
			if refused {
				name = "nobody's"
			}
			change := router.QueueChange{Name: name}
			change.MaxLimit = new(50*bitrate.Mbps + bitrate.Rate(i))
			if _, err := limits[i].SetQueues(t.Context(), change); errors.Is(err, router.ErrNotFound) != refused || err != nil && !refused {
				t.Errorf("change %d: %v", i, err)
			}
			if _, err := counters[i].Counters(t.Context(), name); errors.Is(err, router.ErrNotFound) != refused || err != nil && !refused {
				t.Errorf("counters %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if n := r.Logins(); n != 2 {
		t.Errorf("%d logins, want one for each use", n)
	}
	_ = limits[0].Close()
	_ = limits[0].Close() // again: nobody else loses anything
	if _, err := limits[1].Queue(t.Context(), "WAN-Download-1"); err != nil {
		t.Errorf("after another loop has ended: %v", err)
	}
	for _, c := range append(limits, counters...) {
		_ = c.Close()
	}
	if len(p.sessions) != 0 {
		t.Errorf("%d sessions are left", len(p.sessions))
	}
	if _, err := lend(t, p, cfg, Limits, nil).Queue(t.Context(), "WAN-Download-1"); err != nil || r.Logins() != 3 {
		t.Errorf("a new session: %v, %d logins", err, r.Logins())
	}
}

// Loops with other access have a session of their own.
func TestPoolKeepsApart(t *testing.T) {
	r := startRouter(t)
	p := newPool(nil)
	same := lend(t, p, load(t, endpoint(r, config.API)), Limits, nil)
	again := lend(t, p, load(t, endpoint(r, config.API)), Limits, nil)
	other := lend(t, p, load(t, endpoint(r, config.REST)), Limits, nil)
	with := func(c router.Client) *session { return c.(*lease).session }
	if with(same) != with(again) || with(same) == with(other) {
		t.Error("sessions are shared by the wrong ones")
	}
	cfg := load(t, endpoint(r, config.API))
	cfg.Router.User = "another"
	if with(lend(t, p, cfg, Limits, nil)) == with(same) {
		t.Error("another user has the same session")
	}
	patient := bounds
	patient.Timeout *= 2
	if c, err := p.Open(&load(t, endpoint(r, config.API)).Base, patient, Limits, nil, nil); err != nil || with(c) == with(same) {
		t.Errorf("another timeout has the same session, or %v", err)
	} else {
		_ = c.Close()
	}
}

// A session that is lost is replaced once for all, and a switch to another endpoint is
// reported to all.
func TestPoolFailsOver(t *testing.T) {
	r := startRouter(t)
	cfg := load(t, endpoint(r, config.REST)+", failover: [{"+endpoint(r, config.API)+"}]")
	p := newPool(nil)
	var switches [2]int
	one := lend(t, p, cfg, Limits, func(failover.Switch) { switches[0]++ })
	two := lend(t, p, cfg, Limits, func(failover.Switch) { switches[1]++ })
	r.Refuse(simrouter.WWW)
	for _, c := range []router.Client{one, two} {
		if _, err := c.Queue(t.Context(), "WAN-Download-1"); err != nil {
			t.Fatal(err)
		}
		wantInUse(t, cfg, c, config.API, r.AddrOf(simrouter.API), 1)
	}
	if switches != [2]int{1, 1} || r.Logins() != 1 {
		t.Errorf("switches %v, %d logins", switches, r.Logins())
	}
}

// A router that is down is tried by one of the loops at a time, after growing pauses.
func TestPoolRedials(t *testing.T) {
	cfg := load(t, "transport: api, tls: false, port: 1")
	synctest.Test(t, func(t *testing.T) {
		dials := 0
		p := newPool(func(context.Context, string, string) (net.Conn, error) {
			dials++
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		})
		try := func(want int) {
			t.Helper()
			for range 5 {
				if _, err := lend(t, p, cfg, Limits, nil).Queue(t.Context(), "q"); !errors.Is(err, router.ErrUnreachable) {
					t.Errorf("the router is down: %v", err)
				}
			}
			if dials != want {
				t.Errorf("%d attempts to connect, want %d", dials, want)
			}
		}
		keep := lend(t, p, cfg, Limits, nil)
		try(1)
		time.Sleep(300 * time.Millisecond)
		try(2)
		time.Sleep(300 * time.Millisecond)
		try(2)
		time.Sleep(300 * time.Millisecond)
		try(3)
		_ = keep.Close()
	})
}

// countersClient answers reads after a while, and notes them.
type countersClient struct {
	router.Client
	reads [][]string
	fail  error
}

func (c *countersClient) Counters(_ context.Context, names ...string) ([]router.Counters, error) {
	c.reads = append(c.reads, slices.Clone(names))
	time.Sleep(10 * time.Millisecond)
	list := make([]router.Counters, len(names))
	for i, name := range names {
		if name == "absent" {
			return nil, &router.ItemError{Name: name, Err: router.ErrNotFound}
		}
		list[i].Bytes = uint64(len(c.reads)*100 + len(name))
	}
	return list, c.fail
}

// Loops that ask together, or during a read, share one.
func TestCounterReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &countersClient{}
		reads := counterReads{client: client}
		ask := func(ctx context.Context, want error, bytes uint64, names ...string) {
			got, err := reads.Counters(ctx, names...)
			if !errors.Is(err, want) || err == nil && got[len(names)-1].Bytes != bytes {
				t.Errorf("%v: %v, %v", names, got, err)
			}
		}
		brief, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		go ask(brief, router.ErrOutcomeUnknown, 0, "a") // its end ends nothing for the others
		go ask(t.Context(), nil, 102, "a", "bb")
		go ask(t.Context(), nil, 103, "ccc")
		time.Sleep(5*time.Millisecond + gather/2) // during the read
		go ask(t.Context(), router.ErrNotFound, 0, "bb", "absent")
		go ask(t.Context(), nil, 304, "dddd")
		time.Sleep(time.Second)
		synctest.Wait()
		var sizes []int
		for _, names := range client.reads {
			sizes = append(sizes, len(names))
		}
		if !slices.Equal(sizes, []int{3, 3, 2}) {
			t.Errorf("reads of %v", client.reads)
		}
		client.fail = router.ErrUnreachable
		go ask(t.Context(), router.ErrUnreachable, 0, "a")
		go ask(t.Context(), router.ErrUnreachable, 0, "bb")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(client.reads) != 4 {
			t.Errorf("%d reads", len(client.reads))
		}
	})
}

// Loops of one router tick together, those of others do not, and neither do too many.
func TestPoolEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 50 * time.Millisecond
		p := newPool(nil)
		start, phases := time.Now(), map[time.Duration]int{}
		for i := range 5 * together {
			time.Sleep(7 * time.Millisecond)
			epoch := p.Epoch("192.0.2.1", interval)
			if age := time.Since(epoch); age < 0 || age >= interval {
				t.Fatalf("loop %d: the epoch is %v ago", i, age)
			}
			phases[(epoch.Sub(start)+interval)%interval]++
		}
		if len(phases) != 5 {
			t.Errorf("%d loops tick at %v", 5*together, phases)
		}
		for phase := range phases {
			if phases[phase] != together {
				t.Errorf("%d loops tick at %v", phases[phase], phase)
			}
		}
		for range 3 {
			if (*Pool)(nil).Epoch("192.0.2.1", interval).After(time.Now()) {
				t.Error("a loop of its own begins in the future")
			}
		}
	})
}
