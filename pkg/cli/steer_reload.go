package cli

import (
	"context"
	"errors"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
)

// reload reads the configuration again. The old one stays when the new one is
// bad.
func (s *steerer) reload(context.Context) {
	fresh, warnings, err := readSteering(s.cfg.Path, s.app.ConfigOptions())
	for _, p := range warnings {
		s.log.Warn("configuration", "warning", p.String())
	}
	var invalid *config.Error
	switch {
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			s.log.Error("configuration is invalid: the old one is kept", "problem", p.String())
		}
		return
	case err != nil:
		s.log.Error("configuration cannot be read: the old one is kept", "error", err)
		return
	}
	for _, key := range steeringNeedsRestart(s.cfg, fresh) {
		s.log.Warn("a changed setting needs a restart to take effect", "key", key)
	}
	s.judging.Store(fresh.Steering)
	s.loop.Reconfigure(steeringLaw(fresh.Steering))
}

// steeringNeedsRestart lists the settings that differ but are fixed while
// running: all that the law does not go by.
func steeringNeedsRestart(old, fresh *steeringConfig) []string {
	keys := daemon.Changed(daemon.BaseSettings(&old.Base, &fresh.Base))
	for _, c := range []struct {
		key  string
		same bool
	}{
		{"topology", old.wans() == fresh.wans()},
		{"mangle_rule.comment", old.Rule == fresh.Rule},
		{"cake_state_sources.primary", old.PrimaryState == fresh.PrimaryState},
		{"cake_queues", old.PrimaryDownload == fresh.PrimaryDownload && old.PrimaryUpload == fresh.PrimaryUpload},
		// The other way round, the counters are read but no longer asked.
		{"mode.cake_aware", old.Mode.CakeAware || !fresh.Mode.CakeAware},
		{"thresholds.baseline_rtt_bounds", old.Assess.BaselineMin == fresh.Assess.BaselineMin && old.Assess.BaselineMax == fresh.Assess.BaselineMax},
		{"measurement", old.Interval == fresh.Interval && old.PingHost == fresh.PingHost && old.PingCount == fresh.PingCount},
		{"address_lists.force_out", old.ForceOut == fresh.ForceOut},
		{"state.history_size", old.History == fresh.History},
	} {
		if !c.same {
			keys = append(keys, c.key)
		}
	}
	return keys
}
