package steer

import (
	"path/filepath"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/probe"
	"github.com/wanctl/wanctl/pkg/steering"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/units"
)

// LawConfig returns the settings of the law that a configuration asks for. A score
// in dry run does not decide.
func LawConfig(cfg *config.Steering) steering.Config {
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

// Thresholds returns the part of them that the health document shows.
func Thresholds(law steering.Config) telemetry.SteeringThresholds {
	return telemetry.SteeringThresholds{
		GreenRTTMs: units.Millis(law.GreenRTT), YellowRTTMs: units.Millis(law.YellowRTT), RedRTTMs: units.Millis(law.RedRTT),
		RedSamplesRequired: law.RedSamples, GreenSamplesRequired: law.GreenSamples,
	}
}

// socketOf returns the path where the loop of a WAN answers: beside the lock file of its
// configuration or, where that is not known, beside our own.
func (cfg *Config) socketOf(wan *config.WAN, name string) string {
	if wan != nil {
		return wan.Socket()
	}
	return filepath.Join(filepath.Dir(cfg.Socket()), name+".sock")
}

// wans identifies both WANs, and how they are asked and measured.
func (cfg *Config) wans() [6]any {
	alternate, _ := cfg.alternateProbes()
	return [...]any{
		cfg.Primary, cfg.socketOf(cfg.primary, cfg.Primary), bindingOf(cfg.ownProbes()),
		cfg.Alternate, cfg.socketOf(cfg.alternate, cfg.Alternate), bindingOf(alternate),
	}
}

// binding is what selects the route of probes.
type binding struct {
	source, iface string
	mark          uint32
}

func bindingOf(c probe.Config) binding { return binding{c.Source, c.Interface, c.Mark} }

// alternateProbes returns how the alternate WAN is measured where no loop does it. ok is
// false where its configuration is not known, or names no way for probes that differs
// from the primary's: they would measure the primary WAN.
func (cfg *Config) alternateProbes() (c probe.Config, ok bool) {
	w := cfg.alternate
	if w == nil || len(w.PingHosts) == 0 {
		return c, false
	}
	c = cfg.ownProbes()
	primary := bindingOf(c)
	c.Targets, c.Source, c.Interface, c.Mark = w.PingHosts[:1], w.PingSource, w.PingInterface, w.PingMark
	return c, bindingOf(c) != primary && bindingOf(c) != binding{}
}

// queues returns the names of the primary WAN's queues, download and upload.
func (cfg *Config) queues() [2]string {
	if simple := cfg.simple(); simple != "" {
		return [2]string{simple + " (A)", simple + " (B)"} // which is the download does not matter here
	}
	return [2]string{cfg.PrimaryDownload, cfg.PrimaryUpload}
}

// simple returns the name of the primary WAN's simple queue, "" if it has queues of
// the tree.
func (cfg *Config) simple() string {
	if cfg.primary == nil || cfg.PrimaryDownload != "" || cfg.PrimaryUpload != "" {
		return ""
	}
	return cfg.primary.Queues.Simple
}

// notCounted returns the names of the queues that which selects.
func (cfg *Config) notCounted(which [2]bool) (names []string) {
	for i, name := range cfg.queues() {
		if which[i] {
			names = append(names, name)
		}
	}
	return names
}

// ownProbes returns how the primary WAN is measured where no loop does it: the
// configured number of probes an interval, from the source of the loop.
func (cfg *Config) ownProbes() probe.Config {
	c := probe.Config{
		Targets: []string{cfg.PingHost}, Timeout: cfg.Timeouts.Ping, Staggered: true,
		Interval: min(max(cfg.Interval/time.Duration(cfg.PingCount), probe.DefaultInterval), time.Second),
	}
	if cfg.primary != nil {
		c.Source, c.Interface, c.Mark = cfg.primary.PingSource, cfg.primary.PingInterface, cfg.primary.PingMark
	}
	return c
}

// Config is the configuration of steering with those of its two WANs,
// which are nil where no file is named, or none that can be used.
type Config struct {
	*config.Steering
	primary, alternate *config.WAN
}

// Load reads the configuration of steering and, as far as they concern it, those
// of its two WANs.
func Load(path string, opts config.Options) (*Config, []config.Problem, error) {
	cfg, warnings, err := config.LoadSteering(path, opts)
	if err != nil {
		return nil, warnings, err
	}
	s := &Config{Steering: cfg}
	var more []config.Problem
	s.primary, s.alternate, more, err = cfg.LoadWANs(opts)
	warnings = append(warnings, more...)
	if err != nil {
		return nil, warnings, err
	}
	return s, warnings, nil
}
