package run

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// standby stands for a loop that another node runs: it says so on the socket where the
// loop would answer, and in the health document.
type standby struct {
	setting *setting
	ha      func() *telemetry.RouterOwner
	*supervisor.SocketServer
}

var (
	_ daemon.Loop              = (*standby)(nil)
	_ telemetry.Source         = standbyWAN{}
	_ telemetry.SteeringSource = standbySteering{}
)

// standbys returns what stands for the loops of routers that this node does not own, by name.
func (m *manager) standbys() map[string]*standby {
	all := map[string]*standby{}
	for _, u := range m.units {
		if u.standsBy() {
			s := m.newStandby(u.fresh())
			all[s.Name()] = s
		}
	}
	return all
}

// standsBy reports whether the loop of u runs on another node, if anywhere.
func (u *unit) standsBy() bool {
	return u.awaited && u.inUse == nil && u.err == nil && u.fresh() != nil
}

func (m *manager) newStandby(set *setting) *standby {
	s := &standby{setting: set, ha: m.nodes.of(set)}
	past := func(since time.Time) history.Window { return m.Past.Of(set.name(), since) }
	health := telemetry.NewChecker(m.Version, standbyWAN{s}).Handler(nil)
	if set.wan == nil {
		health = telemetry.NewSteeringChecker(m.Version, standbySteering{s}).Handler(nil)
	}
	handler := daemonsock.Handler(health, past, telemetry.NewRegistry())
	s.SocketServer = supervisor.NewSocketServer(set.name(), set.base().Socket(), handler, m.log, slog.LevelWarn)
	return s
}

// standbyName is the name of what stands for the loop of a setting.
func standbyName(s *setting) string { return "standby " + s.base().Socket() }

// Name implements daemon.Loop.
func (s *standby) Name() string { return standbyName(s.setting) }

// Open implements daemon.Loop. Of a loop, it is the lock that makes the directory.
func (s *standby) Open(context.Context) error {
	return os.MkdirAll(filepath.Dir(s.setting.base().Socket()), 0o755)
}

// Close implements daemon.Loop.
func (s *standby) Close() error { return nil }

type standbyWAN struct{ *standby }

// Snapshot implements telemetry.Source.
func (s standbyWAN) Snapshot(context.Context) (telemetry.WANHealth, error) {
	return telemetry.WANHealth{Name: s.setting.name(), HA: s.ha()}, nil
}

type standbySteering struct{ *standby }

// Snapshot implements telemetry.SteeringSource.
func (s standbySteering) Snapshot(context.Context) (telemetry.SteeringHealth, error) {
	h := telemetry.NewSteeringHealth(s.setting.steering.Primary, "", time.Time{})
	h.Detail.Name, h.HA = s.setting.name(), s.ha()
	return h, nil
}
