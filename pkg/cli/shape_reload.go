package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/telemetry/history"
)

// reloadAll reads the configurations again, on SIGHUP. Each WAN keeps its old
// one when the new one is bad.
func (s *shaper) reloadAll(context.Context) {
	for _, w := range s.wans {
		s.reload(w)
	}
}

func (s *shaper) reload(w *shapedWAN) {
	fresh, warnings, err := config.Load(w.cfg.Path, s.app.ConfigOptions())
	for _, p := range warnings {
		w.log.Warn("configuration", "warning", p.String())
	}
	var invalid *config.Error
	if errors.As(err, &invalid) {
		w.feed.Event(history.Event{Kind: "life", Text: "configuration is invalid, the old one is kept: " + invalid.Problems[0].String()})
		for _, p := range invalid.Problems {
			w.log.Error("configuration is invalid: the old one is kept", "problem", p.String())
		}
		return
	}
	if err != nil {
		w.log.Error("configuration cannot be read: the old one is kept", "error", err)
		return
	}
	for _, key := range needsRestart(w.cfg, fresh) {
		w.log.Warn("a changed setting needs a restart to take effect", "key", key)
	}
	w.loop.Reconfigure(w.adopt(fresh))
	s.metrics.WAN(telemetryConfig(w, fresh)) // floors and ceilings
	w.log.Info("configuration reloaded", "file", w.cfg.Path)
}

// sameWay compares two ways with their secrets, which print alike.
func sameWay(a, b config.Router) bool {
	return fmt.Sprint(a) == fmt.Sprint(b) && a.Password.Equal(b.Password) && a.SSHPassphrase.Equal(b.SSHPassphrase)
}

// needsRestart lists the settings that differ but are fixed while running.
func needsRestart(old, fresh *config.WAN) []string {
	keys := baseNeedsRestart(&old.Base, &fresh.Base)
	for _, c := range []struct {
		key  string
		same bool
	}{
		{"queues", old.Queues == fresh.Queues},
		{"continuous_monitoring.enabled", fresh.Enabled},
		{"continuous_monitoring.interval", old.Interval == fresh.Interval},
		{"continuous_monitoring.ping_hosts", fmt.Sprint(old.PingHosts) == fmt.Sprint(fresh.PingHosts)},
		{"continuous_monitoring.ping_interface", old.PingInterface == fresh.PingInterface},
		{"continuous_monitoring.ping_source", old.PingSource == fresh.PingSource},
		{"continuous_monitoring.fallback_checks", fmt.Sprint(old.Fallback) == fmt.Sprint(fresh.Fallback)},
	} {
		if !c.same {
			keys = append(keys, c.key)
		}
	}
	return keys
}

// baseNeedsRestart is needsRestart for what both kinds of file share.
func baseNeedsRestart(old, fresh *config.Base) []string {
	var keys []string
	for _, c := range []struct {
		key  string
		same bool
	}{
		{"wan_name", old.Name == fresh.Name},
		{"router", slices.EqualFunc(old.Router.Endpoints(), fresh.Router.Endpoints(), sameWay)},
		{"timeouts", old.Timeouts == fresh.Timeouts},
		{"health_check", old.Health == fresh.Health},
		{"metrics", old.Metrics == fresh.Metrics},
		{"logging", old.Logging == fresh.Logging},
		{"lock_file", old.LockFile == fresh.LockFile},
		{"state_file", old.StateFile == fresh.StateFile},
	} {
		if !c.same {
			keys = append(keys, c.key)
		}
	}
	return keys
}
