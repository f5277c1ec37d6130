package run

import (
	"context"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon/follow"
	"github.com/wanctl/wanctl/pkg/fleet/release"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// follower returns what has this node use the configurations of its fleet; nil without
// fleet.config: follow. It may take back a set with which the process has crashed, so it is
// made before the first configuration is read.
func (m *manager) follower(n *config.Node) *follow.Follower {
	if n.Fleet.Config != config.FollowConfig {
		return nil
	}
	var results []string
	for _, r := range release.Results() {
		results = append(results, string(r))
	}
	metrics := m.Metrics.Config(results...)
	return follow.Open(follow.Options{
		Verify: follow.Signers(n.Fleet.Signers), Node: n.Name, Site: n.Fleet.Site, Stage: n.Fleet.Stage, Version: m.Version,
		ConfigDir: m.options.Dir, Directory: n.Fleet.Directory, Config: m.options.Config,
		Loops: m.conditions, Reload: func() error { return m.update(true) }, Stands: func(revision uint64, r release.Result) { metrics.Stands(revision, string(r)) }, Log: m.log,
	})
}

// conditions returns how all loops are, by name.
func (m *manager) conditions(ctx context.Context) map[string]release.Condition {
	of := map[telemetry.Status]release.Condition{telemetry.Healthy: release.Well, telemetry.Starting: release.Starting, telemetry.Degraded: release.Unwell}
	loops := map[string]release.Condition{}
	h := m.Checker.Host(ctx)
	for i := range h.WANs {
		loops[h.WANs[i].Name] = of[h.WANs[i].Status]
	}
	for i := range h.Steering {
		loops[h.Steering[i].Detail.Name] = of[h.Steering[i].Status]
	}
	return loops
}
