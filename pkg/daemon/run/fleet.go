package run

import (
	"context"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/fleetlink"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/fleet/kv"
	"github.com/wanctl/wanctl/pkg/fleet/live"
)

// joinFleet adds the task that keeps the connection of this node to its fleet, and publishes
// what the loops do. No loop waits for it.
func (m *manager) joinFleet(n *config.Node) {
	metrics := m.Metrics.Fleet()
	publisher := m.publisher(n, metrics.Dropped)
	follower := m.follower(n)
	m.Sinks = append(m.Sinks, supervisor.NewTask("fleet", nil, func(ctx context.Context) error {
		conn := fleetlink.Keep(ctx, n, m.log)
		if conn == nil {
			return nil
		}
		defer conn.Close()
		var wg sync.WaitGroup
		defer wg.Wait()
		if n.Fleet.Publish > 0 {
			wg.Go(func() { publisher.Run(ctx, conn) })
		}
		if follower != nil {
			wg.Go(func() { follower.Run(ctx, kv.New(conn.NATS(), false)) })
		}
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			metrics.Connected(conn.Connected())
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
		}
	}))
}

// publisher returns what publishes the loops of this process.
func (m *manager) publisher(n *config.Node, dropped func()) *live.Publisher {
	return &live.Publisher{
		Site: n.Fleet.Site, Node: n.Name, Every: n.Fleet.Publish, Dropped: dropped, Log: m.log,
		Sample: func(ctx context.Context) live.Batch {
			return live.Batch{Stage: n.Fleet.Stage, Version: m.Version, WANs: fleetlink.WANs(m.Checker.Health(ctx))}
		},
		History: func(wan string) (any, bool) {
			w := m.Past.Of(wan, time.Time{})
			return w, w.WANs[wan] != nil
		},
	}
}
