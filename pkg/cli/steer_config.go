package cli

import (
	"path/filepath"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/units"
)

// steeringLaw is the law of a configuration. A score that is only to be looked
// at does not decide.
func steeringLaw(cfg *config.Steering) steering.Config {
	t, c := cfg.Assess, cfg.Confidence
	return steering.Config{
		CakeAware: cfg.Mode.CakeAware, Yellow: cfg.Mode.Yellow,
		GreenRTT: t.GreenRTT, YellowRTT: t.YellowRTT, RedRTT: t.RedRTT,
		MinDropsRed: t.MinDropsRed, MinQueueYellow: t.MinQueueYellow, MinQueueRed: t.MinQueueRed,
		RedSamples: t.RedSamples, GreenSamples: t.GreenSamples,
		RTTAlpha: t.RTTAlpha, QueueAlpha: t.QueueAlpha,
		Bad: t.Bad, Recovery: t.Recovery, BadSamples: t.BadSamples, GoodSamples: t.GoodSamples,
		Scored: cfg.Mode.Confidence && !c.DryRun,
		Confidence: steering.Confidence{
			SteerThreshold: float64(c.SteerThreshold), RecoveryThreshold: float64(c.RecoveryThreshold),
			Sustain: c.Sustain, RecoverySustain: c.RecoverySustain, HoldDown: c.HoldDown,
			FlapDetection: c.FlapDetection, FlapWindow: c.FlapWindow, MaxToggles: c.MaxToggles,
			Penalty: c.Penalty, PenaltyThreshold: float64(c.PenaltyThreshold),
		},
	}
}

// steeringThresholds is what monitors are told of it.
func steeringThresholds(law steering.Config) telemetry.SteeringThresholds {
	return telemetry.SteeringThresholds{
		GreenRTTMs: units.Millis(law.GreenRTT), YellowRTTMs: units.Millis(law.YellowRTT), RedRTTMs: units.Millis(law.RedRTT),
		RedSamplesRequired: law.RedSamples, GreenSamplesRequired: law.GreenSamples,
	}
}

// socketOf is where the loop of a WAN answers: beside the lock file of its
// configuration or, where that is not known, beside our own.
func (cfg *steeringConfig) socketOf(wan *config.WAN, name string) string {
	if wan != nil {
		return wan.Socket()
	}
	return filepath.Join(filepath.Dir(cfg.Socket()), name+".sock")
}

// wans is which WANs these are, and how they are asked and measured.
func (cfg *steeringConfig) wans() [6]string {
	probes := cfg.ownProbes()
	return [...]string{
		cfg.Primary, cfg.socketOf(cfg.primary, cfg.Primary), probes.Source, probes.Interface,
		cfg.Alternate, cfg.socketOf(cfg.alternate, cfg.Alternate),
	}
}

// ownProbes measures the primary WAN where no loop does: so many probes within
// an interval, and by the same way as the loop's.
func (cfg *steeringConfig) ownProbes() probe.Config {
	c := probe.Config{
		Targets: []string{cfg.PingHost}, Timeout: cfg.Timeouts.Ping, Staggered: true,
		Interval: min(max(cfg.Interval/time.Duration(cfg.PingCount), probe.DefaultInterval), time.Second),
	}
	if cfg.primary != nil {
		c.Source, c.Interface = cfg.primary.PingSource, cfg.primary.PingInterface
	}
	return c
}
