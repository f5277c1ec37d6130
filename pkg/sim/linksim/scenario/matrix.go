package scenario

import (
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/fluid"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

type rate = bitrate.Rate

// ofKind is a scenario on a line of that kind, with ceilings a tenth above what
// it carries on a good day and floors at a tenth of that.
func ofKind(kind, name, about string, targets Targets, change func(*linksim.Config)) Scenario {
	for _, k := range Kinds() {
		if k.Name == kind {
			return k.scenario(name, about, targets, change)
		}
	}
	panic("no kind of line called " + kind)
}

func (k Kind) scenario(name, about string, targets Targets, change func(*linksim.Config)) Scenario {
	s := Scenario{Name: name, kind: k.Name, About: about, From: loadFrom, To: loadTo, Targets: targets}
	for d := range s.Ceiling {
		s.Ceiling[d] = k.Nominal[d] * 11 / 10
		s.Floor[d] = k.Nominal[d] / 10
	}
	s.Baseline = k.Line(0).BaseRTT(0)
	s.Config = func(seed uint64) linksim.Config {
		c := k.Line(seed)
		c.Limit = s.Ceiling
		change(&c)
		return c
	}
	return s
}

// profile is how the capacity of a line changes over time.
type profile struct {
	name         string
	factor       func(seed uint64) func(time.Duration) float64 // of the line's own capacity; nil: 1
	disturbances []simrun.Kind
}

func profiles() []profile {
	by := func(f func(time.Duration) float64) func(uint64) func(time.Duration) float64 {
		return func(uint64) func(time.Duration) float64 { return f }
	}
	return []profile{
		{name: "steady"},
		{name: "step", factor: by(linksim.During(1.0, 0.4, firstStep, backAgain)), disturbances: []simrun.Kind{simrun.CapacityLost, simrun.CapacityBack}},
		{name: "ramp", factor: by(func(t time.Duration) float64 {
			fall := linksim.Ramp(1000, 500, 10*time.Second, 30*time.Second)
			rise := linksim.Ramp(0, 500, 35*time.Second, 55*time.Second)
			return float64(fall(t)+rise(t)) / 1000
		})},
		{name: "walk", factor: func(seed uint64) func(time.Duration) float64 {
			w := linksim.Walk(seed, 500*time.Millisecond, 700, 300, 1000, 0.15)
			return func(t time.Duration) float64 { return float64(w(t)) / 1000 }
		}},
	}
}

// load is who uses a line.
type load struct {
	name   string
	busy   [2]bool // saturated by bulk flows
	change func(*linksim.Config, Kind)
}

func loads() []load {
	const (
		d = autorate.Download
		u = autorate.Upload
	)
	return []load{
		{"download", [2]bool{true, false}, func(c *linksim.Config, _ Kind) { c.Flows[d] = bulk(4) }},
		{"upload", [2]bool{false, true}, func(c *linksim.Config, _ Kind) { c.Flows[u] = bulk(4) }},
		{"both", [2]bool{true, true}, func(c *linksim.Config, _ Kind) { c.Flows = [2]func(time.Duration) int{bulk(4), bulk(4)} }},
		{"bbr", [2]bool{true, false}, func(c *linksim.Config, _ Kind) {
			c.Flows[d] = bulk(2)
			c.Congestion = func(int, int) fluid.Congestion { return fluid.BBR }
		}},
		{"bursts", [2]bool{}, func(c *linksim.Config, _ Kind) { c.Flows[d] = onOff(4) }},
		{"web", [2]bool{}, func(c *linksim.Config, k Kind) {
			c.ShortFlows = [2]func(time.Duration) rate{linksim.Constant(k.Nominal[d] / 2), linksim.Constant(k.Nominal[u] / 4)}
			c.Flows[u] = bulk(1)
		}},
	}
}

// Matrix returns every kind of line with every profile of its capacity under
// every load. Lines whose capacity varies by itself have no other profile.
func Matrix() []Scenario {
	var all []Scenario
	for _, k := range Kinds() {
		for _, c := range profiles() {
			if k.Varying && c.factor != nil {
				continue
			}
			for _, l := range loads() {
				all = append(all, combine(k, c, l))
			}
		}
	}
	return all
}

func combine(k Kind, c profile, l load) Scenario {
	s := k.scenario(fmt.Sprintf("%s/%s/%s", k.Name, c.name, l.name), k.About, Targets{Writes: 3}, func(cfg *linksim.Config) {
		l.change(cfg, k)
		if c.factor == nil {
			return
		}
		factor := c.factor(cfg.Seed)
		for d, of := range cfg.Capacity {
			if l.busy[1-d] && !l.busy[d] {
				continue // what nobody uses stays
			}
			cfg.Capacity[d] = func(t time.Duration) rate { return rate(float64(of(t)) * factor(t)) }
		}
	})
	for d := range l.busy {
		if l.busy[d] {
			s.Targets.Utilisation[d] = 0.90
			for i, kind := range c.disturbances {
				s.Disturbances = append(s.Disturbances, simrun.Disturbance{
					At: [2]time.Duration{firstStep, backAgain}[i], Direction: autorate.Direction(d), Kind: kind,
				})
			}
		}
	}
	if l.busy == [2]bool{} {
		return s
	}
	s.Targets.Kept = 0.98
	s.Targets.P95OverOwn = 12 * time.Millisecond
	if k.Varying || c.name == "walk" {
		s.Targets.P95OverOwn = 35 * time.Millisecond
	}
	for d := range l.busy {
		if l.busy[d] { // a slow line cannot be faster than its packets
			s.Targets.P95OverOwn += time.Duration(2 * fluid.Packet * 8e9 / float64(k.Nominal[d]))
		}
	}
	return s
}
