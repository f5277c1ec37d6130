package failover

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a Client over three endpoints.
type bench struct {
	*testing.T
	box       *box
	endpoints []*service
	c         *Client
	mu        sync.Mutex
	switches  []Switch
}

// run runs a test in a bubble of its own time.
func run(t *testing.T, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, box: &box{queues: map[string]bitrate.Rate{}}}
		cfg := Config{OnSwitch: func(s Switch) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.switches = append(b.switches, s)
		}}
		for _, name := range []string{"api r:8729", "rest r:443", "ssh r:22"} {
			s := &service{name: name, box: b.box}
			b.endpoints = append(b.endpoints, s)
			cfg.Endpoints = append(cfg.Endpoints, s.endpoint())
		}
		b.c = New(cfg)
		test(b)
		if err := b.c.Close(); err != nil {
			t.Error(err)
		}
		for _, s := range b.endpoints {
			if n := s.open(); n != 0 {
				t.Errorf("%s: %d clients left open", s.name, n)
			}
			if s.callsAfterClose != 0 {
				t.Errorf("%s: %d calls on a closed client", s.name, s.callsAfterClose)
			}
		}
	})
}

func (b *bench) wantActive(endpoint int) {
	b.Helper()
	if active, _, _ := b.c.Status(); active != b.endpoints[endpoint].name {
		b.Errorf("active is %s, want %s", active, b.endpoints[endpoint].name)
	}
}

func (b *bench) wantSwitches(want int) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, n, _ := b.c.Status(); n != want || len(b.switches) != want {
		b.Errorf("%d switches, told of %d, want %d", n, len(b.switches), want)
	}
}

func (b *bench) info(want int) {
	b.Helper()
	info, err := b.c.Info(b.Context())
	if err != nil || info.Identity != b.endpoints[want].name {
		b.Errorf("answer of %q, %v; want %s", info.Identity, err, b.endpoints[want].name)
	}
}

func (b *bench) setQueue(name string, limit bitrate.Rate) error {
	_, err := b.c.SetQueues(b.Context(), change1(name, limit))
	return err
}

func change1(name string, limit bitrate.Rate) router.QueueChange {
	return router.QueueChange{Name: name, QueueSettings: router.QueueSettings{MaxLimit: &limit}}
}

func down(s *service) { s.err = fmt.Errorf("router %s: %w", s.name[4:], router.ErrUnreachable) }
func up(s *service)   { s.err, s.mute, s.deaf, s.lost = nil, false, false, false }
func mute(s *service) { s.mute = true }

// The session of an abandoned endpoint stays while a call is in progress on it.
func TestAbandonedSessionIsClosedWhenIdle(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(down)
		b.info(1)
		b.endpoints[1].set(mute)
		done := make(chan error)
		time.Sleep(3500 * time.Millisecond) // the return, after 4 s to 6 s, is during the call
		go func() {
			_, err := b.c.SetRule(b.Context(), "r", true)
			done <- err
		}()
		synctest.Wait()
		b.endpoints[0].set(up)
		for active := ""; active != b.endpoints[0].name; active, _, _ = b.c.Status() {
			time.Sleep(100 * time.Millisecond)
		}
		if n := b.endpoints[1].open(); n != 1 {
			b.Errorf("%d sessions open during the call", n)
		}
		if err := <-done; !errors.Is(err, router.ErrOutcomeUnknown) {
			b.Error(err)
		}
		if n := b.endpoints[1].open(); n != 0 {
			b.Errorf("%d sessions open after the call", n)
		}
	})
}

func TestClose(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(func(s *service) { s.deaf = true })
		b.info(1)
		time.Sleep(6500 * time.Millisecond) // the first question waits for its answer
		start := time.Now()
		if err := b.c.Close(); err != nil {
			b.Error(err)
		}
		if took := time.Since(start); took != 0 {
			b.Errorf("took %v", took)
		}
		if _, err := b.c.Info(b.Context()); !errors.Is(err, router.ErrUnreachable) {
			b.Errorf("after Close: %v", err)
		}
	})
}

// Two calls that find out at the same time are one switch.
func TestSwitchIsMadeOnce(t *testing.T) {
	run(t, func(b *bench) {
		b.endpoints[0].set(func(s *service) { s.deaf = true })
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { b.info(1) })
		}
		wg.Wait()
		b.wantActive(1)
		b.wantSwitches(1)
	})
}

func TestConcurrentUse(t *testing.T) {
	run(t, func(b *bench) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 500 {
					if err := b.setQueue(fmt.Sprint("q", i), bitrate.Mbps); err != nil {
						b.Error(err)
					}
					if _, err := b.c.Counters(b.Context(), "q"); err != nil {
						b.Error(err)
					}
					b.c.Status()
					time.Sleep(50 * time.Millisecond)
				}
			})
		}
		for i := range 10 {
			b.endpoints[i%2].set(down)
			time.Sleep(time.Second)
			b.endpoints[i%2].set(up)
			time.Sleep(time.Second)
		}
		wg.Wait()
		if _, n, _ := b.c.Status(); n < 2 || n > 20 {
			b.Errorf("%d switches", n)
		}
	})
}

func TestStringHidesPasswords(t *testing.T) {
	c := New(Config{Endpoints: []Endpoint{{Label: "api r:8729"}, {Label: "rest r:443"}}})
	if s := fmt.Sprintf("%v %#v", c, c); s != "api r:8729, else rest r:443 api r:8729, else rest r:443" {
		t.Error(s)
	}
}
