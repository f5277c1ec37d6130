//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab/delayline"
	"github.com/wanctl/wanctl/pkg/lab/netns"
	"github.com/wanctl/wanctl/pkg/lab/tc"
)

// Namespace names a host of the lab.
type Namespace int

// The hosts, from the home network outwards.
const (
	Client Namespace = iota
	Router
	Modem
	Server
)

func (n Namespace) String() string {
	return [...]string{"client", "router", "modem", "server"}[n]
}

// Addresses, all of them reserved for documentation and none of them reachable
// from outside the namespaces.
const (
	ClientAddr = "192.0.2.2"
	RouterAddr = "192.0.2.1" // what the client's controller calls the router
	ServerAddr = "203.0.113.10"
	PingerAddr = "203.0.113.20" // answers the pinger even while ICMP is blacked out
)

// Reflectors answer ICMP echo and take TCP connections on port 443.
func Reflectors() []string { return []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"} }

// Config of a lab. Zero fields take the values named at them.
type Config struct {
	Capacity [2]bitrate.Rate // 40 and 10 Mbit/s, by autorate.Direction
	Depth    [2]int          // bytes the modem queues: 240 ms at Capacity
	Delay    time.Duration   // one way: 12 ms

	// Busy says that the machine has other work. Programs under test then have
	// real-time scheduling too, below that of the lab itself.
	Busy bool
}

func (c Config) withDefaults() Config {
	for d, mbps := range [2]bitrate.Rate{40 * bitrate.Mbps, 10 * bitrate.Mbps} {
		if c.Capacity[d] == 0 {
			c.Capacity[d] = mbps
		}
		if c.Depth[d] == 0 {
			c.Depth[d] = bytesIn(c.Capacity[d], 240*time.Millisecond)
		}
	}
	if c.Delay == 0 {
		c.Delay = 12 * time.Millisecond
	}
	return c
}

// Lab is the four hosts and what connects them. Close it.
type Lab struct {
	cfg   Config
	start time.Time
	ns    [4]*netns.Namespace
	tuns  [2]*os.File // modem, server
	line  *delayline.Line
	https net.Listener // of the reflectors

	shapers [2]shaper

	served   sync.WaitGroup
	mu       sync.Mutex // protects the following
	limits   []Change
	capacity []Change
}

// Check says why a lab cannot run here, nil if it can.
func Check() error {
	return check(map[string]string{
		"ip": "iproute2", "tc": "iproute2", "nsenter": "util-linux", "chrt": "util-linux", "iperf3": "iperf3",
	})
}

// check says which of the programs, by the package they are in, or what else is missing.
func check(programs map[string]string) error {
	if os.Geteuid() != 0 {
		return errors.New("the lab needs root, to make network namespaces")
	}
	for name, pkg := range programs {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("the lab needs %s: apt-get install %s", name, pkg)
		}
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("the lab needs TUN devices: modprobe tun: %w", err)
	}
	return nil
}

// Config is the lab's, with all defaults filled in.
func (l *Lab) Config() Config { return l.cfg }

// New builds a lab, with no limit on the router.
func New(ctx context.Context, cfg Config) (_ *Lab, err error) {
	l := &Lab{cfg: cfg.withDefaults(), start: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	for i := range l.ns {
		if l.ns[i], err = netns.New(); err != nil {
			return nil, err
		}
	}
	for i, ns := range []Namespace{Modem, Server} {
		err := l.Do(ns, func() (err error) { l.tuns[i], err = netns.OpenTUN("wan"); return err })
		if err != nil {
			return nil, err
		}
	}
	if err := l.connect(ctx); err != nil {
		return nil, err
	}
	if l.line, err = delayline.Start(l.tuns[0], l.tuns[1], l.cfg.Delay); err != nil {
		return nil, err
	}
	if err := l.buildShapers(ctx); err != nil {
		return nil, err
	}
	if l.https, err = l.Listen(ctx, Server, "tcp4", ":443"); err != nil {
		return nil, err
	}
	l.served.Go(func() { hangUp(l.https) })
	for _, d := range autorate.Directions {
		if err := errors.Join(l.SetCapacity(d, l.cfg.Capacity[d]), l.SetLimit(d, 0)); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Close takes the lab down. Commands still running in it keep their namespace.
func (l *Lab) Close() error {
	var errs []error
	if l.https != nil {
		errs = append(errs, l.https.Close())
		l.served.Wait()
	}
	if l.line != nil {
		errs = append(errs, l.line.Stop())
	}
	for _, f := range l.tuns {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	for _, s := range l.shapers {
		errs = append(errs, s.close())
	}
	for _, ns := range l.ns {
		if ns != nil {
			ns.Close()
		}
	}
	return errors.Join(errs...)
}

// hangUp accepts connections and closes them, until the listener is closed.
func hangUp(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

// Now is the time since the lab was built, on the monotonic clock. All times
// in what the lab records are on this clock.
func (l *Lab) Now() time.Duration { return time.Since(l.start) }

// Do runs f on a thread inside a namespace: sockets that f opens belong there.
func (l *Lab) Do(ns Namespace, f func() error) error { return l.ns[ns].Do(f) }

// Netns returns the network namespace of a host.
func (l *Lab) Netns(ns Namespace) *netns.Namespace { return l.ns[ns] }

// Listen opens a listener inside a namespace and hands it to this process.
func (l *Lab) Listen(ctx context.Context, ns Namespace, network, addr string) (net.Listener, error) {
	var ln net.Listener
	err := l.Do(ns, func() (err error) {
		var lc net.ListenConfig
		ln, err = lc.Listen(ctx, network, addr)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listening in namespace %v: %w", ns, err)
	}
	return ln, nil
}

// Dial connects from inside a namespace to an address of literal IP and port.
func (l *Lab) Dial(ctx context.Context, ns Namespace, network, addr string) (net.Conn, error) {
	var conn net.Conn
	err := l.Do(ns, func() (err error) {
		var dialer net.Dialer
		conn, err = dialer.DialContext(ctx, network, addr)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("dialling from namespace %v: %w", ns, err)
	}
	return conn, nil
}

// Command prepares a program under test to run inside a namespace, under
// ordinary scheduling unless the machine is busy. It dies with this process. Its process id and resource
// usage are the program's own.
func (l *Lab) Command(ctx context.Context, ns Namespace, name string, args ...string) *exec.Cmd {
	policy, priority := "--other", "0"
	if l.cfg.Busy {
		policy, priority = "--rr", "5"
	}
	return l.command(ctx, append([]string{"chrt", policy, priority, "nsenter", "--net=" + l.ns[ns].Path, "--", name}, args...))
}

// Equipment prepares a program that is part of the lab.
func (l *Lab) Equipment(ctx context.Context, ns Namespace, name string, args ...string) *exec.Cmd {
	return l.command(ctx, append([]string{"nsenter", "--net=" + l.ns[ns].Path, "--", name}, args...))
}

func (l *Lab) command(ctx context.Context, argv []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return cmd
}

// Shell is a command line that enters a namespace from another terminal.
func (l *Lab) Shell(ns Namespace) string { return "nsenter --net=" + l.ns[ns].Path + " bash" }

// SetDelay sets the one-way delay of the line that carries a direction.
func (l *Lab) SetDelay(d autorate.Direction, delay time.Duration) { l.line.SetDelay(wayOf(d), delay) }

// SetJitter sets the jitter of the line that carries a direction.
func (l *Lab) SetJitter(d autorate.Direction, j delayline.Jitter) { l.line.SetJitter(wayOf(d), j) }

// LineStats says how well the delay line kept its times, since the lab was
// built or ResetLineStats.
func (l *Lab) LineStats() delayline.Stats { return l.line.Stats() }

// ResetLineStats forgets how late packets have been.
func (l *Lab) ResetLineStats() { l.line.ResetLate() }

func wayOf(d autorate.Direction) delayline.Direction {
	if d == autorate.Upload {
		return delayline.Forth
	}
	return delayline.Back
}

// batch runs several command lines of ip or tc inside a namespace.
func (l *Lab) batch(ctx context.Context, ns Namespace, program, lines string) error {
	cmd := l.Equipment(ctx, ns, program, "-batch", "-")
	cmd.Stdin = strings.NewReader(lines)
	cmd.Stdout = io.Discard
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s in namespace %v: %w: %s", program, ns, err, strings.TrimSpace(stderr.String()))
	}
	return nil
}

// dialTC opens a netlink socket inside a namespace.
func (l *Lab) dialTC(ns Namespace) (*tc.Conn, error) {
	var conn *tc.Conn
	err := l.Do(ns, func() (err error) { conn, err = tc.Dial(); return err })
	return conn, err
}

// bytesIn is what passes at a rate in a time.
func bytesIn(r bitrate.Rate, t time.Duration) int { return int(float64(r) / 8 * t.Seconds()) }
