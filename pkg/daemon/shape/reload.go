package shape

import (
	"fmt"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
)

// Reload reads the configuration again. The old one stays when the new one is bad.
func (c *WANController) Reload(opts config.Options) {
	fresh, err := daemon.Reload(c.log, func() (*config.WAN, []config.Problem, error) {
		return config.Load(c.cfg.Path, opts)
	})
	c.mode.Kept.Set(c.feed, err)
	if err != nil {
		return
	}
	daemon.LogRestartNeeded(c.log, fixedSettings(c.cfg, fresh))
	c.Reconfigure(fresh)
}

// Reconfigure uses the settings of cfg that may change while the loop runs.
func (c *WANController) Reconfigure(cfg *config.WAN) {
	c.loop.Reconfigure(c.adopt(cfg))
	c.process.Metrics.WAN(c.metricsConfig(cfg)) // floors and ceilings
	if c.notes != nil {
		c.notes.Reconfigure(&cfg.Base)
	}
}

// CanReconfigure reports whether Reconfigure is all that a loop with the configuration
// old needs to go on with fresh.
func CanReconfigure(old, fresh *config.WAN) bool {
	return len(daemon.Changed(fixedSettings(old, fresh))) == 0
}

// fixedSettings compares the settings that are fixed while running.
func fixedSettings(old, fresh *config.WAN) []daemon.Setting {
	return append(daemon.BaseSettings(&old.Base, &fresh.Base), []daemon.Setting{
		{Key: "metrics.detail", Same: old.MetricsDetail == fresh.MetricsDetail},
		{Key: "queues", Same: old.Queues == fresh.Queues},
		{Key: "continuous_monitoring.enabled", Same: fresh.Enabled},
		{Key: "continuous_monitoring.interval", Same: old.Interval == fresh.Interval},
		{Key: "continuous_monitoring.probe_data_mb_per_day", Same: old.ProbeDataMB == fresh.ProbeDataMB},
		{Key: "continuous_monitoring.ping_hosts", Same: fmt.Sprint(old.PingHosts) == fmt.Sprint(fresh.PingHosts)},
		{Key: "continuous_monitoring.ping_interface", Same: old.PingInterface == fresh.PingInterface},
		{Key: "continuous_monitoring.ping_source", Same: old.PingSource == fresh.PingSource},
		{Key: "continuous_monitoring.ping_mark", Same: old.PingMark == fresh.PingMark},
		{Key: "continuous_monitoring.fallback_checks", Same: fmt.Sprint(old.Fallback) == fmt.Sprint(fresh.Fallback)},
	}...)
}
