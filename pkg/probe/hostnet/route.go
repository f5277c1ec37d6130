package hostnet

import (
	"errors"
	"net/netip"
)

// Route is the way that packets to one address leave this host.
type Route struct {
	Source    netip.Addr // that the packets carry
	Interface string
	Gateway   netip.Addr // invalid where the address is on the link, such as that of a PPP line
}

// String returns such as "192.168.88.10 by eth0 through 192.168.88.1".
func (r Route) String() string {
	text := r.Source.String() + " by " + r.Interface
	if r.Gateway.IsValid() {
		text += " through " + r.Gateway.WithZone("").String()
	}
	return text
}

// ErrNoGateway is returned by Gateway.
var ErrNoGateway = errors.New("no route to the Internet has a gateway")

// The Internet stands for any address that the default route is for.
var (
	internet4 = netip.AddrFrom4([4]byte{1, 1, 1, 1})
	internet6 = netip.MustParseAddr("2606:4700:4700::1111")
)

// Gateway returns the gateway towards the Internet as it is now. Where there is one
// for IPv4, IPv6 is not looked up.
func (b Binding) Gateway() (netip.Addr, error) {
	for _, to := range []netip.Addr{internet4, internet6} {
		if r, err := b.Route(to); err == nil && r.Gateway.IsValid() {
			return r.Gateway, nil
		}
	}
	return netip.Addr{}, ErrNoGateway
}
