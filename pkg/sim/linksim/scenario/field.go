package scenario

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
	"github.com/wanctl/wanctl/pkg/sim/linksim/simrun"
)

// HeldOutSeed is the first of the seeds that no law is tuned on.
const HeldOutSeed = 1000

// heldOut names the scenarios that no law is tuned on, and the kinds of lines.
var heldOut = []string{
	"jitter-40-down", "jitter-20-upload", "cross-upload", "aqm-upload", "slow-upload", "satellite", "satellite-upload",
	"echo-loss-40", "router-tail", "echo-tenth", "backlog-uncounted",
	"wake-upload", "wake-lte",
}

// HeldOut reports that no law may be tuned on s: a law is measured there once it is
// finished, with --held-out.
func (s Scenario) HeldOut() bool {
	return slices.Contains(heldOut, s.kind) || slices.Contains(heldOut, s.Name)
}

// Field returns what real lines, hosts and reflectors do beside the standard set.
func Field() []Scenario {
	return slices.Concat(jitters(), bottlenecks(), capacities(), echoes(), spares(), hosts(), quiet())
}

// loadedOn is n flows in some directions, for as long as there is load.
func loadedOn(n int, ds ...autorate.Direction) func(*linksim.Config) {
	return func(c *linksim.Config) {
		for _, d := range ds {
			c.Flows[d] = bulk(n)
		}
	}
}

// of applies several changes.
func of(changes ...func(*linksim.Config)) func(*linksim.Config) {
	return func(c *linksim.Config) {
		for _, change := range changes {
			change(c)
		}
	}
}

// wander makes all packets of a direction share a delay of up to most, a new one
// every 10 ms.
func wander(most time.Duration, ds ...autorate.Direction) func(*linksim.Config) {
	return func(c *linksim.Config) {
		for _, d := range ds {
			c.Wander[d] = linksim.Correlated(c.Seed<<1+uint64(d), 10*time.Millisecond, most)
		}
	}
}

// jitters is delay that many packets share without any queue.
func jitters() []Scenario {
	const ms = time.Millisecond
	wants := func(ds ...autorate.Direction) Targets {
		t := Targets{P95OverOwn: 4 * ms, Writes: 2}
		for _, d := range ds {
			t.Utilisation[d] = 0.95
		}
		return t
	}
	quiet := usual("jitter-40-idle", "shared jitter of up to 40 ms, no load", Targets{Quiet: true}, wander(20*ms, down, up))
	quiet.From, quiet.To = 0, 10*time.Minute
	return []Scenario{
		usual("jitter-20", "four downloads, shared jitter of up to 10 ms each way", wants(down), of(loadedOn(4, down), wander(10*ms, down, up))),
		usual("jitter-20-upload", "four uploads, the same", wants(up), of(loadedOn(4, up), wander(10*ms, down, up))),
		usual("jitter-40", "four downloads, shared jitter of up to 20 ms each way", wants(down), of(loadedOn(4, down), wander(20*ms, down, up))),
		usual("jitter-40-upload", "four uploads, the same", wants(up), of(loadedOn(4, up), wander(20*ms, down, up))),
		usual("jitter-40-down", "four downloads, shared jitter of up to 40 ms in the download", wants(down), of(loadedOn(4, down), wander(40*ms, down))),
		usual("jitter-40-up", "four downloads, shared jitter of up to 40 ms in the upload", wants(down), of(loadedOn(4, down), wander(40*ms, up))),
		usual("jitter-40-both", "four flows each way, shared jitter of up to 20 ms each way", wants(down, up), of(loadedOn(4, down, up), wander(20*ms, down, up))),
		usual("jitter-40-step", "four downloads, 40 -> 16 -> 40 Mbit/s, shared jitter of up to 20 ms each way", Targets{
			Utilisation: [2]float64{0.93}, P95OverOwn: 8 * ms, Writes: 3, FirstCut: 400 * ms, Below: 600 * ms, Recovered: 5 * time.Second,
		}, of(loadedOn(4, down), wander(20*ms, down, up), func(c *linksim.Config) {
			c.Capacity[down] = drop(40*mbit, 16*mbit, firstStep, backAgain)
		})).with(dropAndReturn(down, firstStep, backAgain)...),
		quiet,
	}
}

// bottlenecks is what else shares a bottleneck, or what it does with a queue.
func bottlenecks() []Scenario {
	crossed := func(name string, d autorate.Direction, share rate) Scenario {
		t := Targets{P95: 25 * time.Millisecond, Writes: 3, Below: time.Second, Recovered: 5 * time.Second}
		t.Utilisation[d] = 0.90
		return usual(name, "four flows, others use three eighths of the line for a while and pass no queue of ours", t, of(loadedOn(4, d), func(c *linksim.Config) {
			c.Cross[d] = linksim.During(0, share, firstStep, backAgain)
		})).with(dropAndReturn(d, firstStep, backAgain)...)
	}
	wants := func(d autorate.Direction) Targets {
		t := fixedTargets(d)
		t.Utilisation[d] = 0.93
		return t
	}
	queue := func(d autorate.Direction, q linksim.Discipline, depth time.Duration) func(*linksim.Config) {
		return func(c *linksim.Config) {
			c.Queue[d] = q
			c.Buffer[d] = int(float64(c.Capacity[d](0)) / 8 * depth.Seconds())
		}
	}
	return []Scenario{
		crossed("cross-download", down, 15*mbit),
		crossed("cross-upload", up, 15*mbit/4),
		usual("policer", "four downloads, the ISP drops what exceeds 40 Mbit/s and queues nothing", wants(down), of(loadedOn(4, down), queue(down, linksim.Policer, 10*time.Millisecond))),
		usual("aqm", "four downloads, the modem runs fq_codel", wants(down), of(loadedOn(4, down), queue(down, linksim.FQCoDel, 240*time.Millisecond))),
		usual("aqm-upload", "four uploads, the modem runs fq_codel", wants(up), of(loadedOn(4, up), queue(up, linksim.FQCoDel, 240*time.Millisecond))),
	}
}

// capacities is lines far from the usual ones, or from what they were sold as.
func capacities() []Scenario {
	const ms = time.Millisecond
	wants := func(d autorate.Direction, packets time.Duration) Targets {
		t := Targets{P95OverOwn: 10*ms + packets, Kept: 0.98, Writes: 3}
		t.Utilisation[d] = 0.93
		return t
	}
	// Of the ceilings 150/40 Mbit/s a sixtieth is left.
	throttled := func(name, about string, d autorate.Direction, from time.Duration) Scenario {
		t := Targets{P95: 60 * ms, Writes: 3}
		t.Utilisation[d] = 0.85
		s := usual(name, about, t, func(c *linksim.Config) {
			loadedOn(4, d)(c)
			full, left := [2]rate{140 * mbit, 36 * mbit}, [2]rate{150 * mbit / 60, 40 * mbit / 60}
			for i := range full {
				c.Capacity[i] = linksim.Steps(full[i], linksim.At[rate]{Time: from, Value: left[i]})
				c.Buffer[i] = int(left[i] / 8) // a second of it
			}
		})
		s.Ceiling = [2]rate{150 * mbit, 40 * mbit}
		s.Floor = [2]rate{mbit, mbit / 4}
		s.From = max(s.From, from+10*time.Second)
		s.To = s.From + 60*time.Second
		return s
	}
	route := ofKind("slow", "slow-upload-route", "an upload on 0.9/0.4 Mbit/s, the RTT grows by 25 ms for good", wants(up, 100*ms), of(loadedOn(1, up), func(c *linksim.Config) {
		c.BaseRTT = linksim.Steps(30*ms, linksim.At[time.Duration]{Time: firstStep, Value: 55 * ms})
		c.Flows[up] = linksim.During(0, 1, backAgain, 100*time.Hour)
	}))
	route.From = backAgain
	// Steps as a cell gives them, the first of them 29 % of the ceiling.
	low := usual("starts-low", "four downloads, 8 to 40 Mbit/s for 3 to 6 s each, 11.6 at first, under a ceiling of 40", lteTargets(down), func(c *linksim.Config) {
		loadedOn(4, down)(c)
		rng := rand.New(rand.NewPCG(c.Seed, 29))
		var steps []linksim.At[rate]
		for at := loadFrom; at < loadTo; {
			at += 3*time.Second + time.Duration(rng.Int64N(int64(3*time.Second)))
			steps = append(steps, linksim.At[rate]{Time: at, Value: 8*mbit + rate(rng.Int64N(int64(32*mbit)))})
		}
		c.Capacity[down] = linksim.Steps(11_600_000, steps...)
	})
	low.Ceiling = [2]rate{40 * mbit, 10 * mbit}
	return []Scenario{
		low,
		ofKind("slow", "slow", "two downloads on 0.9/0.4 Mbit/s", wants(down, 40*ms), loadedOn(2, down)),
		ofKind("slow", "slow-upload", "two uploads on 0.9/0.4 Mbit/s", wants(up, 100*ms), loadedOn(2, up)),
		route,
		ofKind("multigig", "multigig", "eight downloads on 2.5 Gbit/s", wants(down, 0), loadedOn(8, down)),
		ofKind("satellite", "satellite", "four downloads on 50/5 Mbit/s, 600 ms away", wants(down, 20*ms), loadedOn(4, down)),
		ofKind("satellite", "satellite-upload", "four uploads on 50/5 Mbit/s, 600 ms away", wants(up, 20*ms), loadedOn(4, up)),
		throttled("throttled", "four downloads, 2.5 Mbit/s under a ceiling of 150", down, 0),
		throttled("throttled-upload", "four uploads, 0.7 Mbit/s under a ceiling of 40", up, 0),
		throttled("throttled-later", "four downloads, a plan is used up: 140 -> 2.5 Mbit/s", down, firstStep),
	}
}

// echoes is reflectors, and networks, that treat echoes in their own way.
func echoes() []Scenario {
	four := loadedOn(4, down)
	faulty := func(name, about string, fault func(seed uint64) linksim.Fault) Scenario {
		return usual(name, about, against("fixed-download"), of(four, func(c *linksim.Config) { c.Fault = fault(c.Seed) }))
	}
	loss := func(name string, share float64) Scenario {
		return faulty(name, "four downloads, a share of all echoes is lost", func(seed uint64) linksim.Fault { return linksim.EchoLoss(seed, share) })
	}
	moves := faulty("reflector-moves", "four downloads, the route to one reflector moves by 5 ms every minute", func(uint64) linksim.Fault {
		return func(i int, t, _ time.Duration) (time.Duration, bool) {
			if i != 0 {
				return 0, false
			}
			return 5 * time.Millisecond * (t / time.Minute % 2), false
		}
	}).until(243 * time.Second)
	favoured := func(name, about string, share float64) Scenario {
		return usual(name, about, stepTargets(down), of(four, func(c *linksim.Config) {
			c.EchoShare = share
			c.Capacity[down] = drop(40*mbit, 16*mbit, firstStep, backAgain)
		})).with(dropAndReturn(down, firstStep, backAgain)...)
	}
	limited := faulty("echo-limit-step", "four downloads, 40 -> 16 -> 40 Mbit/s, three echo replies a second", func(uint64) linksim.Fault { return linksim.EchoLimit(3, 10) })
	limited.Targets.Against = "step-download"
	config := limited.Config
	limited.Config = func(seed uint64) linksim.Config {
		c := config(seed)
		c.Capacity[down] = drop(40*mbit, 16*mbit, firstStep, backAgain)
		return c
	}
	return []Scenario{
		moves,
		limited.with(dropAndReturn(down, firstStep, backAgain)...),
		loss("echo-loss-10", 0.1), loss("echo-loss-40", 0.4), loss("echo-loss-70", 0.7),
		favoured("echo-half", "four downloads, 40 -> 16 -> 40 Mbit/s, echoes wait for half of the queue", 0.5),
		favoured("echo-tenth", "four downloads, 40 -> 16 -> 40 Mbit/s, echoes wait for a tenth of the queue", 0.1),
	}
}

// hosts is what the measuring host and the router do to the measurement, and paths
// that were bad before it began.
func hosts() []Scenario {
	const ms = time.Millisecond
	step := func(c *linksim.Config) {
		loadedOn(4, down)(c)
		c.Capacity[down] = drop(40*mbit, 16*mbit, firstStep, backAgain)
	}
	tail := usual("router-tail", "four downloads, 40 -> 16 -> 40 Mbit/s, the router answers after 10 ms, one in a hundred after 400", stepTargets(down), step)
	tail.Router = func(r *simrun.Router) { r.Latency = simrun.Around(10*ms, 1.59) }
	tail = tail.with(dropAndReturn(down, firstStep, backAgain)...)
	fixed := func(name, about string, changes ...func(*linksim.Config)) Scenario {
		return usual(name, about, against("fixed-download"), of(append(changes, loadedOn(4, down))...))
	}
	bad := fixed("bad-start", "four downloads, the RTT is 60 ms too long for the first 15 s", func(c *linksim.Config) {
		c.BaseRTT = linksim.Steps(84*ms, linksim.At[time.Duration]{Time: 15 * time.Second, Value: 24 * ms})
	})
	bad.Baseline = 24 * ms
	late := fixed("loaded-start", "four downloads have filled the line before the first probe is answered", func(c *linksim.Config) {
		c.Blackout = linksim.During(false, true, 0, loadFrom+2*time.Second)
	})
	late.From = loadFrom + 2*time.Second
	return []Scenario{
		fixed("wifi", "four downloads, the host measures over Wi-Fi: packets wait 5 to 60 ms now and then", func(c *linksim.Config) {
			c.Radio = linksim.Pauses(c.Seed, 400*ms, 5*ms, 60*ms)
		}),
		fixed("starved", "four downloads, the host does nothing for 50 to 500 ms every other second", func(c *linksim.Config) {
			c.Starved = linksim.Pauses(c.Seed, 2*time.Second, 50*ms, 500*ms)
		}),
		tail, bad, late,
		usual("backlog-uncounted", "four downloads, 40 -> 16 -> 40 Mbit/s, the router counts no backlog", stepTargets(down), of(step, func(c *linksim.Config) { c.Uncounted = true })).
			with(dropAndReturn(down, firstStep, backAgain)...),
	}
}
