package probe

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wanctl/wanctl/pkg/rtt"
)

const inNamespace = "WANCTL_TEST_NAMESPACE"

// namespaced runs the calling test again in a network namespace of its own,
// where it returns true. There 192.0.2.0/24 is local, so that its addresses
// answer, until the test has it otherwise.
func namespaced(t *testing.T) bool {
	t.Helper()
	t.Parallel()
	if os.Getenv(inNamespace) == t.Name() {
		ip(t, "link", "set", "lo", "up")
		ip(t, "route", "add", "local", "192.0.2.0/24", "dev", "lo")
		return true
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs the ip command")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), inNamespace+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("needs root, to make a network namespace")
	}
	if err != nil {
		t.Errorf("in the namespace: %v\n%s", err, out)
	} else if bytes.Contains(out, []byte("--- SKIP")) {
		t.Skipf("in the namespace:\n%s", out)
	}
	return false
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// eventually waits until the status of g is as ok wants it.
func eventually(t *testing.T, g *Group, what string, ok func(Status) bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); <-tick.C {
		if ok(g.Status()) {
			return
		}
	}
	t.Fatalf("still not %s: %+v", what, g.Status())
}

func errIs(s Status, i int, target error) bool { return errors.Is(s.Targets[i].Err, target) }

func TestRouteComesAndGoes(t *testing.T) {
	if !namespaced(t) {
		return
	}
	g, err := New(Config{Targets: []string{"192.0.2.1", "127.0.0.1"}, Method: ICMP})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, g)
	eventually(t, g, "answered", func(s Status) bool { return s.Targets[0].Replies > 3 && s.Targets[1].Replies > 3 })

	for _, tt := range []struct {
		route string
		err   error
	}{
		{"unreachable", syscall.EHOSTUNREACH},
		{"prohibit", errRefused}, // the library would try for ever, without a pause
	} {
		ip(t, "route", "del", "local", "192.0.2.0/24", "dev", "lo")
		ip(t, "route", "add", tt.route, "192.0.2.0/24")
		before := cpuTime(t)
		started := time.Now()
		eventually(t, g, tt.route, func(s Status) bool { return errIs(s, 0, tt.err) })
		// Long enough for the pinger to be given up and started again.
		eventually(t, g, "restarted", func(s Status) bool {
			return errIs(s, 0, tt.err) && time.Since(started) > 1500*time.Millisecond
		})
		if used, elapsed := cpuTime(t)-before, time.Since(started); used > elapsed/2 {
			t.Errorf("%s: %v of CPU in %v", tt.route, used, elapsed)
		}
		if s := g.Status(); !s.Targets[1].Alive || s.Targets[1].Lost != 0 {
			t.Errorf("%s: the other target suffers: %+v", tt.route, s.Targets[1])
		}
		ip(t, "route", "del", tt.route, "192.0.2.0/24")
		ip(t, "route", "add", "local", "192.0.2.0/24", "dev", "lo")
		replies := g.Status().Targets[0].Replies
		eventually(t, g, "answered again", func(s Status) bool { return s.Targets[0].Replies > replies+3 && s.Targets[0].Err == nil })
	}
	stop()
}

// The end must not wait for a pinger that the kernel refuses to serve.
func TestRunEndsWhileProhibited(t *testing.T) {
	if !namespaced(t) {
		return
	}
	g, err := New(Config{Targets: []string{"192.0.2.1"}, Method: ICMP})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, g)
	eventually(t, g, "answered", func(s Status) bool { return s.Targets[0].Replies > 3 })
	ip(t, "route", "del", "local", "192.0.2.0/24", "dev", "lo")
	ip(t, "route", "add", "prohibit", "192.0.2.0/24")
	eventually(t, g, "refused", func(s Status) bool { return errIs(s, 0, errRefused) })
	started := time.Now()
	stop()
	if took := time.Since(started); took > 20*time.Second {
		t.Errorf("the end took %v", took)
	}
}

func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Through an interface that is not there any more, and back.
func TestInterfaceComesAndGoes(t *testing.T) {
	if !namespaced(t) {
		return
	}
	pair := func() {
		ip(t, "link", "add", "wan0", "type", "veth", "peer", "name", "isp0")
		ip(t, "addr", "add", "198.51.100.1/24", "dev", "wan0")
		ip(t, "link", "set", "wan0", "up")
		ip(t, "link", "set", "isp0", "up")
		// Who has a link-layer address without being there never answers.
		ip(t, "neigh", "add", "198.51.100.2", "lladdr", "02:00:00:00:00:02", "dev", "wan0")
	}
	pair()
	g, err := New(Config{Targets: []string{"198.51.100.2"}, Interface: "wan0", Timeout: 50 * time.Millisecond, Method: ICMP})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, g)
	eventually(t, g, "lost", func(s Status) bool { return s.Targets[0].Lost > 5 && s.Targets[0].Err == nil })
	ip(t, "link", "del", "wan0")
	eventually(t, g, "without interface", func(s Status) bool { return s.Targets[0].Err != nil })
	if index(t, "wan0") != 0 {
		t.Fatal("wan0 is still there")
	}
	pair()
	lost := g.Status().Targets[0].Lost
	eventually(t, g, "lost again", func(s Status) bool { return s.Targets[0].Lost > lost+5 && s.Targets[0].Err == nil })
	stop()
}

func index(t *testing.T, name string) int {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0
	}
	return i.Index
}

// Ping sockets of the ordinary user.
func TestPingSockets(t *testing.T) {
	if !namespaced(t) {
		return
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0o644); err != nil {
		t.Skipf("needs to open ping sockets to all groups: %v", err)
	}
	var sockets Sockets
	var groups []*Group
	var all errgroup.Group
	for _, host := range []string{"192.0.2.1", "::1"} {
		for range socketSeries + 1 { // more than one socket serves
			g, err := New(Config{Targets: []string{host}, Method: ICMP, Count: 5, Interval: DefaultInterval, Timeout: 10 * time.Second, Sockets: &sockets})
			if err != nil {
				t.Fatal(err)
			}
			if !g.usePing { // this process may open raw ones, too
				t.Fatal("no ping sockets")
			}
			groups = append(groups, g)
			all.Go(func() error { return g.Run(t.Context()) })
		}
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	for _, g := range groups {
		var events []rtt.Event
		for e := range g.Events() {
			events = append(events, e)
		}
		if sent, replies, lost := countKinds(events); sent != 5 || replies != 5 || lost != 0 {
			t.Errorf("%s: sent %d, replies %d, lost %d; want 5, 5, 0", g.targets[0].name, sent, replies, lost)
		}
	}
	sockets.mu.Lock()
	defer sockets.mu.Unlock()
	if len(sockets.rooms) != 0 || len(sockets.due) != 0 {
		t.Errorf("left: %d ping sockets, %d series", len(sockets.rooms), len(sockets.due))
	}
}
