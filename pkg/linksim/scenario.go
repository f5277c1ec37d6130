package linksim

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Scenario is a link with a course of events worth comparing laws on.
type Scenario struct {
	Name     string
	Config   func(seed uint64) Config
	Ceiling  [2]bitrate.Rate
	Floor    [2]bitrate.Rate
	From, To time.Duration // the part that is judged
}

// Law returns the law under default settings for this scenario.
func (s Scenario) Law() *autorate.Law {
	return autorate.New(autorate.Config{
		Directions: [2]autorate.DirectionConfig{
			{Ceiling: s.Ceiling[0], Floor: autorate.FlatFloor(s.Floor[0])},
			{Ceiling: s.Ceiling[1], Floor: autorate.FlatFloor(s.Floor[1])},
		},
		BaselineInitial: 24 * time.Millisecond,
	}, s.Ceiling)
}

// Steps is a function of time that changes at the given times.
func Steps[T any](first T, changes ...At[T]) func(time.Duration) T {
	return func(t time.Duration) T {
		v := first
		for _, c := range changes {
			if t >= c.Time {
				v = c.Value
			}
		}
		return v
	}
}

// At is a value from a time on.
type At[T any] struct {
	Time  time.Duration
	Value T
}

const mbit = bitrate.Mbps

// cable is the 40/10 Mbit/s line, 24 ms away, that most scenarios are about.
func cable(seed uint64) Config {
	return Config{
		Seed:     seed,
		BaseRTT:  Constant(24 * time.Millisecond),
		Capacity: [2]func(time.Duration) bitrate.Rate{Constant(40 * mbit), Constant(10 * mbit)},
		Buffer:   [2]int{1_200_000, 300_000},
		Limit:    [2]bitrate.Rate{44 * mbit, 11 * mbit},
		Jitter:   Fibre,
	}
}

func scenario(name string, change func(*Config)) Scenario {
	return Scenario{
		Name: name,
		Config: func(seed uint64) Config {
			c := cable(seed)
			change(&c)
			return c
		},
		Ceiling: [2]bitrate.Rate{44 * mbit, 11 * mbit},
		Floor:   [2]bitrate.Rate{4 * mbit, 1 * mbit},
		From:    2 * time.Second,
		To:      62 * time.Second,
	}
}

// Scenarios returns the standard set.
func Scenarios() []Scenario {
	const down, up = autorate.Download, autorate.Upload
	four := Constant(4)
	return []Scenario{
		scenario("fixed, download", func(c *Config) { c.Flows[down] = four }),
		scenario("fixed, upload", func(c *Config) { c.Flows[up] = four }),
		scenario("step, download", func(c *Config) {
			c.Flows[down] = four
			c.Capacity[down] = Steps(40*mbit, At[bitrate.Rate]{20 * time.Second, 16 * mbit}, At[bitrate.Rate]{40 * time.Second, 40 * mbit})
		}),
		scenario("step, upload", func(c *Config) {
			c.Flows[up] = four
			c.Capacity[up] = Steps(10*mbit, At[bitrate.Rate]{20 * time.Second, 4 * mbit}, At[bitrate.Rate]{40 * time.Second, 10 * mbit})
		}),
		scenario("both step", func(c *Config) {
			c.Flows = [2]func(time.Duration) int{four, four}
			c.Capacity[down] = Steps(40*mbit, At[bitrate.Rate]{20 * time.Second, 20 * mbit}, At[bitrate.Rate]{40 * time.Second, 40 * mbit})
			c.Capacity[up] = Steps(10*mbit, At[bitrate.Rate]{30 * time.Second, 5 * mbit}, At[bitrate.Rate]{50 * time.Second, 10 * mbit})
		}),
		scenario("docsis jitter", func(c *Config) { c.Flows[down] = four; c.Jitter = DOCSIS }),
		scenario("idle, docsis", func(c *Config) { c.Jitter = DOCSIS }),
		scenario("route +20 ms", func(c *Config) {
			c.Flows[down] = four
			c.BaseRTT = Steps(24*time.Millisecond, At[time.Duration]{20 * time.Second, 44 * time.Millisecond})
		}),
		scenario("icmp blackout", func(c *Config) {
			c.Flows[down] = four
			c.Blackout = func(t time.Duration) bool { return t > 20*time.Second && t < 40*time.Second }
		}),
	}
}
