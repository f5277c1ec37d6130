package probe

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// needICMP skips where this process may not ping.
func needICMP(t *testing.T) {
	t.Helper()
	if got, err := hostnet.ICMPAccess(); got == hostnet.NoICMP {
		t.Skipf("needs permission to ping: %v", err)
	}
}

// collect runs g to its end and returns all of its events.
func collect(t *testing.T, g *Group) []rtt.Event {
	t.Helper()
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	go func() { ended <- g.Run(ctx) }()
	var events []rtt.Event
	for e := range g.Events() {
		events = append(events, e)
	}
	if err := <-ended; err != nil {
		t.Fatalf("Run: %v", err)
	}
	if ctx.Err() != nil {
		t.Fatal("the run did not come to its end")
	}
	return events
}

func countKinds(events []rtt.Event) (sent, replies, lost int) {
	for _, e := range events {
		switch e.Kind {
		case rtt.Sent:
			sent++
		case rtt.Reply:
			replies++
		case rtt.Lost:
			lost++
		}
	}
	return
}

func TestLoopbackICMP(t *testing.T) {
	needICMP(t)
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		t.Run(host, func(t *testing.T) {
			if host == "::1" && !hasIPv6() {
				t.Skip("needs IPv6 on the loopback interface")
			}
			g, err := New(Config{Targets: []string{host}, Method: ICMP, Interval: 10 * time.Millisecond, Count: 5})
			if err != nil {
				t.Fatal(err)
			}
			events := collect(t, g)
			if sent, replies, lost := countKinds(events); sent != 5 || replies != 5 || lost != 0 {
				t.Errorf("sent %d, replies %d, lost %d; want 5, 5, 0", sent, replies, lost)
			}
			for _, e := range events {
				if e.Kind == rtt.Reply && (e.RTT <= 0 || e.RTT > 500*time.Millisecond) {
					t.Errorf("implausible RTT %v over loopback", e.RTT)
				}
			}
			s := g.Status()
			if len(s.Targets) != 1 || s.Mode != ModeICMP || s.Targets[0].Replies != 5 || s.Targets[0].Err != nil {
				t.Errorf("status %+v", s)
			}
		})
	}
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		l.Close()
	}
	return err == nil
}

func TestLoopbackTCP(t *testing.T) {
	open, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	// A port that was free a moment ago refuses connections.
	closed, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, target := range map[string]string{"accepted": open.Addr().String(), "refused": closed.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			g, err := New(Config{TCPTargets: []string{target}, Method: TCP, Interval: 10 * time.Millisecond, Count: 5, Source: "127.0.0.2"})
			if err != nil {
				t.Fatal(err)
			}
			if sent, replies, lost := countKinds(collect(t, g)); sent != 5 || replies != 5 || lost != 0 {
				t.Errorf("sent %d, replies %d, lost %d; want 5, 5, 0", sent, replies, lost)
			}
			if s := g.Status(); s.Mode != ModeTCP {
				t.Errorf("mode %v, want tcp", s.Mode)
			}
		})
	}
}

// What is sent through the loopback interface to an address that is not there
// never leaves this host and is never answered.
func TestUnanswered(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
	}{
		{"icmp", Config{Method: ICMP, Targets: []string{"198.51.100.1"}}},
		{"tcp", Config{Method: TCP, TCPTargets: []string{"198.51.100.1:443"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.cfg.Method == ICMP {
				needICMP(t)
			}
			tt.cfg.Interface = "lo"
			tt.cfg.Interval, tt.cfg.Timeout, tt.cfg.Count = 10*time.Millisecond, 50*time.Millisecond, 3
			g, err := New(tt.cfg)
			if err != nil {
				t.Skipf("needs to bind a socket to lo: %v", err)
			}
			if sent, replies, lost := countKinds(collect(t, g)); sent != 3 || replies != 0 || lost != 3 {
				t.Errorf("sent %d, replies %d, lost %d; want 3, 0, 3", sent, replies, lost)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"interface", Config{Targets: []string{"127.0.0.1"}, Interface: "nosuch0"}, `interface "nosuch0": not on this host, which has `},
		{"source", Config{Targets: []string{"127.0.0.1"}, Source: "192.0.2.7"}, "source address 192.0.2.7: not on this host, which has "},
		{"source text", Config{Targets: []string{"127.0.0.1"}, Source: "eth0"}, `source address "eth0": must be an IP address`},
		{"families", Config{TCPTargets: []string{"[::1]:80"}, Method: TCP, Source: "127.0.0.1"}, "source address 127.0.0.1: cannot reach [::1]:80"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.cfg)
			if err == nil || len(err.Error()) < len(tt.want) || err.Error()[:len(tt.want)] != tt.want {
				t.Errorf("got error %v, want %s...", err, tt.want)
			}
		})
	}
}

func TestRunOnce(t *testing.T) {
	g, err := New(Config{TCPTargets: []string{"127.0.0.1:1"}, Method: TCP, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	collect(t, g)
	if err := g.Run(t.Context()); err == nil {
		t.Error("a second Run is accepted")
	}
}

func TestCancelEndsRunQuickly(t *testing.T) {
	needICMP(t)
	g, err := New(Config{Targets: []string{"127.0.0.1"}, TCPTargets: []string{"127.0.0.1:" + strconv.Itoa(1)}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	for e := range g.Events() {
		if e.Kind == rtt.Reply {
			cancel()
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v, want nil: the end of the context is a normal end", err)
	}
}

func TestPermissionErrorNamesBothRemedies(t *testing.T) {
	err := error(&permissionError{errors.New("operation not permitted")})
	if !errors.Is(err, ErrNotPermitted) {
		t.Error("not an ErrNotPermitted")
	}
	for _, want := range []string{"setcap cap_net_raw+ep /", `sysctl -w net.ipv4.ping_group_range="`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %q", err, want)
		}
	}
}
