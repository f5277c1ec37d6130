package autorate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Config is what a user gives a Law. The law finds everything else itself
// from the noise and the throughput it sees.
type Config struct {
	Directions [2]DirectionConfig

	// Severity thresholds of the excess delay, rising.
	Target, Warn, HardRed time.Duration

	// BaselineInitial is the user's idea of the idle RTT; it matters when the
	// controller starts on a link that is already loaded. Baselines stay
	// within [BaselineMin, BaselineMax].
	BaselineInitial          time.Duration
	BaselineMin, BaselineMax time.Duration

	// Restore is what an earlier run learned of this link.
	Restore Snapshot

	// LoadTimeConstant smooths the excess that the states are read from.
	LoadTimeConstant time.Duration

	// Tick is how often Step is called.
	Tick time.Duration
}

// DirectionConfig bounds one direction. Floors bound cuts by severity; they
// never raise a limit. Red <= SoftRed <= Yellow <= Green <= Ceiling. The zero value
// is a direction that is not controlled: its load is not known, the law takes it for
// idle, and decides nothing for it.
type DirectionConfig struct {
	Ceiling bitrate.Rate
	Floor   [4]bitrate.Rate // by State-1
}

// Lowest returns the floor under every cut.
func (d DirectionConfig) Lowest() bitrate.Rate { return d.Floor[Red-1] }

// FlatFloor is the common case of one floor for all states.
func FlatFloor(r bitrate.Rate) [4]bitrate.Rate { return [4]bitrate.Rate{r, r, r, r} }

// Controlled reports whether limits of the direction are decided.
func (d DirectionConfig) Controlled() bool { return d.Ceiling > 0 }

// fixed is the limit that the law thinks a direction has that is not controlled: it
// can be neither cut nor raised, and any load is small beside it.
const fixed = 1000 * bitrate.Gbps

func (c Config) withDefaults() Config {
	for d := range c.Directions {
		if !c.Directions[d].Controlled() {
			c.Directions[d] = DirectionConfig{Ceiling: fixed, Floor: FlatFloor(fixed)}
		}
	}
	def := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.Target, 15*time.Millisecond)
	def(&c.Warn, 45*time.Millisecond)
	def(&c.HardRed, 80*time.Millisecond)
	def(&c.BaselineMin, time.Millisecond)
	def(&c.BaselineMax, 500*time.Millisecond)
	def(&c.LoadTimeConstant, 250*time.Millisecond)
	def(&c.Tick, 50*time.Millisecond)
	return c
}
