package owner

import (
	"net"

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

// Dial returns a function that connects to routers from the address of the node.
func (s *Store) Dial() Dial { return s.dialer.DialContext }

// Claims returns the claims of a router. The bounds are those of each request to it.
func (s *Store) Claims(b *config.Base, bounds routerdial.Bounds) (Claims, error) {
	return NewRouterClaims(s.Dial(), func(d Dial) (router.Client, error) {
		bounds.Dial = d
		return routerdial.Client(b.Router.Endpoints()[0], bounds)
	})
}
