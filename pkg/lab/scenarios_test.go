//go:build linux

package lab_test

import (
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab/delayline"
	"github.com/wanctl/wanctl/pkg/lab/labrun"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

var (
	downLoad = [2]bool{true, false}
	upLoad   = [2]bool{false, true}
	bothLoad = [2]bool{true, true}
)

// The scenarios of a laboratory day. The link is 40/10 Mbit/s at the start
// unless they say otherwise: what the ceilings say, as an operator sets them.
func scenario(name string, load [2]bool, d time.Duration) labrun.Scenario {
	return labrun.Scenario{Name: name, Warmup: 3 * time.Second, Duration: d, Load: load}
}

// fixed has a tenth less than the ceilings say.
func fixed(load [2]bool, d time.Duration) labrun.Scenario {
	s := scenario("fixed capacity, "+nameOf(load), load, d)
	s.Capacity = []labrun.CapacityStep{{Download: 36 * mbps, Upload: 9 * mbps}}
	return s
}

func nameOf(load [2]bool) string {
	return map[[2]bool]string{{}: "idle", downLoad: "download", upLoad: "upload", bothLoad: "both"}[load]
}

// step loses 60 % of the capacity for the middle third, half of it where both
// directions are loaded.
func step(load [2]bool, third time.Duration) labrun.Scenario {
	s := scenario("step 40-16-40, download", load, 3*third)
	low := labrun.CapacityStep{At: third, Download: 16 * mbps}
	switch load {
	case upLoad:
		s.Name, low = "step 10-4-10, upload", labrun.CapacityStep{At: third, Upload: 4 * mbps}
	case bothLoad:
		s.Name, low = "both halved, both loaded", labrun.CapacityStep{At: third, Download: 20 * mbps, Upload: 5 * mbps}
	}
	s.Capacity = []labrun.CapacityStep{low, {At: 2 * third, Download: 40 * mbps, Upload: 10 * mbps}}
	return s
}

// docsis has the jitter of a cable modem: grants of a few ms and now and then
// a spike of 15 ms.
func docsis(load [2]bool, d time.Duration) labrun.Scenario {
	s := scenario("DOCSIS-like jitter, "+nameOf(load), load, d)
	grants := delayline.Jitter{
		Max: 3 * time.Millisecond, Period: 8 * time.Millisecond,
		Spike: 15 * time.Millisecond, SpikeProbability: 0.02,
	}
	s.Path = []labrun.PathStep{{Jitter: [2]delayline.Jitter{grants, grants}}}
	return s
}

// jitter waits for up to 36 ms a round trip, mostly much less, and all packets of
// 10 ms wait alike: a radio link that shares its air.
func jitter(load [2]bool, d time.Duration) labrun.Scenario {
	s := scenario("correlated jitter, "+nameOf(load), load, d)
	air := delayline.Jitter{Max: 18 * time.Millisecond, Power: 4}
	s.Path = []labrun.PathStep{{Jitter: [2]delayline.Jitter{air, air}}}
	return s
}

// route makes the way 20 ms longer, for good.
func route(half time.Duration) labrun.Scenario {
	s := scenario("route change +20 ms, download", downLoad, 2*half)
	s.Path = []labrun.PathStep{{At: half, Extra: 20 * time.Millisecond}}
	return s
}

// blackout drops ICMP to the reflectors for the middle third, in which the
// capacity halves.
func blackout(third time.Duration) labrun.Scenario {
	s := scenario("ICMP blackout, halved, download", downLoad, 3*third)
	s.Blackout = labrun.Window{From: third, To: 2 * third}
	s.Capacity = []labrun.CapacityStep{
		{At: 4 * third / 3, Download: 20 * mbps}, {At: 5 * third / 3, Download: 40 * mbps},
	}
	return s
}

// lte has a new download capacity between 8 and 40 Mbit/s every 3 to 6 s, the same
// ones every time.
func lte(d time.Duration) labrun.Scenario {
	s := scenario("LTE-like steps, download", downLoad, d)
	rng := rand.New(rand.NewPCG(4, 5))
	for at := time.Duration(0); at < d; at += time.Duration((3 + 3*rng.Float64()) * float64(time.Second)) {
		s.Capacity = append(s.Capacity, labrun.CapacityStep{At: at, Download: bitrate.Rate((8 + 32*rng.Float64()) * float64(mbps))})
	}
	return s
}

// lteWalk walks the download capacity between 8 and 40 Mbit/s.
func lteWalk(d time.Duration) labrun.Scenario {
	s := scenario("LTE-like walk, download", downLoad, d)
	rng := rand.New(rand.NewPCG(4, 5))
	capacity := 24 * mbps
	for at := time.Duration(0); at < d; at += 500 * time.Millisecond {
		capacity = bitrate.Rate(float64(capacity)*(0.85+0.3*rng.Float64())).Clamp(8*mbps, 40*mbps)
		s.Capacity = append(s.Capacity, labrun.CapacityStep{At: at, Download: capacity})
	}
	return s
}

// starved is a scenario in which the program gets no processor for 50 to 500 ms,
// every 2 to 4 s.
func starved(s labrun.Scenario) labrun.Scenario {
	s.Name += ", starved host"
	rng := rand.New(rand.NewPCG(6, 7))
	between := func(least, most time.Duration) time.Duration {
		return least + time.Duration(rng.Float64()*float64(most-least))
	}
	for at := time.Second; at < s.Duration; at += between(2*time.Second, 4*time.Second) {
		s.Stalls = append(s.Stalls, labrun.Window{From: at, To: at + between(50*time.Millisecond, 500*time.Millisecond)})
	}
	return s
}

// fewEchoes is a scenario in which each reflector answers five times a second.
func fewEchoes(s labrun.Scenario) labrun.Scenario {
	s.Name += ", 5 echoes/s"
	s.EchoesPerSecond = 5
	return s
}

// trial is a scenario, the router that the program writes to, and what is asked
// of the program.
type trial struct {
	scenario labrun.Scenario
	router   string                         // beside the scenario in the table; "" for the usual one
	latency  func(*rand.Rand) time.Duration // nil: routerLatency
	link     string                         // the scenario whose link it has: the oracle's figures are that one's. "": its own
	demand   demand
}

// name of the trial in tables and of its test.
func (c trial) name() string {
	if c.router == "" {
		return c.scenario.Name
	}
	return c.scenario.Name + ", " + c.router
}

// longTrials are those of a full run. What is asked of each is a distance from an
// oracle on the same link in the same run: what the machine and the scenario leave.
func longTrials() []trial {
	const s, ms = time.Second, time.Millisecond
	usual := demand{use: 3, p95: 6}
	slow := demand{use: 4, p95: 15}
	jittery := demand{use: 2, p95: 3}
	stepDown := step(downLoad, 12*s)
	constant := func(d time.Duration) func(*rand.Rand) time.Duration {
		return func(*rand.Rand) time.Duration { return d }
	}
	return []trial{
		{scenario: fixed(downLoad, 20*s), demand: usual},
		{scenario: fixed(upLoad, 20*s), demand: usual},
		{scenario: stepDown, demand: demand{use: 3, p95: 6, below: 300}},
		{scenario: step(upLoad, 12*s), demand: usual},
		{scenario: step(bothLoad, 12*s), demand: usual},
		{scenario: route(12 * s), demand: usual},
		{scenario: jitter(downLoad, 30*s), demand: jittery},
		{scenario: jitter(upLoad, 30*s), demand: jittery},
		{scenario: jitter(bothLoad, 30*s), demand: jittery},
		{scenario: docsis(downLoad, 20*s)},
		{scenario: lte(40 * s), demand: demand{use: 4, p95: 25}},
		{scenario: lteWalk(40 * s)},
		{scenario: blackout(12 * s), demand: demand{use: 4, p95: 10}},
		{scenario: fewEchoes(stepDown), link: stepDown.Name, demand: demand{use: 4, p95: 10}},
		{scenario: starved(stepDown), link: stepDown.Name, demand: slow},
		{scenario: stepDown, router: "router 60 ms", latency: constant(60 * ms), link: stepDown.Name, demand: slow},
		{scenario: stepDown, router: "router 120 ms", latency: constant(120 * ms), link: stepDown.Name, demand: slow},
		{scenario: stepDown, router: "router of 10 ms, one answer in a hundred after 400", latency: simrun.Around(10*ms, 1.59), link: stepDown.Name, demand: slow},
		{scenario: scenario("idle", [2]bool{}, 20*s), demand: demand{noWrites: true}},
		{scenario: docsis([2]bool{}, 30*s), demand: demand{noWrites: true}},
		{scenario: jitter([2]bool{}, 30*s), demand: demand{noWrites: true}},
	}
}
