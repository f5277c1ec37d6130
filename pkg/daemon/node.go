package daemon

import (
	"github.com/wanctl/wanctl/pkg/notify"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// Node is what a loop knows of the node that it runs on. The zero Node is that of a process
// which shares its routers with no other.
type Node struct {
	// Status returns how the node stands with the router; nil: it is none of several.
	Status func() *telemetry.RouterOwner
	// Taken is how the node came to own the router, if that is news.
	Taken *notify.Takeover
}

// HA returns how the node stands with the router; nil: it is none of several.
func (n *Node) HA() *telemetry.RouterOwner {
	if n.Status == nil {
		return nil
	}
	return n.Status()
}

// Record adds to the history of a loop how the node came to own its router.
func (n *Node) Record(e Events) {
	if n.Taken != nil {
		e.Info("the router was taken over", "router", n.Taken.Router, "node", n.Taken.Node, "from", n.Taken.From, "reason", n.Taken.Reason)
		e.Record("owner", "", n.Taken.String())
	}
}
