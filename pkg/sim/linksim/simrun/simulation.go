// Package simrun runs a controller on a simulated link, through a simulated router,
// and measures the link. The router is called by the same pkg/actuate as in the live
// control loop; this package only adds the time that requests take and what goes
// wrong with them.
package simrun

import (
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// Simulation is one run: a link, a controller that gets its probes and polled
// counters, and a router through which limits are written.
type Simulation struct {
	Link         *linksim.Link
	Controller   linksim.Controller // nil: the limits stay as they are
	Tick         time.Duration
	Router       Router // one without Latency answers in about 8 ms
	Seed         uint64
	Disturbances []Disturbance // reactions to which are timed
	// Bounds are those that the controller keeps its limits within, and
	// Unmetered is set when it has no budget of writes.
	Bounds    [2]actuate.Bounds
	Unmetered bool
	// SlowProbes lets the probes of an idle line slow down. ProbeBytesPerDay bounds what
	// probes carry; 0: any.
	SlowProbes       bool
	ProbeBytesPerDay uint64
	// Observe, if set, sees every decision.
	Observe func(autorate.Decision, *linksim.Link)
	// Called, if set, sees every request to the router as it is made: a poll has
	// no Op.
	Called func(at time.Duration, job actuate.Job)
	// Stop, if set, is asked now and then and ends the run early.
	Stop func() bool
}

// slowProbes returns the time between two slow probes, 0 where there are none.
func slowProbes(on bool, perDay uint64) time.Duration {
	if on {
		return rtt.SlowEvery(perDay)
	}
	return 0
}

// Change is one limit as it took effect on the router.
type Change struct {
	At        time.Duration
	Direction autorate.Direction
	Limit     bitrate.Rate
	Before    bitrate.Rate
}

// sampleInterval is that of the packets of a voice call.
const sampleInterval = 20 * time.Millisecond

// Run advances the link to end and reports on [from, end].
func (c *Simulation) Run(from, end time.Duration) Result {
	if c.Tick == 0 {
		c.Tick = 50 * time.Millisecond
	}
	if c.Router.Latency == nil {
		c.Router.Latency = Around(8*time.Millisecond, 0.1)
	}
	l := c.Link
	m := newRecorder(l, from, end)
	s := session{
		controller: c.Controller, link: l,
		router:  simRouter{Router: c.Router, link: l, rng: rand.New(rand.NewPCG(c.Seed, 7))},
		changed: m.changed, wrote: m.wrote, called: c.Called,
		actuator: actuate.New(l.Now(), actuate.Config{
			Start: [2]bitrate.Rate{l.Limit(0), l.Limit(1)}, Tick: c.Tick, Bounds: c.Bounds, Unmetered: c.Unmetered,
			SlowProbes: slowProbes(c.SlowProbes, c.ProbeBytesPerDay), ProbeBytesPerDay: c.ProbeBytesPerDay,
		}),
	}
	nextTick, nextSample := l.Now()+c.Tick, l.Now()
	if c.Controller == nil {
		nextTick = never
	}
	late := time.Duration(0) // of the next tick
	for l.Now() < end {
		l.Advance(min(max(min(nextTick, nextSample, s.next()), l.Now()+linksim.Step), end))
		now := l.Now()
		if c.Controller != nil {
			s.advance(now)
		}
		if starved := l.Starved(); starved > 0 && now >= nextTick {
			late, nextTick = starved, now+starved
		}
		if now >= nextTick {
			nextTick = now - now%c.Tick + c.Tick // what was missed is not made up for
			s.step(now, late)
			late = 0
			if c.Observe != nil {
				c.Observe(s.dec, l)
			}
		}
		if now >= nextSample {
			nextSample = now + sampleInterval
			m.sample()
			if c.Stop != nil && c.Stop() {
				break
			}
		}
	}
	return m.result(c.Disturbances)
}
