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
	"slices"
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
	start time.Time
	next  atomic.Int64 // no ping before start+next

	mu     sync.Mutex // protects the following fields; never held for long
	status string
	unsent []string // messages that must arrive, oldest first, while the queue of the socket is full

	sending sync.WaitGroup // the goroutine that sends unsent
	closed  chan struct{}  // by Close
	close   func()

	watched sync.Mutex // protects the following field; never held for long
	sources []*WatchdogSource
}

// New reads what systemd left in the environment. The error tells of a
// watchdog setting that cannot be read; the Notifier then works without one.
func New() (*Notifier, error) {
	n := &Notifier{socket: os.Getenv("NOTIFY_SOCKET"), start: time.Now(), closed: make(chan struct{})}
	n.close = sync.OnceFunc(func() { close(n.closed) })
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

// maxUnsent bounds the messages that wait for a reader of the socket.
const maxUnsent = 32

// tell sends a message that must arrive, with a status unless it is empty. It does
// not wait: while the queue of the socket is full, a goroutine tries again.
func (n *Notifier) tell(message, status string) error {
	if !n.Enabled() {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if status != "" {
		n.status = oneLine(status)
		message += "\nSTATUS=" + n.status
	}
	var err error
	switch waiting := len(n.unsent); {
	case waiting == 0:
		if err = n.send(message); isFull(err) {
			err = nil
			n.unsent = append(n.unsent, message)
			n.sending.Go(n.sendLate)
		}
	case waiting < maxUnsent:
		n.unsent = append(n.unsent, message)
	default:
		err = fmt.Errorf("%d messages wait for it to read", waiting)
	}
	if err != nil {
		return fmt.Errorf("notifying systemd at %s: %w", n.socket, err)
	}
	return nil
}

// isFull reports whether err means that the reader of the socket is late.
func isFull(err error) bool { return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) }

// sendLate sends the messages of unsent in their order, until none is left or the
// Notifier is closed. Messages that the socket refuses for good are dropped.
func (n *Notifier) sendLate() {
	ticker := time.NewTicker(retryPause / 10)
	defer ticker.Stop()
	for n.sendSome() {
		select {
		case <-n.closed:
			return
		case <-ticker.C:
		}
	}
}

// sendSome sends as many messages of unsent as the socket takes, and reports
// whether some are left.
func (n *Notifier) sendSome() (left bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.unsent) > 0 {
		if isFull(n.send(n.unsent[0])) {
			return true
		}
		n.unsent = n.unsent[1:]
	}
	return false
}

// Close gives up messages that wait for a reader of the socket. It does not wait
// for one.
func (n *Notifier) Close() {
	if n == nil {
		return
	}
	n.close()
	n.sending.Wait()
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
	if status != n.status && len(n.unsent) == 0 && n.send("STATUS="+status) == nil {
		n.status = status
	}
}

// oneLine keeps a status from becoming other assignments.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' || r == 0 }), " ")
}

// Watchdog pings systemd at most three times an interval. It may be called at
// every tick: it neither blocks nor, when there is nothing to do, allocates.
// With several loops each calls its own WatchdogSource instead.
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

// WatchdogSource is one of several loops that have to be alive together. A nil
// WatchdogSource does nothing.
type WatchdogSource struct {
	n     *Notifier
	alive atomic.Bool // since the last ping
}

// NewWatchdogSource adds a loop: until the source is closed, systemd is pinged
// only when every source was alive since the last ping, so that one dead loop is
// noticed among many live ones.
func (n *Notifier) NewWatchdogSource() *WatchdogSource {
	if n == nil {
		return nil
	}
	s := &WatchdogSource{n: n}
	n.watched.Lock()
	defer n.watched.Unlock()
	n.sources = append(n.sources, s)
	return s
}

// Close removes a loop that ends while others run.
func (s *WatchdogSource) Close() {
	if s == nil {
		return
	}
	s.n.watched.Lock()
	defer s.n.watched.Unlock()
	s.n.sources = slices.DeleteFunc(s.n.sources, func(x *WatchdogSource) bool { return x == s })
}

// Watchdog reports that this loop is alive. It costs what Notifier.Watchdog does.
func (s *WatchdogSource) Watchdog() {
	if s == nil || s.n.interval <= 0 {
		return
	}
	s.alive.Store(true)
	n := s.n
	now := time.Since(n.start)
	if now < time.Duration(n.next.Load()) || !n.watched.TryLock() {
		return
	}
	defer n.watched.Unlock()
	for _, x := range n.sources {
		if !x.alive.Load() {
			return
		}
	}
	for _, x := range n.sources {
		x.alive.Store(false)
	}
	n.ping(now)
}
