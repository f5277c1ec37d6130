package trace

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Versions of what a recording says of its law. A reader refuses newer ones: it
// would replay them to other decisions without a word.
const (
	setupVersion  = 1
	memoryVersion = 1
)

// Setup is what a law was made of, so that a replay begins where it began.
type Setup struct {
	Version int        `json:"version"`
	WAN     string     `json:"wan,omitempty"`
	Began   *time.Time `json:"began,omitempty"` // by the clock of the recording host
	Hosts   []string   `json:"hosts,omitempty"` // the reflectors, by index
	Law     Settings   `json:"law"`
	Memory  *Memory    `json:"memory,omitempty"`
}

// Memory is what the law knew before its first step: nothing on a host where it
// has never run. What a law learns and takes over a restart belongs here,
// beside what is here already, with memoryVersion raised when the meaning of
// a field changes.
type Memory struct {
	Version    int     `json:"version"`
	BaselineMS float64 `json:"baseline_ms,omitempty"` // idle RTT that an earlier run learned
	NoiseMS    float64 `json:"noise_ms,omitempty"`
	Samples    int     `json:"samples,omitempty"` // that an excess had to last

	Download DirectionMemory `json:"download,omitzero"`
	Upload   DirectionMemory `json:"upload,omitzero"`
}

// DirectionMemory is what was known of one direction.
type DirectionMemory struct {
	CapacityBPS int64   `json:"capacity_bps,omitempty"`
	AgeS        float64 `json:"age_seconds,omitempty"`
}

// NewMemory is the recorded form of what a law knew. baseline is its idle RTT,
// 0 for none.
func NewMemory(baseline time.Duration, m autorate.Snapshot) Memory {
	direction := func(d autorate.Direction) DirectionMemory {
		return DirectionMemory{CapacityBPS: int64(m.Capacity[d]), AgeS: m.Age[d].Seconds()}
	}
	return Memory{
		Version: memoryVersion, BaselineMS: toMS(baseline), NoiseMS: toMS(m.Noise), Samples: m.Samples,
		Download: direction(autorate.Download), Upload: direction(autorate.Upload),
	}
}

// Law is m as a law takes it. What is not plausible counts as not known.
func (m Memory) Law() autorate.Snapshot {
	var law autorate.Snapshot
	if m.NoiseMS > 0 && m.NoiseMS < 1e3 {
		law.Noise, law.Samples = fromMS(m.NoiseMS), max(0, m.Samples)
	}
	for d, known := range map[autorate.Direction]DirectionMemory{autorate.Download: m.Download, autorate.Upload: m.Upload} {
		if known.CapacityBPS > 0 && known.AgeS >= 0 && known.AgeS < 1e6 {
			law.Capacity[d], law.Age[d] = bitrate.Rate(known.CapacityBPS), fromMS(known.AgeS*1e3)
		}
	}
	return law
}

// NewSetup describes the law of wan, made with cfg for the reflectors hosts. learned is
// the idle RTT that an earlier run knew and that cfg has taken over, or 0.
func NewSetup(wan string, cfg autorate.Config, hosts []string, learned time.Duration) Setup {
	s := Setup{Version: setupVersion, WAN: wan, Hosts: unique(hosts), Law: NewSettings(cfg)}
	if learned > 0 || cfg.Restore != (autorate.Snapshot{}) {
		m := NewMemory(learned, cfg.Restore)
		s.Memory = &m
	}
	return s
}

// Recall gives a law with settings cfg what the recorded one knew, where that
// is plausible by the bounds of cfg.
func (s *Setup) Recall(cfg autorate.Config) autorate.Config {
	if s == nil {
		return cfg
	}
	if s.Memory != nil {
		if b := fromMS(s.Memory.BaselineMS); b > 0 && b >= cfg.BaselineMin && (cfg.BaselineMax == 0 || b <= cfg.BaselineMax) {
			cfg.BaselineInitial = b
		}
		cfg.Restore = s.Memory.Law()
	}
	return cfg
}

func (s *Setup) check() error {
	if s.Version > setupVersion {
		return fmt.Errorf("setup of version %d: recorded by a newer wanctl than this", s.Version)
	}
	if s.Memory != nil && s.Memory.Version > memoryVersion {
		return fmt.Errorf("memory of version %d: recorded by a newer wanctl than this", s.Memory.Version)
	}
	return s.Law.check()
}

// unique makes names that differ of hosts: a trace knows reflectors by name.
func unique(hosts []string) []string {
	names, taken := make([]string, len(hosts)), map[string]bool{}
	for i, h := range hosts {
		names[i] = h
		for n := 2; taken[names[i]]; n++ {
			names[i] = fmt.Sprintf("%s#%d", h, n)
		}
		taken[names[i]] = true
	}
	return names
}

// Settings is an autorate.Config as it is recorded. A time of 0 was left to the
// law.
type Settings struct {
	IntervalMS         float64           `json:"interval_ms,omitempty"`
	Download           DirectionSettings `json:"download"`
	Upload             DirectionSettings `json:"upload"`
	TargetMS           float64           `json:"target_bloat_ms,omitempty"`
	WarnMS             float64           `json:"warn_bloat_ms,omitempty"`
	HardRedMS          float64           `json:"hard_red_bloat_ms,omitempty"`
	BaselineInitialMS  float64           `json:"baseline_rtt_initial_ms,omitempty"`
	BaselineMinMS      float64           `json:"baseline_rtt_min_ms,omitempty"`
	BaselineMaxMS      float64           `json:"baseline_rtt_max_ms,omitempty"`
	LoadTimeConstantMS float64           `json:"load_time_constant_ms,omitempty"`
}

// DirectionSettings bound one direction; the floors are for GREEN, YELLOW,
// SOFT_RED and RED.
type DirectionSettings struct {
	CeilingBPS int64    `json:"ceiling_bps"`
	FloorBPS   [4]int64 `json:"floor_bps"`
}

// NewSettings is the recorded form of cfg.
func NewSettings(cfg autorate.Config) Settings {
	direction := func(c autorate.DirectionConfig) DirectionSettings {
		s := DirectionSettings{CeilingBPS: int64(c.Ceiling)}
		for i, f := range c.Floor {
			s.FloorBPS[i] = int64(f)
		}
		return s
	}
	return Settings{
		IntervalMS: toMS(cfg.Tick),
		Download:   direction(cfg.Directions[autorate.Download]),
		Upload:     direction(cfg.Directions[autorate.Upload]),
		TargetMS:   toMS(cfg.Target), WarnMS: toMS(cfg.Warn), HardRedMS: toMS(cfg.HardRed),
		BaselineInitialMS: toMS(cfg.BaselineInitial),
		BaselineMinMS:     toMS(cfg.BaselineMin), BaselineMaxMS: toMS(cfg.BaselineMax),
		LoadTimeConstantMS: toMS(cfg.LoadTimeConstant),
	}
}

// Config is the settings as the law takes them, with its defaults written out.
func (s Settings) Config() autorate.Config {
	direction := func(s DirectionSettings) autorate.DirectionConfig {
		c := autorate.DirectionConfig{Ceiling: bitrate.Rate(s.CeilingBPS)}
		for i, f := range s.FloorBPS {
			c.Floor[i] = bitrate.Rate(f)
		}
		return c
	}
	return autorate.Config{
		Directions: [2]autorate.DirectionConfig{direction(s.Download), direction(s.Upload)},
		Target:     fromMS(cmp.Or(s.TargetMS, 15)), Warn: fromMS(cmp.Or(s.WarnMS, 45)), HardRed: fromMS(cmp.Or(s.HardRedMS, 80)),
		BaselineInitial: fromMS(s.BaselineInitialMS),
		BaselineMin:     fromMS(cmp.Or(s.BaselineMinMS, 1)), BaselineMax: fromMS(cmp.Or(s.BaselineMaxMS, 500)),
		LoadTimeConstant: fromMS(cmp.Or(s.LoadTimeConstantMS, 250)),
		Tick:             fromMS(cmp.Or(s.IntervalMS, 50)),
	}
}

// check refuses what no law can run with.
func (s Settings) check() error {
	for _, v := range []float64{
		s.IntervalMS, s.TargetMS, s.WarnMS, s.HardRedMS, s.BaselineInitialMS,
		s.BaselineMinMS, s.BaselineMaxMS, s.LoadTimeConstantMS,
	} {
		if !(v >= 0 && v <= 1e9) {
			return errors.New("setup: a time of the law is negative or absurdly long")
		}
	}
	for _, d := range []DirectionSettings{s.Download, s.Upload} {
		if d == (DirectionSettings{}) {
			continue // not controlled
		}
		lowest := int64(1)
		for i := len(d.FloorBPS) - 1; i >= 0; i-- { // rising from RED to GREEN
			if d.FloorBPS[i] < lowest {
				return errors.New("setup: floors have to be above 0 and rise from RED to GREEN")
			}
			lowest = d.FloorBPS[i]
		}
		if d.CeilingBPS < lowest || d.CeilingBPS > 1e15 {
			return errors.New("setup: a ceiling lies below its floor, or absurdly high")
		}
	}
	return nil
}
