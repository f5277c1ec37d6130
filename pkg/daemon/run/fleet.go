package run

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/fleetlink"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
)

// joinFleet adds the task that keeps the connection of this node to its fleet. No loop waits
// for it.
func (m *manager) joinFleet(n *config.Node) {
	metrics := m.Metrics.Fleet()
	m.Sinks = append(m.Sinks, supervisor.NewTask("fleet", nil, func(ctx context.Context) error {
		conn := fleetlink.Keep(ctx, n, m.log)
		if conn == nil {
			return nil
		}
		defer conn.Close()
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
