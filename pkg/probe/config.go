package probe

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/rtt"
)

// Method is how a round trip is measured.
type Method string

// Methods. Auto is ICMP echo, with timed TCP connections as the fallback where ICMP
// is filtered or not permitted.
const (
	ICMP Method = "icmp"
	TCP  Method = "tcp"
	Auto Method = "auto"
)

// Defaults of Config.
const (
	DefaultInterval = rtt.ProbeInterval
	DefaultTimeout  = time.Second
)

// Limits of Config.
const (
	MaxTargets  = 64 // ICMP hosts
	MinInterval = 10 * time.Millisecond
	MaxInterval = time.Minute
	MinTimeout  = 10 * time.Millisecond
	MaxTimeout  = time.Minute
)

// Config configures a Group. Only the targets are required.
type Config struct {
	Targets    []string // ICMP: IPv4, IPv6 or host name, at most MaxTargets; unused with TCP
	TCPTargets []string // "host:port", IPv6 in brackets

	Method   Method        // default Auto
	Interval time.Duration // between two probes of one target; default DefaultInterval
	Timeout  time.Duration // until an unanswered probe counts as lost; default DefaultTimeout

	Source    string // local IP address to measure from; "" leaves it to the kernel
	Interface string // network interface to measure through; "" leaves it to the route
	Mark      uint32 // of packets (SO_MARK), for the rules of 'ip rule'; 0 sets none

	// Fallback, with Auto, adds other probes while no ICMP target answers: CheckTCP
	// times connections to TCPTargets, CheckGateway probes the gateway.
	Fallback     bool
	CheckTCP     bool
	CheckGateway bool
	Gateway      string // address or name; "" is the gateway of the default route

	// Use is how many ICMP hosts are used at once; 0: all. The others are spares,
	// probed rarely, one of which replaces a host that turns bad. Their probes are
	// rtt.Spare events. With Count all are used.
	Use int
	// OnReplace, unless nil, is called for each replacement.
	OnReplace func(Replacement)

	// Sockets, if set, sends and receives for the group where the system permits ping
	// sockets, also for a process that may open raw ones: the kernel finds the socket of a
	// reply by a number, while it offers every ICMP packet of the host to every raw socket.
	// Timestamp requests leave by its raw socket in any case.
	Sockets *Sockets

	// Staggered makes the ICMP hosts take turns, evenly spread over the
	// interval. Otherwise they are all probed at once, on multiples of Interval
	// since Epoch, where a loop with the same epoch and interval wakes up anyway.
	Staggered bool

	// NoOneWay disables timestamp requests. Otherwise the ICMP hosts that answer
	// them get ten a second in turn, for rtt.OneWay events; that needs raw sockets
	// and works over IPv4 only.
	NoOneWay bool

	// SlowInterval is the time between two probes of a host after SetSlow; default 1 s.
	SlowInterval time.Duration

	// Count and Duration limit a run: the number of probes to each target, and the
	// time after the start of the last one. Zero: until the context ends.
	Count    int
	Duration time.Duration

	Logger *slog.Logger // nil discards
	Epoch  time.Time    // event times count from here; default: when New is called
}

// complete returns c with the defaults filled in, or an error if it is invalid.
func (c Config) complete() (Config, error) {
	if c.Method == "" {
		c.Method = Auto
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.SlowInterval == 0 {
		c.SlowInterval = rtt.SlowInterval
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	now := time.Now()
	if c.Epoch.IsZero() {
		c.Epoch = now
	}
	switch {
	case c.Method != ICMP && c.Method != TCP && c.Method != Auto:
		return c, fmt.Errorf("probe method %q: must be icmp, tcp or auto", c.Method)
	case c.Interval < MinInterval || c.Interval > MaxInterval:
		return c, fmt.Errorf("probe interval %v: must be between %v and %v", c.Interval, MinInterval, MaxInterval)
	case c.Timeout < MinTimeout || c.Timeout > MaxTimeout:
		return c, fmt.Errorf("probe timeout %v: must be between %v and %v", c.Timeout, MinTimeout, MaxTimeout)
	case c.Count < 0:
		return c, fmt.Errorf("probe count %d: must not be negative", c.Count)
	case c.Use < 0:
		return c, fmt.Errorf("%d hosts in use: must not be negative", c.Use)
	case c.Duration < 0:
		return c, fmt.Errorf("probe duration %v: must not be negative", c.Duration)
	case c.Method == TCP && len(c.TCPTargets) == 0:
		return c, errors.New("no TCP target to measure")
	case c.Method != TCP && len(c.Targets) == 0:
		return c, errors.New("no host to measure")
	case len(c.Targets) > MaxTargets:
		return c, fmt.Errorf("%d hosts to measure: at most %d", len(c.Targets), MaxTargets)
	case len(c.Targets)+len(c.TCPTargets)+1 > rtt.MaxReflectors:
		return c, fmt.Errorf("%d hosts and %d TCP targets to measure: at most %d together",
			len(c.Targets), len(c.TCPTargets), rtt.MaxReflectors-1)
	}
	for _, host := range c.Targets {
		if err := CheckHost(host); err != nil {
			return c, err
		}
	}
	for _, target := range c.TCPTargets {
		if err := CheckTarget(target); err != nil {
			return c, err
		}
	}
	if c.Gateway != "" {
		if err := CheckHost(c.Gateway); err != nil {
			return c, fmt.Errorf("gateway: %w", err)
		}
	}
	return c, nil
}

// CheckHost returns an error unless host is an IPv4 or IPv6 unicast address or a host
// name.
func CheckHost(host string) error {
	switch {
	case host == "":
		return errors.New("host to measure is empty")
	case len(host) > 256:
		return fmt.Errorf("host %.20q...: longer than 256 characters", host)
	case strings.HasPrefix(host, "-"):
		return fmt.Errorf("host %q: must not start with '-'", host)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.IsMulticast() || addr.IsUnspecified() || addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			return fmt.Errorf("host %s: not the address of a single host", host)
		}
		return nil
	}
	if i := strings.IndexFunc(host, notInName); i >= 0 {
		return fmt.Errorf("host %q: neither an IP address nor a host name", host)
	}
	return nil
}

func notInName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._", r)
}

// CheckTarget returns an error unless target is host:port, with a host as for
// CheckHost, IPv6 in brackets, and a numeric port.
func CheckTarget(target string) error {
	_, _, err := splitTarget(target)
	return err
}

// splitTarget returns the host and port of a TCP target.
func splitTarget(target string) (host string, port uint16, err error) {
	host, service, err := net.SplitHostPort(target)
	if err != nil {
		return "", 0, fmt.Errorf("TCP target %q: must be host:port", target)
	}
	if err := CheckHost(host); err != nil {
		return "", 0, fmt.Errorf("TCP target %q: %w", target, err)
	}
	n, err := strconv.ParseUint(service, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("TCP target %q: the port must be a number from 1 to 65535", target)
	}
	return host, uint16(n), nil
}
