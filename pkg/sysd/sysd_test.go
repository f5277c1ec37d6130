package sysd

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(play(role))
	}
	goleak.VerifyTestMain(m)
}

// manager is the receiving end, as systemd has it.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	path string
}

func listen(t *testing.T, watchdog time.Duration) *manager {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_PID", "")
	t.Setenv("WATCHDOG_USEC", "")
	if watchdog > 0 {
		t.Setenv("WATCHDOG_USEC", strconv.FormatInt(watchdog.Microseconds(), 10))
	}
	return &manager{t, conn, path}
}

// next is the next message, "" when none is there: datagrams between two
// sockets of one host have arrived when the sender returns.
func (m *manager) next() string {
	m.t.Helper()
	raw, err := m.conn.SyscallConn()
	if err != nil {
		m.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n := 0
	if err := raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
		return true
	}); err != nil {
		m.t.Fatal(err)
	}
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

func (m *manager) all() (messages []string) {
	for {
		s := m.next()
		if s == "" {
			return messages
		}
		messages = append(messages, s)
	}
}

func newNotifier(t *testing.T) *Notifier {
	t.Helper()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMessages(t *testing.T) {
	m := listen(t, 0)
	n := newNotifier(t)
	if !n.Enabled() || n.WatchdogInterval() != 0 {
		t.Errorf("enabled %v, watchdog %v", n.Enabled(), n.WatchdogInterval())
	}
	for _, tt := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"ready", func() error { return n.Ready("2 WANs") }, []string{"READY=1\nSTATUS=2 WANs"}},
		{"ready without status", func() error { return n.Ready("") }, []string{"READY=1"}},
		{"stopping", func() error { return n.Stopping("bye") }, []string{"STOPPING=1\nSTATUS=bye"}},
		{"status once", func() error { n.Status("a"); n.Status("a"); n.Status("b"); return nil }, []string{"STATUS=a", "STATUS=b"}},
		{"status known from ready", func() error { _ = n.Ready("c"); n.Status("c"); return nil }, []string{"READY=1\nSTATUS=c"}},
		{"status is one line", func() error { n.Status("x\nREADY=1\r\n\x00y"); return nil }, []string{"STATUS=x READY=1 y"}},
		{"no watchdog", func() error { n.Watchdog(); return nil }, nil},
	} {
		if err := tt.do(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, m.all()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

func TestReloadingHasMonotonicTime(t *testing.T) {
	m := listen(t, 0)
	n := newNotifier(t)
	now := func() int64 {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			t.Fatal(err)
		}
		return ts.Nano() / 1000
	}
	before := now()
	if err := n.Reloading(); err != nil {
		t.Fatal(err)
	}
	reloading, usec, _ := strings.Cut(m.next(), "\n")
	at, err := strconv.ParseInt(strings.TrimPrefix(usec, "MONOTONIC_USEC="), 10, 64)
	if reloading != "RELOADING=1" || err != nil || at < before || at > now() {
		t.Errorf("got %q and %q (%v), want a time from %d on", reloading, usec, err, before)
	}
}

func TestWatchdogIsSentThreeTimesAnInterval(t *testing.T) {
	m := listen(t, 30*time.Second)
	n := newNotifier(t)
	if got := n.WatchdogInterval(); got != 30*time.Second {
		t.Fatalf("interval %v", got)
	}
	// The clock of the Notifier is moved instead of waiting.
	pings := 0
	for range 60 * 20 {
		n.Watchdog()
		pings += len(m.all())
		n.start = n.start.Add(-50 * time.Millisecond)
	}
	if pings != 6 {
		t.Errorf("%d pings in a minute of ticks, want 6", pings)
	}
	if got := testing.AllocsPerRun(100, n.Watchdog); got != 0 {
		t.Errorf("%v allocations in a skipped ping", got)
	}
}

// A systemd that does not read must not stop the loop, and is tried again.
func TestWatchdogDoesNotBlock(t *testing.T) {
	m := listen(t, 30*time.Second)
	n := newNotifier(t)
	full := 0
	for n.send("FILL=1") == nil {
		full++
	}
	n.Watchdog() // would hang here
	if got := m.all(); len(got) != full {
		t.Fatalf("%d messages, want the %d that fitted", len(got), full)
	}
	n.Watchdog()
	if got := m.all(); got != nil {
		t.Errorf("tried again at once: %v", got)
	}
	n.start = n.start.Add(-retryPause)
	n.Watchdog()
	if diff := cmp.Diff([]string{"WATCHDOG=1"}, m.all()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestMessagesDoNotBlock: a reader that is late gets the messages later, in their
// order; one that never reads holds up neither a message nor the end.
func TestMessagesDoNotBlock(t *testing.T) {
	m := listen(t, 0)
	fill := func(n *Notifier) {
		for n.send("FILL=1") == nil {
		}
	}
	n := newNotifier(t)
	fill(n)
	for _, err := range []error{n.Ready("a"), n.Stopping("b")} { // would hang here
		if err != nil {
			t.Error(err)
		}
	}
	n.Status("dropped")
	var got []string
	for deadline := time.Now().Add(time.Minute); len(got) < 2 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for _, message := range m.all() {
			if message != "FILL=1" {
				got = append(got, message)
			}
		}
	}
	if diff := cmp.Diff([]string{"READY=1\nSTATUS=a", "STOPPING=1\nSTATUS=b"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	n.Close()

	n = newNotifier(t)
	fill(n)
	var err error
	for range maxUnsent + 1 {
		err = n.Ready("")
	}
	if err == nil || !strings.Contains(err.Error(), m.path) {
		t.Errorf("error %v after more messages than are kept, want one that names the socket", err)
	}
	n.Close() // would hang here
	n.Close()
}

func TestEverySourceMustBeAlive(t *testing.T) {
	m := listen(t, 3*time.Second)
	n := newNotifier(t)
	var sources []*WatchdogSource
	for range 200 {
		sources = append(sources, n.NewWatchdogSource())
	}
	for _, s := range sources[1:] {
		s.Watchdog()
		s.Watchdog()
	}
	if got := m.all(); got != nil {
		t.Fatalf("pinged without the first source: %v", got)
	}
	sources[0].Watchdog()
	if diff := cmp.Diff([]string{"WATCHDOG=1"}, m.all()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	// One beat counts for one ping.
	n.start = n.start.Add(-time.Minute)
	for range 5 {
		sources[3].Watchdog()
	}
	if got := m.all(); got != nil {
		t.Errorf("pinged by one heart of many: %v", got)
	}
	if got := testing.AllocsPerRun(100, sources[3].Watchdog); got != 0 {
		t.Errorf("%v allocations a beat", got)
	}
}

func TestNoListener(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(t *testing.T) *Notifier
	}{
		{"nil", func(*testing.T) *Notifier { return nil }},
		{"no socket", func(t *testing.T) *Notifier {
			t.Setenv("NOTIFY_SOCKET", "")
			t.Setenv("WATCHDOG_USEC", "30000000")
			return newNotifier(t)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := tt.make(t)
			for _, err := range []error{n.Ready("x"), n.Reloading(), n.Stopping("x")} {
				if err != nil {
					t.Error(err)
				}
			}
			n.Status("x")
			if n.Enabled() || n.WatchdogInterval() != 0 {
				t.Error("enabled")
			}
			h := n.NewWatchdogSource()
			defer h.Close()
			if got := testing.AllocsPerRun(100, func() { n.Watchdog(); h.Watchdog() }); got != 0 {
				t.Errorf("%v allocations", got)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	m := listen(t, 30*time.Second)
	n := newNotifier(t)
	if err := m.conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Ready(""); err == nil || !strings.Contains(err.Error(), m.path) {
		t.Errorf("Ready: %v, want an error that names the socket", err)
	}
	n.Watchdog()
	n.Status("x")

	t.Setenv("WATCHDOG_USEC", "soon")
	n, err := New()
	if err == nil || n == nil || n.WatchdogInterval() != 0 {
		t.Errorf("New = %v, %v", n, err)
	}
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", "1") // meant for another process
	if n := newNotifier(t); n.WatchdogInterval() != 0 {
		t.Errorf("took another process's watchdog: %v", n.WatchdogInterval())
	}
}
