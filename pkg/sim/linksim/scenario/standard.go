package scenario

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/fluid"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

const (
	down = autorate.Download
	up   = autorate.Upload
)

// Find returns the scenario of that name, wherever it belongs.
func Find(name string) (Scenario, bool) {
	for _, s := range slices.Concat(Standard(), Field(), Matrix()) {
		if s.Name == name {
			return s, true
		}
	}
	return Scenario{}, false
}

// Standard returns the standard set: the table that the law is held to, then
// what else goes wrong in the world.
func Standard() []Scenario { return slices.Concat(table(), faults()) }

// Targets that several scenarios share.
func fixedTargets(d autorate.Direction) Targets {
	t := Targets{P95: 8 * time.Millisecond, P99: 15 * time.Millisecond, Kept: 0.98, Writes: 3}
	t.Utilisation[d] = 0.96
	return t
}

func stepTargets(d autorate.Direction) Targets {
	const ms = time.Millisecond
	t := Targets{
		P95: 10 * ms, P99: 60 * ms, Kept: 0.98, Writes: 3,
		FirstCut: 200 * ms, Below: 400 * ms, Drained: time.Second, Recovered: 4 * time.Second,
	}
	t.Utilisation[d] = 0.95
	return t
}

func bothTargets() Targets {
	return Targets{Utilisation: [2]float64{0.90, 0.90}, P95: 12 * time.Millisecond, P99: 60 * time.Millisecond, Writes: 3}
}

func lteTargets(d autorate.Direction) Targets {
	t := Targets{P95: 35 * time.Millisecond, P99: 80 * time.Millisecond, Kept: 0.98, Writes: 3}
	t.Utilisation[d] = 0.90
	return t
}

func jitterTargets(d autorate.Direction) Targets {
	t := Targets{P95OverOwn: 8 * time.Millisecond, Kept: 0.98, Writes: 3}
	t.Utilisation[d] = 0.92
	return t
}

// table is the scenarios that have targets of their own.
func table() []Scenario {
	return []Scenario{
		usual("fixed-download", "four downloads, capacity as it is", fixedTargets(down), func(c *linksim.Config) { c.Flows[down] = bulk(4) }),
		usual("fixed-upload", "four uploads, capacity as it is", fixedTargets(up), func(c *linksim.Config) { c.Flows[up] = bulk(4) }),
		usual("step-download", "four downloads, 40 -> 16 -> 40 Mbit/s", stepTargets(down), func(c *linksim.Config) {
			c.Flows[down] = bulk(4)
			c.Capacity[down] = drop(40*mbit, 16*mbit, firstStep, backAgain)
		}).with(dropAndReturn(down, firstStep, backAgain)...),
		usual("step-upload", "four uploads, 10 -> 4 -> 10 Mbit/s", stepTargets(up), func(c *linksim.Config) {
			c.Flows[up] = bulk(4)
			c.Capacity[up] = drop(10*mbit, 4*mbit, firstStep, backAgain)
		}).with(dropAndReturn(up, firstStep, backAgain)...),
		usual("both-fixed", "four flows each way, capacity as it is", bothTargets(), func(c *linksim.Config) {
			c.Flows = [2]func(time.Duration) int{bulk(4), bulk(4)}
		}),
		usual("both-step", "four flows each way, the capacities halved at different times", bothTargets(), func(c *linksim.Config) {
			c.Flows = [2]func(time.Duration) int{bulk(4), bulk(4)}
			c.Capacity[down] = drop(40*mbit, 20*mbit, firstStep, backAgain)
			c.Capacity[up] = drop(10*mbit, 5*mbit, firstStep+10*time.Second, backAgain+10*time.Second)
		}).with(append(dropAndReturn(down, firstStep, backAgain), dropAndReturn(up, firstStep+10*time.Second, backAgain+10*time.Second)...)...),
		usual("both-halved", "four flows each way, both capacities halved at once", bothTargets(), func(c *linksim.Config) {
			c.Flows = [2]func(time.Duration) int{bulk(4), bulk(4)}
			c.Capacity[down] = drop(40*mbit, 20*mbit, firstStep, backAgain)
			c.Capacity[up] = drop(10*mbit, 5*mbit, firstStep, backAgain)
		}).with(append(dropAndReturn(down, firstStep, backAgain), dropAndReturn(up, firstStep, backAgain)...)...),
		idle(),
		usual("docsis", "four downloads, DOCSIS jitter with spikes of 15 ms", jitterTargets(down), func(c *linksim.Config) {
			c.Flows[down] = bulk(4)
			c.Jitter = linksim.DOCSIS
		}),
		usual("lte-walk", "four downloads, the capacity walks between 8 and 40 Mbit/s", lteTargets(down), func(c *linksim.Config) {
			c.Flows[down] = bulk(4)
			c.Capacity[down] = linksim.Walk(c.Seed, 500*time.Millisecond, 24*mbit, 8*mbit, 40*mbit, 0.15)
		}),
		ofKind("lte", "lte", "four downloads on LTE: walk, handovers, transmission intervals, wake-up", lteTargets(down),
			func(c *linksim.Config) { c.Flows[down] = bulk(4) }),
		usual("route", "four downloads, the RTT grows by 20 ms for good", Targets{
			Utilisation: [2]float64{0.95, 0}, P95: 10 * time.Millisecond, P99: 20 * time.Millisecond, Kept: 0.98, Writes: 3, Normal: 5 * time.Second,
		}, func(c *linksim.Config) {
			c.Flows[down] = bulk(4)
			c.BaseRTT = linksim.Steps(24*time.Millisecond, linksim.At[time.Duration]{Time: firstStep, Value: 44 * time.Millisecond})
		}).with(simrun.Disturbance{At: firstStep, Direction: down, Kind: simrun.RouteChanged}),
		usual("blackout", "four downloads, no ping is answered for 20 s, TCP is", against("fixed-download"), func(c *linksim.Config) {
			c.Flows[down] = bulk(4)
			c.Blackout = linksim.During(false, true, firstStep, backAgain)
			c.TCPTargets = 2
		}),
	}
}

// idle is an hour of a cable line that nobody uses.
func idle() Scenario {
	s := usual("idle", "an hour of DOCSIS jitter without load", Targets{Quiet: true}, func(c *linksim.Config) { c.Jitter = linksim.DOCSIS })
	s.From, s.To = 0, time.Hour
	return s
}

// against asks that a mishap costs little, compared with what is otherwise the
// same.
func against(name string) Targets { return Targets{Against: name, Kept: 0.98, Writes: 3} }

// faults is what goes wrong with reflectors and routers, and other load.
func faults() []Scenario {
	four := func(c *linksim.Config) { c.Flows[down] = bulk(4) }
	loaded := linksim.During(false, true, loadFrom, 100*time.Hour)
	router := func(s Scenario, change func(*simrun.Router)) Scenario {
		s.Router = change
		return s
	}
	return []Scenario{
		usual("blackout-silent", "four downloads, nothing is answered for 20 s", against("fixed-download"), func(c *linksim.Config) {
			four(c)
			c.Blackout = linksim.During(false, true, firstStep, backAgain)
		}),
		usual("reflector-silent", "four downloads, one of three reflectors falls silent", against("fixed-download"), func(c *linksim.Config) {
			four(c)
			c.Fault = linksim.SilentFrom(1, firstStep)
		}),
		usual("reflector-slow", "four downloads, one reflector answers late under load", against("fixed-download"), func(c *linksim.Config) {
			four(c)
			c.Fault = linksim.Deprioritised(0, 60*time.Millisecond, loaded)
		}),
		usual("reflector-moved", "four downloads, one reflector moves 40 ms away", against("fixed-download"), func(c *linksim.Config) {
			four(c)
			c.Fault = linksim.Shifted(2, firstStep, 40*time.Millisecond)
		}),
		usual("few-echo-replies", "four downloads, a firewall lets five echo replies a second through", against("fixed-download"), func(c *linksim.Config) {
			four(c)
			c.Fault = linksim.EchoLimit(5, 10)
			c.TCPTargets = 2
		}),
		router(usual("router-reboot", "four downloads, the router cannot be managed for 45 s while 40 -> 30 Mbit/s", Targets{Kept: 0.98, Writes: 3}, func(c *linksim.Config) {
			four(c)
			c.Capacity[down] = linksim.Steps(40*mbit, linksim.At[rate]{Time: firstStep + 20*time.Second, Value: 30 * mbit})
		}), func(r *simrun.Router) { r.Down = linksim.During(false, true, firstStep, firstStep+45*time.Second) }).until(123 * time.Second),
		router(usual("router-refuses", "four downloads, every fourth second the router answers with errors", against("fixed-download"), four),
			func(r *simrun.Router) {
				r.Refuses = func(t time.Duration) bool { return t/time.Second%4 == 0 }
			}),
		router(usual("foreign", "four downloads with a break, in which somebody else sets 8 Mbit/s; and 44 later", Targets{Kept: 0.98, Writes: 3}, func(c *linksim.Config) {
			// Under load the law soon writes over what nobody has noticed yet.
			c.Flows[down] = linksim.Steps(0, linksim.At[int]{Time: loadFrom, Value: 4},
				linksim.At[int]{Time: firstStep - 3*time.Second, Value: 0}, linksim.At[int]{Time: firstStep + 10*time.Second, Value: 4})
		}),
			func(r *simrun.Router) {
				r.Foreign = []simrun.Change{{At: firstStep, Direction: down, Limit: 8 * mbit}, {At: backAgain, Direction: down, Limit: 44 * mbit}}
			}),
		usual("bbr-download", "four downloads by BBR, 40 -> 16 -> 40 Mbit/s", stepTargets(down), func(c *linksim.Config) {
			four(c)
			c.Congestion = func(int, int) fluid.Congestion { return fluid.BBR }
			c.Capacity[down] = drop(40*mbit, 16*mbit, firstStep, backAgain)
		}).with(dropAndReturn(down, firstStep, backAgain)...),
		usual("bursts", "four downloads for 5 s, silence for 5 s, and so on", Targets{Kept: 0.98, Writes: 3}, func(c *linksim.Config) {
			c.Flows[down] = onOff(4)
		}),
		usual("web", "web-like transfers of half the capacity each way, one upload", Targets{Writes: 3}, func(c *linksim.Config) {
			c.ShortFlows = [2]func(time.Duration) rate{linksim.Constant(20 * mbit), linksim.Constant(2 * mbit)}
			c.Flows[up] = bulk(1)
		}),
		ofKind("starlink", "starlink", "four downloads on Starlink: RTT and capacity step every 15 s", jitterTargets(down), func(c *linksim.Config) { c.Flows[down] = bulk(4) }),
		ofKind("starlink", "starlink-upload", "four uploads on Starlink", jitterTargets(up), func(c *linksim.Config) { c.Flows[up] = bulk(4) }),
	}
}

func (s Scenario) until(to time.Duration) Scenario {
	s.To = to
	return s
}

// onOff is n flows for 5 s out of 10.
func onOff(n int) func(time.Duration) int {
	return func(t time.Duration) int {
		if t < loadFrom || (t-loadFrom)/(5*time.Second)%2 == 1 {
			return 0
		}
		return n
	}
}
