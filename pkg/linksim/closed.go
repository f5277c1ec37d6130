package linksim

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Controller decides limits from what it sees; *autorate.Law is one.
type Controller interface {
	Step(now time.Duration, in autorate.Input) autorate.Decision
}

// Closed is a link with a controller around it: probes and polled counters
// in, limits out, through a router that takes its time.
type Closed struct {
	Link       *Link
	Controller Controller // nil: the limits stay as they are
	Tick       time.Duration
	Poll       time.Duration
	// Latency is how long the router takes for one request.
	Latency func(*rand.Rand) time.Duration
	Seed    uint64
	// Observe, if set, sees every decision.
	Observe func(autorate.Decision, *Link)
}

// Result is what a run measured. Utilisation is goodput over true capacity
// from From on; excess is what a sparse packet suffered, sampled at 50 Hz.
type Result struct {
	Summary
	Utilisation  [2]float64
	LimitMin     [2]bitrate.Rate
	LimitMax     [2]bitrate.Rate
	Cuts, Raises int // router writes, per direction counted
	Changes      []Change
}

// Change is one limit as it took effect on the router.
type Change struct {
	At        time.Duration
	Direction autorate.Direction
	Limit     bitrate.Rate
}

type pendingWrite struct {
	at    time.Duration
	limit [2]bitrate.Rate // 0: leave
}

// Run advances the link to end and reports on [from, end].
func (c *Closed) Run(from, end time.Duration) Result {
	if c.Tick == 0 {
		c.Tick = 50 * time.Millisecond
	}
	if c.Poll == 0 {
		c.Poll = 100 * time.Millisecond
	}
	if c.Latency == nil {
		c.Latency = func(*rand.Rand) time.Duration { return 8 * time.Millisecond }
	}
	var (
		l        = c.Link
		rng      = rand.New(rand.NewPCG(c.Seed, 7))
		gate     autorate.Gate
		inForce  [2]bitrate.Rate
		writing  *pendingWrite
		readings []autorate.Reading
		pollAt   = l.Now() + c.Poll
		nextTick = l.Now() + c.Tick
		nextEye  = l.Now()
		lastLat  = c.Latency(rng)
		excess   []time.Duration
		res      Result
		capacity [2]float64
		start    [2]float64
		begun    bool
	)
	for _, d := range autorate.Directions {
		inForce[d] = l.Limit(d)
		res.LimitMin[d], res.LimitMax[d] = inForce[d], inForce[d]
	}
	for l.Now() < end {
		l.Advance(l.Now() + Step)
		now := l.Now()
		if now >= from {
			if !begun {
				begun = true
				for _, d := range autorate.Directions {
					start[d] = l.Delivered(d)
				}
			}
			for _, d := range autorate.Directions {
				capacity[d] += float64(l.Capacity(d)) / 8 * Step.Seconds()
			}
			if now >= nextEye {
				excess = append(excess, l.Excess())
				nextEye = now + 20*time.Millisecond
			}
		}
		if c.Controller == nil {
			continue
		}
		if writing != nil && now >= writing.at {
			for _, d := range autorate.Directions {
				if r := writing.limit[d]; r != 0 {
					if r < inForce[d] {
						res.Cuts++
					} else {
						res.Raises++
					}
					inForce[d] = r
					l.SetLimit(d, r)
					res.LimitMin[d], res.LimitMax[d] = min(res.LimitMin[d], r), max(res.LimitMax[d], r)
					res.Changes = append(res.Changes, Change{now, d, r})
				}
			}
			writing = nil
		}
		if now >= pollAt {
			readings = append(readings, autorate.Reading{At: now, Queues: [2]autorate.Counters{l.Counters(0), l.Counters(1)}})
			pollAt = now + c.Poll - time.Millisecond + time.Duration(rng.IntN(3))*time.Millisecond
		}
		if now < nextTick {
			continue
		}
		nextTick += c.Tick
		dec := c.Controller.Step(now, autorate.Input{
			Events: l.Events(), Readings: readings, Applied: inForce, WriteLatency: lastLat,
		})
		readings = readings[:0]
		if c.Observe != nil {
			c.Observe(dec, l)
		}
		if writing == nil {
			w := pendingWrite{}
			for _, d := range autorate.Directions {
				if gate.Ask(now, d, inForce[d], dec.Directions[d].Limit) == autorate.Pass {
					w.limit[d] = dec.Directions[d].Limit
				}
			}
			if w.limit != [2]bitrate.Rate{} {
				lastLat = c.Latency(rng)
				w.at = now + lastLat
				writing = &w
			}
		}
	}
	for _, d := range autorate.Directions {
		if capacity[d] > 0 {
			res.Utilisation[d] = (l.Delivered(d) - start[d]) / capacity[d]
		}
	}
	res.Summary = Summarise(excess)
	return res
}

// Summary is the distribution of an excess delay over time.
type Summary struct {
	P50, P95, P99 time.Duration
	Above30       float64 // share of the samples above 30 ms
}

// Summarise sorts samples in place.
func Summarise(samples []time.Duration) Summary {
	n := len(samples)
	if n == 0 {
		return Summary{}
	}
	slices.Sort(samples)
	i, _ := slices.BinarySearch(samples, 30*time.Millisecond)
	return Summary{
		P50: samples[n/2], P95: samples[n*95/100], P99: samples[n*99/100],
		Above30: float64(n-i) / float64(n),
	}
}
