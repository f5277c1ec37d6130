// Package sysd tells systemd how the daemon is (sd_notify(3), Type=notify or
// notify-reload): ready, reloading, stopping, one line of status, and the
// watchdog. Where no systemd listens, everything here does nothing.
//
// The watchdog proves that the loops run, not that the Internet works: it is
// fed by the loops themselves, every tick, and never waits for anything.
package sysd

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// Notifier speaks to the service manager. A nil Notifier does nothing.
type Notifier struct {
	// configuration
	socket   string        // NOTIFY_SOCKET; "" where nobody listens
	interval time.Duration // WATCHDOG_USEC; 0 where nobody watches

	// watchdog, touched by the loops
	start  time.Time
	next   atomic.Int64  // no ping before start+next
	hearts atomic.Uint64 // one bit a heart
	beats  atomic.Uint64 // the hearts that beat since the last ping

	mu     sync.Mutex // protects the following field
	status string
}

// New reads what systemd left in the environment. The error tells of a
// watchdog setting that cannot be read; the Notifier then works without one.
func New() (*Notifier, error) {
	n := &Notifier{socket: os.Getenv("NOTIFY_SOCKET"), start: time.Now()}
	if n.socket == "" {
		return n, nil
	}
	var err error
	if n.interval, err = daemon.SdWatchdogEnabled(false); err != nil {
		n.interval = 0
		return n, fmt.Errorf("reading WATCHDOG_USEC and WATCHDOG_PID: %w; running without watchdog", err)
	}
	return n, nil
}

// Enabled reports whether somebody listens.
func (n *Notifier) Enabled() bool { return n != nil && n.socket != "" }

// WatchdogInterval is how long systemd waits for a ping before it kills the
// service; 0 where it does not.
func (n *Notifier) WatchdogInterval() time.Duration {
	if n == nil {
		return 0
	}
	return n.interval
}

// Ready says that start-up, or a reload, is complete, with an optional line of
// status.
func (n *Notifier) Ready(status string) error {
	return n.tell(daemon.SdNotifyReady, status)
}

// Stopping says that the service is ending.
func (n *Notifier) Stopping(status string) error {
	return n.tell(daemon.SdNotifyStopping, status)
}

// Reloading says that the configuration is being read again. Ready must follow,
// whether the new one is taken or not.
func (n *Notifier) Reloading() error {
	// Type=notify-reload wants the time, to tell this reload from an older one.
	return n.tell(daemon.SdNotifyReloading+"\n"+strings.TrimSpace(daemon.SdNotifyMonotonicUsec()), "")
}

// tell sends a message that must arrive, with a status unless it is empty.
func (n *Notifier) tell(message, status string) error {
	if !n.Enabled() {
		return nil
	}
	if status != "" {
		n.mu.Lock()
		n.status = oneLine(status)
		message += "\nSTATUS=" + n.status
		n.mu.Unlock()
	}
	if _, err := daemon.SdNotify(false, message); err != nil {
		return fmt.Errorf("notifying systemd at %s: %w", n.socket, err)
	}
	return nil
}

// Status shows one line in systemctl status. The same line again costs
// nothing, and one that cannot be sent at once is dropped.
func (n *Notifier) Status(status string) {
	if !n.Enabled() {
		return
	}
	status = oneLine(status)
	n.mu.Lock()
	defer n.mu.Unlock()
	if status != n.status && n.send("STATUS="+status) == nil {
		n.status = status
	}
}

// oneLine keeps a status from becoming other assignments.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' || r == 0 }), " ")
}

// Watchdog pings systemd at most three times an interval. It may be called at
// every tick: it neither blocks nor, when there is nothing to do, allocates.
// With several loops each calls its own Heart instead.
func (n *Notifier) Watchdog() {
	if n == nil || n.interval <= 0 {
		return
	}
	if now := time.Since(n.start); now >= time.Duration(n.next.Load()) {
		n.ping(now)
	}
}

// retryPause is how soon a ping that could not be sent is tried again.
const retryPause = time.Second

func (n *Notifier) ping(now time.Duration) {
	third := n.interval / 3
	pause := third
	if n.send(daemon.SdNotifyWatchdog) != nil {
		pause = min(third, retryPause)
	}
	n.next.Store(int64(now + pause))
}

// send is SdNotify without waiting: a full queue is an error.
func (n *Notifier) send(message string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return err
	}
	err = unix.Sendto(fd, []byte(message), unix.MSG_NOSIGNAL, &unix.SockaddrUnix{Name: n.socket})
	return errors.Join(err, unix.Close(fd))
}

// maxHearts is the number of bits there are.
const maxHearts = 64

// Heart is one of several loops that have to be alive together. A nil Heart
// does nothing.
type Heart struct {
	n   *Notifier
	bit uint64
}

// NewHeart adds a loop: from now on systemd is pinged only when every Heart
// has beaten since the last ping, so that one dead loop is noticed among many
// live ones. There may be 64.
func (n *Notifier) NewHeart() (*Heart, error) {
	if n == nil {
		return nil, nil
	}
	for {
		have := n.hearts.Load()
		bit := ^have & (have + 1) // the lowest free one
		if bit == 0 {
			return nil, fmt.Errorf("more than %d loops in one process", maxHearts)
		}
		if n.hearts.CompareAndSwap(have, have|bit) {
			return &Heart{n: n, bit: bit}, nil
		}
	}
}

// Watchdog says that this loop is alive. It costs what Notifier.Watchdog does.
func (h *Heart) Watchdog() {
	if h == nil || h.n.interval <= 0 {
		return
	}
	n := h.n
	all := n.hearts.Load()
	if n.beats.Or(h.bit)|h.bit != all {
		return
	}
	// Only one of the loops that see the set complete pings.
	if now := time.Since(n.start); now >= time.Duration(n.next.Load()) && n.beats.CompareAndSwap(all, 0) {
		n.ping(now)
	}
}
