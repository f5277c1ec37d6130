package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"
)

const lookupTimeout = 5 * time.Second

// lookup returns the addresses of a host name.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// CheckName returns an error when host is a name that does not exist. Other failures
// to resolve it may be temporary and are not errors.
func CheckName(ctx context.Context, host string) error {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	_, err := lookup(ctx, host)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return plain(err)
	}
	return nil
}

// address returns the address of t to probe now: the first one with a route,
// IPv4 before IPv6, of the family of the source address if there is one.
func (g *Group) address(ctx context.Context, t *target) (netip.Addr, error) {
	var addrs []netip.Addr
	if t.gateway && t.host == "" {
		addr, err := g.binding.Gateway()
		if err != nil {
			return netip.Addr{}, err
		}
		addrs = []netip.Addr{addr}
	} else if addr, err := netip.ParseAddr(t.host); err == nil {
		addrs = []netip.Addr{addr}
	} else if addr := g.recentAddress(t); addr.IsValid() {
		return addr, nil
	} else if addrs, err = g.lookup(ctx, t.host); err != nil {
		known := t.snapshot().addr
		if !known.IsValid() {
			return netip.Addr{}, err
		}
		// The name server may be unreachable for the same reason as the target.
		addrs = []netip.Addr{known}
	}
	usable := make([]netip.Addr, 0, len(addrs))
	for _, addr := range addrs {
		addr = addr.Unmap()
		if !g.binding.Source.IsValid() || g.binding.Source.Is4() == addr.Is4() {
			usable = append(usable, addr)
		}
	}
	slices.SortStableFunc(usable, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	err := errNoFamily
	for _, addr := range usable {
		if err = g.reachable(ctx, addr); err == nil {
			t.resolved(addr)
			return addr, nil
		}
	}
	return netip.Addr{}, err
}

// recentAddress returns the address of a spare that was resolved recently, invalid
// without one. Each probe of a spare has a pinger of its own, but needs no look-up.
func (g *Group) recentAddress(t *target) netip.Addr {
	n, now := t.snapshot(), g.clock.now()
	if !t.standby() || now-n.resolvedAt >= recycleAfter ||
		now-max(n.resolvedAt, n.lastReplyAt) >= max(silentFor, 5*t.current().Interval) {
		return netip.Addr{}
	}
	return n.addr
}

// hasRoute asks the kernel whether it would send to addr, by connecting a UDP
// socket: that sends nothing.
func (g *Group) hasRoute(ctx context.Context, addr netip.Addr) error {
	d := net.Dialer{Control: g.binding.Control}
	if g.binding.Source.IsValid() {
		d.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(g.binding.Source, 0))
	}
	const discard = 9
	c, err := d.DialContext(ctx, "udp", netip.AddrPortFrom(addr, discard).String())
	if err != nil {
		return err
	}
	return c.Close()
}

// pause waits for d or until ctx ends, and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
