package probe

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	one, two, three = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	web             = "198.51.100.1"
	router          = "203.0.113.1"
)

// Seventy minutes, across the change of pingers: every number once, in order, each
// answered, on an unbroken beat, and the targets evenly spread over it.
func TestHourAndMoreOfThreeReflectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one, two, three)
		g := n.group(t, Config{Targets: []string{one, two, three}, Staggered: true, Epoch: time.Now()})
		stop := run(t, g)
		sleep(70*time.Minute + 40*time.Millisecond)
		events := stop()

		const perTarget = 70*60*20 + 1
		next := map[uint8]uint32{}
		last := map[uint8]time.Duration{}
		var answered [3]int
		for _, e := range events {
			switch e.Kind {
			case rtt.Sent:
				if e.Seq != next[e.Reflector] {
					t.Fatalf("target %d: probe %d follows %d", e.Reflector, e.Seq, int64(next[e.Reflector])-1)
				}
				if phase := e.At % DefaultInterval; phase != DefaultInterval*time.Duration(e.Reflector)/3 {
					t.Fatalf("target %d: probe %d leaves %v into the interval", e.Reflector, e.Seq, phase)
				}
				if e.Seq > 0 && e.At-last[e.Reflector] != DefaultInterval {
					t.Fatalf("target %d: %v before probe %d", e.Reflector, e.At-last[e.Reflector], e.Seq)
				}
				next[e.Reflector], last[e.Reflector] = e.Seq+1, e.At
			case rtt.Reply:
				answered[e.Reflector]++
				if e.RTT != 20*time.Millisecond {
					t.Fatalf("RTT %v", e.RTT)
				}
			case rtt.Lost:
				t.Fatalf("probe %d of target %d was lost", e.Seq, e.Reflector)
			}
		}
		for i, got := range answered {
			// The last one or two may still be under way.
			if got < perTarget-2 || got > perTarget {
				t.Errorf("target %d: %d replies, want %d", i, got, perTarget)
			}
		}
		for _, addr := range []string{one, two, three} {
			if got := len(n.hosts[addr].started); got != 2 {
				t.Errorf("%s: %d pingers, want a new one every %d probes", addr, got, maxEchoes)
			}
		}
	})
}

// Together they leave on multiples of the interval since the epoch, whenever the
// run begins, and one that comes late joins the others.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one, two, three)
		n.hosts[three].sendErr = syscall.ENETUNREACH
		g := n.group(t, Config{
			Targets: []string{one, two, three}, Method: ICMP,
			Epoch: time.Now().Add(-12 * time.Millisecond),
		})
		stop := run(t, g)
		sleep(330 * time.Millisecond)
		n.change(three, func(h *fakeHost) { h.sendErr = nil })
		sleep(70*time.Minute - 330*time.Millisecond)
		next := map[uint8]time.Duration{}
		for _, e := range stop() {
			if e.Kind != rtt.Sent {
				continue
			}
			due, ok := next[e.Reflector]
			if !ok {
				due = DefaultInterval
				if e.Reflector == 2 {
					due = 800 * time.Millisecond // the third attempt, 250 ms and 500 ms after those before
				}
			}
			if e.At != due {
				t.Fatalf("target %d: probe %d leaves at %v, want %v", e.Reflector, e.Seq, e.At, due)
			}
			next[e.Reflector] = e.At + DefaultInterval
		}
		if len(next) != 3 {
			t.Errorf("%d targets were probed, want 3", len(next))
		}
	})
}

func TestFailedStartBacksOffAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one, two)
		n.hosts[two].sendErr = syscall.ENETUNREACH
		g := n.group(t, Config{Targets: []string{one, two}, Method: ICMP, Epoch: time.Now()})
		stop := run(t, g)
		sleep(100 * time.Second)
		s := g.Status()
		if !errors.Is(s.Targets[1].Err, syscall.ENETUNREACH) || s.Targets[1].Alive || s.Targets[1].Sent != 0 {
			t.Errorf("status of the unreachable target: %+v", s.Targets[1])
		}
		if s.Targets[0].Lost != 0 || s.Targets[0].Replies < 1999 || !s.Targets[0].Alive || s.Targets[0].Err != nil {
			t.Errorf("status of the other target: %+v", s.Targets[0])
		}
		n.change(two, func(h *fakeHost) { h.sendErr = nil })
		sleep(30 * time.Second)
		if s := g.Status(); !s.Targets[1].Alive || s.Targets[1].Err != nil {
			t.Errorf("status after the network came back: %+v", s.Targets[1])
		}
		stop()

		var waits []time.Duration
		for i, at := range n.hosts[two].started {
			if i > 0 {
				waits = append(waits, (at - n.hosts[two].started[i-1]).Round(250*time.Millisecond))
			}
		}
		var want []time.Duration
		for n := range waits {
			want = append(want, backoff.Delay(n+1))
		}
		if diff := cmp.Diff(want, waits); diff != "" || len(waits) < 14 {
			t.Errorf("waits between attempts (-want +got):\n%s", diff)
		}
	})
}

func TestFailingSendsRestartThePinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one)
		g := n.group(t, Config{Targets: []string{one}, Method: ICMP})
		stop := run(t, g)
		sleep(10 * time.Second)
		n.change(one, func(h *fakeHost) { h.sendErr = syscall.ENETDOWN })
		sleep(5 * time.Second)
		if s := g.Status(); !errors.Is(s.Targets[0].Err, syscall.ENETDOWN) || s.Mode != ModeNone {
			t.Errorf("status while sends fail: %+v", s)
		}
		n.change(one, func(h *fakeHost) { h.sendErr = nil })
		sleep(10 * time.Second)
		if s := g.Status(); !s.Targets[0].Alive || s.Mode != ModeICMP {
			t.Errorf("status after the interface came back: %+v", s)
		}
		stop()
		if got := len(n.hosts[one].started); got < 3 {
			t.Errorf("%d pingers, want a restart", got)
		}
	})
}

// A hiccup shorter than a second needs no new pinger.
func TestShortSendFailureIsTolerated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one)
		g := n.group(t, Config{Targets: []string{one}, Method: ICMP})
		stop := run(t, g)
		for range 5 {
			sleep(2 * time.Second)
			n.change(one, func(h *fakeHost) { h.sendErr = syscall.ENOBUFS })
			sleep(500 * time.Millisecond)
			n.change(one, func(h *fakeHost) { h.sendErr = nil })
		}
		stop()
		if got := len(n.hosts[one].started); got != 1 {
			t.Errorf("%d pingers, want 1", got)
		}
	})
}

func TestNameThatCannotBeResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one)
		n.nameErr = errors.New("no name server")
		g := n.group(t, Config{Targets: []string{"reflector.example"}, Method: ICMP})
		stop := run(t, g)
		sleep(20 * time.Second)
		if s := g.Status(); s.Targets[0].Err == nil || s.Targets[0].Address != "" {
			t.Errorf("status %+v", s.Targets[0])
		}
		n.mu.Lock()
		n.names["reflector.example"], n.nameErr = []netip.Addr{netip.MustParseAddr(one)}, nil
		n.mu.Unlock()
		sleep(30 * time.Second)
		if s := g.Status(); !s.Targets[0].Alive || s.Targets[0].Address != one {
			t.Errorf("status %+v", s.Targets[0])
		}
		stop()
	})
}

// While the Internet is away, so may be the name server: the address that was
// known goes on to be probed.
func TestSilentNameIsProbedWithoutNameServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one)
		n.names["reflector.example"] = []netip.Addr{netip.MustParseAddr(one)}
		g := n.group(t, Config{Targets: []string{"reflector.example"}, Method: ICMP})
		stop := run(t, g)
		sleep(10 * time.Second)
		n.mu.Lock()
		n.hosts[one].silent, n.nameErr = true, errors.New("no name server")
		n.mu.Unlock()
		sleep(10 * time.Minute)
		n.change(one, func(h *fakeHost) { h.silent = false })
		sleep(100 * time.Millisecond)
		if s := g.Status(); !s.Targets[0].Alive {
			t.Errorf("status %+v", s.Targets[0])
		}
		stop()
	})
}

// The operator of a reflector may move its name; an address that went silent
// is looked up again.
func TestSilentNameIsLookedUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one, two)
		n.names["reflector.example"] = []netip.Addr{netip.MustParseAddr(one)}
		g := n.group(t, Config{Targets: []string{"reflector.example"}, Method: ICMP})
		stop := run(t, g)
		sleep(10 * time.Second)
		n.change(one, func(h *fakeHost) { h.silent = true })
		n.mu.Lock()
		n.names["reflector.example"] = []netip.Addr{netip.MustParseAddr(two)}
		n.mu.Unlock()
		sleep(silentFor + 2*time.Second)
		if s := g.Status(); s.Targets[0].Address != two || !s.Targets[0].Alive {
			t.Errorf("status %+v", s.Targets[0])
		}
		stop()
	})
}

func TestAddressChoice(t *testing.T) {
	v4, v6, other := netip.MustParseAddr(one), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr(two)
	for _, tt := range []struct {
		name   string
		addrs  []netip.Addr
		source string
		broken netip.Addr
		want   netip.Addr
	}{
		{"IPv4 first", []netip.Addr{v6, v4}, "", netip.Addr{}, v4},
		{"IPv6 when IPv4 has no route", []netip.Addr{v6, v4}, "", v4, v6},
		{"the next one when the first has no route", []netip.Addr{v4, other}, "", v4, other},
		{"family of the source", []netip.Addr{v4, v6}, "2001:db8::2", netip.Addr{}, v6},
		{"no address of that family", []netip.Addr{v4}, "2001:db8::2", netip.Addr{}, netip.Addr{}},
		{"mapped IPv4", []netip.Addr{netip.MustParseAddr("::ffff:" + one)}, "", netip.Addr{}, v4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newFakeNet(one, two, "2001:db8::1")
			n.names["reflector.example"] = tt.addrs
			if tt.broken.IsValid() {
				n.hosts[tt.broken.String()].noRoute = syscall.ENETUNREACH
			}
			g := n.group(t, Config{Targets: []string{"reflector.example"}})
			if tt.source != "" {
				g.binding.Source = netip.MustParseAddr(tt.source)
			}
			got, err := g.address(t.Context(), g.targets[0])
			if got != tt.want || (err == nil) != tt.want.IsValid() {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestBoundedRuns(t *testing.T) {
	for _, tt := range []struct {
		name    string
		cfg     Config
		silent  bool
		sent    int
		replies int
		lost    int
		lasts   time.Duration
	}{
		{"count", Config{Staggered: true, Count: 10}, false, 10, 10, 0, 9*50*time.Millisecond + 20*time.Millisecond},
		{"duration", Config{Staggered: true, Duration: time.Second}, false, 20, 20, 0, 19*50*time.Millisecond + 20*time.Millisecond},
		{"count before duration", Config{Staggered: true, Count: 3, Duration: time.Second}, false, 3, 3, 0, 120 * time.Millisecond},
		{"unanswered", Config{Staggered: true, Count: 3}, true, 3, 0, 3, 100*time.Millisecond + time.Second + time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newFakeNet(one)
				n.hosts[one].silent = tt.silent
				tt.cfg.Targets, tt.cfg.Method = []string{one}, ICMP
				start := time.Now()
				events := collect(t, n.group(t, tt.cfg))
				sent, replies, lost := countKinds(events)
				if sent != tt.sent || replies != tt.replies || lost != tt.lost {
					t.Errorf("sent %d, replies %d, lost %d; want %d, %d, %d", sent, replies, lost, tt.sent, tt.replies, tt.lost)
				}
				if lasted := time.Since(start); lasted != tt.lasts {
					t.Errorf("lasted %v, want %v", lasted, tt.lasts)
				}
			})
		})
	}
}

func TestBoundedRunEndsWithoutAnyStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one)
		n.hosts[one].noRoute = syscall.ENETUNREACH
		g := n.group(t, Config{Targets: []string{one}, Method: ICMP, Duration: 5 * time.Second})
		start := time.Now()
		if events := collect(t, g); len(events) != 0 {
			t.Errorf("%d events", len(events))
		}
		if lasted := time.Since(start); lasted != 5*time.Second {
			t.Errorf("lasted %v, want the whole duration: the network could have come back", lasted)
		}
		if s := g.Status(); !errors.Is(s.Targets[0].Err, syscall.ENETUNREACH) {
			t.Errorf("status %+v", s.Targets[0])
		}
	})
}

func TestSlowConsumerBlocksNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newFakeNet(one)
		g := n.group(t, Config{Targets: []string{one}, Method: ICMP})
		go func() { _ = g.Run(t.Context()) }()
		sleep(10 * time.Minute)
		s := g.Status()
		if s.Targets[0].Sent < 12000 {
			t.Errorf("%d probes in 10 minutes, want 12000", s.Targets[0].Sent)
		}
		if want := s.Targets[0].Sent + s.Targets[0].Replies - queueLen; s.Dropped != want {
			t.Errorf("%d events dropped, want %d", s.Dropped, want)
		}
		// What is left is the newest.
		if e := <-g.Events(); uint64(e.Seq) < s.Targets[0].Sent-queueLen/2-1 {
			t.Errorf("oldest event kept is of probe %d of %d", e.Seq, s.Targets[0].Sent)
		}
	})
}
