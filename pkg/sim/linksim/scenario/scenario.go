// Package scenario defines the links, loads and faults that control laws are
// tested with in simulation: the standard set with its targets, the field, and a matrix of
// kinds of lines, profiles of their capacity, and loads. It runs nothing.
package scenario

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// Scenario is a simulated link with its load, what happens to it, and targets.
type Scenario struct {
	Name         string
	kind         string // of line; "" for the usual one
	About        string
	Config       func(seed uint64) linksim.Config // a link of its own for every call
	Ceiling      [2]bitrate.Rate
	Floor        [2]bitrate.Rate
	Baseline     time.Duration // what the user expects of the idle RTT
	From, To     time.Duration // the part that is judged
	Disturbances []simrun.Disturbance
	Router       func(*simrun.Router) // what goes wrong with the router; nil: nothing
	Targets      Targets
}

// Targets is what is asked of a law in a scenario. Zero fields ask nothing.
type Targets struct {
	Utilisation [2]float64    // at least
	P95, P99    time.Duration // of the excess, jitter included, at most
	P95OverOwn  time.Duration // of the excess above the 95th percentile of the jitter alone
	Kept        float64       // of the idle direction's capacity, on average, at least
	Writes      float64       // a second, at most
	Quiet       bool          // no write at all

	// At most so long after a disturbance of that kind.
	FirstCut, Below, Drained, Recovered, Normal time.Duration

	// Against names the scenario whose results these may fall behind by 0.05 of
	// utilisation and by a factor of two in the 95th percentile.
	Against string
}

// What a law may fall behind another scenario by.
const (
	AgainstUtilisation = 0.05
	AgainstP95         = 2
)

// LawConfig is the law's settings for this scenario: nothing but ceilings,
// floors and the idle RTT as a user knows it.
func (s Scenario) LawConfig() autorate.Config {
	return autorate.Config{
		Directions: [2]autorate.DirectionConfig{
			{Ceiling: s.Ceiling[0], Floor: autorate.FlatFloor(s.Floor[0])},
			{Ceiling: s.Ceiling[1], Floor: autorate.FlatFloor(s.Floor[1])},
		},
		BaselineInitial: s.Baseline, BaselineMax: max(500*time.Millisecond, 2*s.Baseline),
	}
}

// Law returns the law under default settings for this scenario.
func (s Scenario) Law() *autorate.Law { return autorate.New(s.LawConfig(), s.Ceiling) }

// Least returns the lowest capacity of d that lasts for longer than a moment, in
// the part of the run that is measured.
func (s Scenario) Least(seed uint64, d autorate.Direction) bitrate.Rate {
	return least(s.Config(seed), d, s.From, s.To)
}

// Simulation puts a controller around a new link of this scenario, through router
// and whatever the scenario does to it. start, if not zero, are the limits in
// force at the beginning instead of the ceilings.
func (s Scenario) Simulation(seed uint64, c linksim.Controller, router simrun.Router, start *[2]bitrate.Rate) *simrun.Simulation {
	cfg := s.Config(seed)
	cfg.Limit = s.Ceiling
	if start != nil {
		cfg.Limit = *start
	}
	if s.Router != nil {
		s.Router(&router)
	}
	return &simrun.Simulation{
		Link: linksim.New(cfg), Controller: c, Router: router, Seed: seed, Disturbances: s.Disturbances,
		Bounds: actuate.LawBounds(s.LawConfig()), SlowProbes: true,
	}
}

// WithClocks returns the same scenario with reflectors that answer timestamp
// requests, by clocks that are seconds apart and drift.
func (s Scenario) WithClocks() Scenario {
	silent := s.Config
	s.Config = func(seed uint64) linksim.Config {
		cfg := silent(seed)
		cfg.OneWay = linksim.OneWay{Asked: true, Clock: linksim.Drifting(3*time.Second, 20)}
		return cfg
	}
	return s
}

func percentile(rates []bitrate.Rate, p int) bitrate.Rate {
	if len(rates) == 0 {
		return 0
	}
	slices.Sort(rates)
	return rates[len(rates)*p/100]
}

// Times of the scenarios: the load begins when the controller has had a look at
// the idle link, and what changes does so in the middle.
const (
	loadFrom  = 3 * time.Second
	loadTo    = 63 * time.Second
	firstStep = 23 * time.Second
	backAgain = 43 * time.Second
)

// bulk is n flows for as long as there is load.
func bulk(n int) func(time.Duration) int { return linksim.During(0, n, loadFrom, 100*time.Hour) }

// usual is the 40/10 Mbit/s line, 24 ms away, that most scenarios are about,
// with ceilings a tenth above what it carries.
func usual(name, about string, targets Targets, change func(*linksim.Config)) Scenario {
	nominal := [2]bitrate.Rate{40 * mbit, 10 * mbit}
	s := Scenario{
		Name: name, About: about,
		Ceiling:  [2]bitrate.Rate{44 * mbit, 11 * mbit},
		Floor:    [2]bitrate.Rate{4 * mbit, 1 * mbit},
		Baseline: 24 * time.Millisecond,
		From:     loadFrom,
		To:       loadTo,
		Targets:  targets,
	}
	s.Config = func(seed uint64) linksim.Config {
		c := line(seed, 24*time.Millisecond, nominal, same(240*time.Millisecond), linksim.Fibre)
		c.Limit = s.Ceiling
		change(&c)
		return c
	}
	return s
}

func (s Scenario) with(d ...simrun.Disturbance) Scenario {
	s.Disturbances = d
	return s
}

// drop is a capacity that is lower for the middle of the load.
func drop(from, to bitrate.Rate, at, back time.Duration) func(time.Duration) bitrate.Rate {
	return linksim.During(from, to, at, back)
}

func dropAndReturn(d autorate.Direction, at, back time.Duration) []simrun.Disturbance {
	return []simrun.Disturbance{{At: at, Direction: d, Kind: simrun.CapacityLost}, {At: back, Direction: d, Kind: simrun.CapacityBack}}
}
