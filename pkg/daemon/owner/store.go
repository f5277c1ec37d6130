package owner

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/ha/etcd"
	"github.com/wanctl/wanctl/pkg/router"
)

// Store is where a node keeps its claims, as its configuration says.
type Store struct {
	dialer net.Dialer
	etcd   *etcd.Client // nil: on each router
}

// NewStore returns the store of a node; nil: of a host that is none. It connects to nothing.
func NewStore(n *config.Node) (*Store, error) {
	s := new(Store)
	if n == nil {
		return s, nil
	}
	if n.Address != "" {
		s.dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(n.Address)}
	}
	if n.Claims == config.InEtcd {
		t, err := n.Etcd.TLS()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Path, err)
		}
		s.etcd = etcd.New(etcd.Config{
			Endpoints: n.Etcd.Endpoints, TLS: t, User: n.Etcd.User, Password: n.Etcd.Password.Reveal(),
			Prefix: n.Etcd.Prefix, Silence: n.Silence,
		})
	}
	return s, nil
}

// Close ends what is shared by the claims of several routers.
func (s *Store) Close() {
	if s.etcd != nil {
		s.etcd.Close()
	}
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
	open := func(d Dial) (router.Client, error) {
		bounds.Dial = d
		return routerdial.Client(b.Router.Endpoints()[0], bounds)
	}
	if s.etcd != nil {
		return NewEtcdClaims(s.etcd.Log(b.Router.Host), s.Dial(), open)
	}
	return NewRouterClaims(s.Dial(), open)
}
