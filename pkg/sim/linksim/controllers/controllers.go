// Package controllers lists the controllers that are compared on the simulated
// link: the law of this program, and small models of other ways to set limits.
// The models are written from public descriptions of those, not from their code.
package controllers

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/scenario"
)

// Law is one way to set limits.
type Law struct {
	Name  string
	About string
	// New makes the controller of one run, nil for none, and the limits that
	// are in force when it begins.
	New func(s scenario.Scenario, seed uint64) (linksim.Controller, [2]bitrate.Rate)
}

// Unmetered reports that the law has no budget of writes: only ours has one.
func (l Law) Unmetered() bool { return l.Name != Ours }

// Ours is the name of the law of this program.
const Ours = "ours"

// Laws returns every law, ours first.
func Laws() []Law {
	return []Law{
		{Ours, "the law of wanctl", func(s scenario.Scenario, _ uint64) (linksim.Controller, [2]bitrate.Rate) {
			return s.Law(), s.Ceiling
		}},
		{"none", "no limits at all", func(scenario.Scenario, uint64) (linksim.Controller, [2]bitrate.Rate) {
			return nil, [2]bitrate.Rate{}
		}},
		{"fixed", "limits that stay, at 0.95 of the lowest capacity to come", func(s scenario.Scenario, seed uint64) (linksim.Controller, [2]bitrate.Rate) {
			var limits [2]bitrate.Rate
			for _, d := range autorate.Directions {
				limits[d] = min(s.Least(seed, d)*95/100, s.Ceiling[d])
			}
			return nil, limits
		}},
		{"threshold", "four states by thresholds of one smoothed RTT, both directions cut together", func(s scenario.Scenario, _ uint64) (linksim.Controller, [2]bitrate.Rate) {
			return newThreshold(s.LawConfig()), s.Ceiling
		}},
		{"cake-autorate", "one-way delay by votes, cuts by achieved rate, drift to a base rate", func(s scenario.Scenario, _ uint64) (linksim.Controller, [2]bitrate.Rate) {
			a := newAutorate(s.LawConfig())
			return a, a.limits()
		}},
	}
}

// Find returns the law of that name.
func Find(name string) (Law, bool) {
	for _, l := range Laws() {
		if l.Name == name {
			return l, true
		}
	}
	return Law{}, false
}

// ewma moves v towards x as a filter of that time constant does in dt.
func ewma(v *float64, x float64, dt, constant time.Duration) {
	*v += min(1, float64(dt)/float64(constant)) * (x - *v)
}

// throughput is what counters say of one direction.
type throughput struct {
	at    time.Duration
	bytes uint64
	bps   float64
	known bool
}

const throughputOver = 200 * time.Millisecond

func (t *throughput) add(at time.Duration, bytes uint64) {
	switch {
	case !t.known || bytes < t.bytes:
		t.at, t.bytes, t.known = at, bytes, true
	case at-t.at >= throughputOver:
		t.bps = float64(bytes-t.bytes) * 8 / (at - t.at).Seconds()
		t.at, t.bytes = at, bytes
	}
}

func quantised(rate float64) bitrate.Rate { return bitrate.Rate(rate/1000) * bitrate.Kbps }
