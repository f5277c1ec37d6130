package probe

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// fakeNet answers for the network, in the fake time of synctest.
type fakeNet struct {
	mu      sync.Mutex
	hosts   map[string]*fakeHost // by address
	names   map[string][]netip.Addr
	nameErr error
	lookups []time.Duration // when, since the start
	start   time.Time
}

// fakeHost is one address. The zero value answers at once.
type fakeHost struct {
	delay   time.Duration
	silent  bool
	every   int   // answers each so-manieth echo only; 0: all
	sendErr error // of every send
	noRoute error
	started []time.Duration // echo series, since the start
	dials   []time.Duration
}

func newFakeNet(addrs ...string) *fakeNet {
	n := &fakeNet{hosts: map[string]*fakeHost{}, names: map[string][]netip.Addr{}, start: time.Now()}
	for _, a := range addrs {
		n.hosts[a] = &fakeHost{delay: 20 * time.Millisecond}
	}
	return n
}

// group makes a Group of cfg on this network, with permission to ping.
func (n *fakeNet) group(t *testing.T, cfg Config) *Group {
	t.Helper()
	cfg, err := cfg.complete()
	if err != nil {
		t.Fatal(err)
	}
	g := &Group{
		cfg: cfg, log: cfg.Logger,
		echo: n.echo, dial: n.dial, lookup: n.lookup, reachable: n.reachable,
	}
	if cfg.Method != TCP {
		g.access = hostnet.RawSockets
	}
	if err := g.addTargets(); err != nil {
		t.Fatal(err)
	}
	return g
}

// change edits a host while the network is in use.
func (n *fakeNet) change(addr string, edit func(h *fakeHost)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	edit(n.hosts[addr])
}

func (n *fakeNet) host(addr netip.Addr) fakeHost {
	n.mu.Lock()
	defer n.mu.Unlock()
	return *n.hosts[addr.String()]
}

func (n *fakeNet) lookup(_ context.Context, name string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lookups = append(n.lookups, time.Since(n.start))
	return n.names[name], n.nameErr
}

func (n *fakeNet) reachable(_ context.Context, addr netip.Addr) error { return n.host(addr).noRoute }

func (n *fakeNet) echo(ctx context.Context, e echo) error {
	n.change(e.addr.String(), func(h *fakeHost) { h.started = append(h.started, time.Since(n.start)) })
	replies := make(chan int, maxEchoes)
	seq, received, sending := 0, 0, true
	send := func() error {
		h := n.host(e.addr)
		if h.sendErr != nil {
			e.failed(h.sendErr)
			return h.sendErr
		}
		sending = e.sent(seq)
		if !h.silent && (h.every == 0 || seq%h.every == 0) {
			id := seq
			time.AfterFunc(h.delay, func() { replies <- id })
		}
		seq++
		return nil
	}
	if err := send(); err != nil {
		return err
	}
	tick := time.NewTicker(e.interval)
	defer tick.Stop()
	for sending || received < seq {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if sending {
				_ = send()
			}
		case id := <-replies:
			received++
			e.received(id)
		}
	}
	return nil
}

func (n *fakeNet) dial(ctx context.Context, addr netip.AddrPort, begin func()) error {
	n.change(addr.Addr().String(), func(h *fakeHost) { h.dials = append(h.dials, time.Since(n.start)) })
	h := n.host(addr.Addr())
	begin()
	if h.silent {
		<-ctx.Done()
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(h.delay):
		return nil
	}
}

// run starts g and returns how to stop it and get its events.
func run(t *testing.T, g *Group) (stop func() []rtt.Event) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	var events []rtt.Event
	read := make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		defer close(read)
		for e := range g.Events() {
			events = append(events, e)
		}
	}()
	go func() { ended <- g.Run(ctx) }()
	return func() []rtt.Event {
		t.Helper()
		cancel()
		<-read
		if err := <-ended; err != nil {
			t.Fatalf("Run: %v", err)
		}
		return events
	}
}

// sleep lets d of fake time pass, and what is due at its end happen.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
