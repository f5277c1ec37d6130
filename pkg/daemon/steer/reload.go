package steer

import (
	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
)

// Reload reads the configuration again. The old one stays when the new one is bad.
func (c *Controller) Reload(opts config.Options) {
	fresh, err := daemon.Reload(c.log, func() (*Config, []config.Problem, error) { return Load(c.cfg.Path, opts) })
	c.mode.Kept.Set(c.feed, err)
	if err != nil {
		return // it is logged
	}
	daemon.LogRestartNeeded(c.log, fixedSettings(c.cfg, fresh))
	c.Reconfigure(fresh)
}

// Reconfigure uses the settings of cfg that may change while the loop runs.
func (c *Controller) Reconfigure(cfg *Config) {
	c.inUse.Store(cfg.Steering)
	c.loop.Reconfigure(LawConfig(cfg.Steering))
	if c.notes != nil {
		c.notes.Reconfigure(&cfg.Base)
	}
}

// CanReconfigure reports whether Reconfigure is all that a loop with the configuration
// old needs to go on with fresh.
func CanReconfigure(old, fresh *Config) bool {
	return len(daemon.Changed(fixedSettings(old, fresh))) == 0
}

// fixedSettings compares the settings that are fixed while running: all
// that the law does not use.
func fixedSettings(old, fresh *Config) []daemon.Setting {
	return append(daemon.BaseSettings(&old.Base, &fresh.Base), []daemon.Setting{
		{Key: "topology", Same: old.wans() == fresh.wans()},
		{Key: "mangle_rule.comment", Same: old.Rule == fresh.Rule},
		{Key: "cake_state_sources.primary", Same: old.PrimaryState == fresh.PrimaryState},
		{Key: "cake_queues", Same: old.PrimaryDownload == fresh.PrimaryDownload && old.PrimaryUpload == fresh.PrimaryUpload},
		// The other way round, the counters are read but no longer used.
		{Key: "mode.cake_aware", Same: old.Mode.CakeAware || !fresh.Mode.CakeAware},
		{Key: "thresholds.baseline_rtt_bounds", Same: old.Assess.BaselineMin == fresh.Assess.BaselineMin && old.Assess.BaselineMax == fresh.Assess.BaselineMax},
		{Key: "measurement", Same: old.Interval == fresh.Interval && old.PingHost == fresh.PingHost && old.PingCount == fresh.PingCount},
		{Key: "address_lists.force_out", Same: old.ForceOut == fresh.ForceOut},
		{Key: "state.history_size", Same: old.History == fresh.History},
	}...)
}
