package ssh

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// opened is a session with a new router.
func opened(t *testing.T, q simrouter.SSHQuirks) (*simrouter.Router, *session) {
	t.Helper()
	r, err := simrouter.New(simrouter.Config{Quirks: simrouter.Quirks{SSH: q}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if err := r.StartService(t.Context(), simrouter.SSH, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	host, port := r.HostPortOf(simrouter.SSH)
	pin, err := parseFingerprint(r.SSHFingerprint())
	if err != nil {
		t.Fatal(err)
	}
	tr := &transport{
		target: &rosconn.Target{Host: host, Port: port, Service: "ssh", Timeout: 10 * time.Second},
		login:  credentials{user: "admin", password: func() string { return "" }},
		trust:  trust{pin: pin},
	}
	s, err := tr.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return r, s
}

// TestKeepAliveEndsDeadConnection: a peer that is silent is found to be gone while
// nobody wants anything of it.
func TestKeepAliveEndsDeadConnection(t *testing.T) {
	r, s := opened(t, simrouter.SSHQuirks{})
	r.Silence(true)
	s.keepAlive(time.Millisecond, 20*time.Millisecond, new(atomic.Bool))
	<-s.dead
	if s.Usable() {
		t.Error("a dead session is usable")
	}
}

// TestKeepAliveEndsWithTheSession, whatever it is waiting for.
func TestKeepAliveEndsWithTheSession(t *testing.T) {
	r, s := opened(t, simrouter.SSHQuirks{})
	done := make(chan struct{})
	go func() {
		s.keepAlive(time.Millisecond, time.Minute, new(atomic.Bool))
		close(done)
	}()
	r.Silence(true)
	_ = s.Close()
	<-done
}

// TestKeepAliveAnswered: any answer is one.
func TestKeepAliveAnswered(t *testing.T) {
	for _, how := range []simrouter.Keepalive{simrouter.KeepaliveFailed, simrouter.KeepaliveAnswered} {
		_, s := opened(t, simrouter.SSHQuirks{Keepalive: how, Exit: simrouter.ExitMissing})
		done := make(chan struct{})
		go func() {
			s.keepAlive(time.Millisecond, 10*time.Second, new(atomic.Bool))
			close(done)
		}()
		for range 20 {
			out, _, err := s.run(t.Context(), ":put x", func([]byte) bool { return false })
			if err != nil || string(out) != "x\r\n" {
				t.Errorf("keepalive %q: %q, %v", how, out, err)
			}
		}
		_ = s.Close()
		<-done
	}
}

// TestKeepAliveIgnored: a router that ignores the request loses one connection
// by it, not one after the other.
func TestKeepAliveIgnored(t *testing.T) {
	_, s := opened(t, simrouter.SSHQuirks{Keepalive: simrouter.KeepaliveIgnored})
	var ignored atomic.Bool
	s.keepAlive(time.Millisecond, 20*time.Millisecond, &ignored)
	if !ignored.Load() {
		t.Error("the next session would send keepalives as well")
	}
}
