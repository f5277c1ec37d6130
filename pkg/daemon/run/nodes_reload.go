package run

import (
	"reflect"
	"slices"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/ha"
)

// protocol returns what the protocol has of a configuration. Of it, all but the name can
// change while the node runs.
func protocol(n *config.Node) ha.Config {
	return ha.Config{Name: n.Name, Order: n.Order, Silence: n.Silence, Poll: poll, Failback: n.Failback}
}

// nodeFile follows node.yaml.
type nodeFile struct {
	inUse      *config.Node // nil: there was none at the start
	last, used stamp
}

// follow has update follow node.yaml, of which node is in use; nil: there is none.
func (m *manager) follow(node *config.Node) {
	m.changing.Lock()
	defer m.changing.Unlock()
	m.node = &nodeFile{inUse: node}
	if path, err := config.Path(m.options.Dir, "node"); err == nil {
		m.node.last = stampOf(path)
		m.node.used = m.node.last
	}
}

// loadNode reads node.yaml; nil without one.
func (m *manager) loadNode() (*config.Node, error) {
	node, warnings, err := config.LoadNode(m.options.Dir, "", m.options.Config)
	for _, w := range warnings {
		m.log.Warn("configuration", "warning", w.String())
	}
	return node, err
}

// reloadNode has the node use what node.yaml says, where that can change while it runs. Like
// other files, it is read when it has stayed the same between two looks, or with all.
func (m *manager) reloadNode(all bool) {
	if m.node == nil {
		return // a trial run
	}
	path, err := config.Path(m.options.Dir, "node")
	if err != nil {
		return // which names the directory, as the look at it does
	}
	f, now := m.node, stampOf(path)
	steady := now == f.last
	f.last = now
	if !all && (!steady || now == f.used) {
		return
	}
	f.used = now
	fresh, err := m.loadNode()
	if err != nil {
		m.Complain(err, "node.yaml cannot be used: this node keeps the old one")
		return
	}
	old := f.inUse
	switch {
	case old == nil && fresh == nil:
		return
	case old == nil || fresh == nil:
		m.log.Warn("node.yaml came or went: that needs a restart to take effect", "file", path)
		return
	}
	daemon.LogRestartNeeded(m.log, []daemon.Setting{
		{Key: "node.name", Same: old.Name == fresh.Name},
		{Key: "node.address", Same: old.Address == fresh.Address},
		{Key: "ha.enabled", Same: old.Enabled == fresh.Enabled},
		{Key: "ha.claims", Same: old.Claims == fresh.Claims},
		{Key: "fleet", Same: reflect.DeepEqual(old.Fleet, fresh.Fleet)},
	})
	if m.nodes == nil || slices.Equal(old.Order, fresh.Order) && old.Silence == fresh.Silence && old.Failback == fresh.Failback {
		return
	}
	next := *old // what needs a restart stays
	next.Order, next.Silence, next.Failback = fresh.Order, fresh.Silence, fresh.Failback
	f.inUse = &next
	m.nodes.reconfigure(&next)
	m.log.Info("configuration reloaded", "file", path)
}

// reconfigure has the protocol use another configuration for all routers.
func (n *nodes) reconfigure(cfg *config.Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cfg = cfg
	for _, c := range n.routers {
		c.runner.Reconfigure(protocol(cfg))
	}
}
