package owner

import (
	"context"
	"net"
	"net/netip"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/router"
)

// Store is where a node keeps its claims, as its configuration says.
type Store struct {
	dialer net.Dialer
}

// NewStore returns the store of a node; nil: of a host that is none. It connects to nothing.
func NewStore(n *config.Node) *Store {
	s := new(Store)
	if n != nil && n.Address != "" {
		s.dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(n.Address)}
	}
	return s
}

// Dial returns a function that connects to routers from the address of the node, by IPv4: a
// node has one address there, by which it is counted and fenced.
func (s *Store) Dial() Dial {
	return func(ctx context.Context, _, addr string) (net.Conn, error) {
		return s.dialer.DialContext(ctx, "tcp4", addr)
	}
}

// Claims returns the claims of a router. The bounds are those of each request to it.
func (s *Store) Claims(b *config.Base, bounds routerdial.Bounds) (Claims, error) {
	if a, err := netip.ParseAddr(b.Router.Host); err == nil && !a.Is4() {
		return nil, &config.Error{Problems: []config.Problem{{File: b.Path, Key: "router.host",
			Text: b.Router.Host + " is an IPv6 address, and the rules that count and fence nodes are of IPv4: give the router's IPv4 address"}}}
	}
	return NewRouterClaims(s.Dial(), func(d Dial) (router.Client, error) {
		bounds.Dial = d
		return routerdial.Client(b.Router.Endpoints()[0], bounds)
	})
}
