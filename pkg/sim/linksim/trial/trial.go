// Package trial puts a controller and a router around a simulated link, as the
// live control loop would, and measures what becomes of the link.
package trial

import (
	"math/rand/v2"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// Trial is a link with a controller around it: probes and polled counters
// in, limits out, through a router that takes its time.
type Trial struct {
	Link       *linksim.Link
	Controller linksim.Controller // nil: the limits stay as they are
	Tick       time.Duration
	Router     Router // one without Latency answers in about 8 ms
	Seed       uint64
	Moments    []Moment // whose consequences are to be timed
	// Bounds are those that the controller keeps its limits within, and
	// Unmetered is set when it has no budget of writes.
	Bounds    [2]actuate.Bounds
	Unmetered bool
	// Observe, if set, sees every decision.
	Observe func(autorate.Decision, *linksim.Link)
	// Called, if set, sees every request to the router as it is made: a poll has
	// no Op.
	Called func(at time.Duration, job actuate.Job)
	// Stop, if set, is asked now and then and ends the run early.
	Stop func() bool
}

// Change is one limit as it took effect on the router.
type Change struct {
	At        time.Duration
	Direction autorate.Direction
	Limit     bitrate.Rate
	Before    bitrate.Rate
}

// eyeInterval: fifty looks a second see what a voice call would.
const eyeInterval = 20 * time.Millisecond

// Run advances the link to end and reports on [from, end].
func (c *Trial) Run(from, end time.Duration) Result {
	if c.Tick == 0 {
		c.Tick = 50 * time.Millisecond
	}
	if c.Router.Latency == nil {
		c.Router.Latency = Around(8*time.Millisecond, 0.1)
	}
	l := c.Link
	m := newMeasure(l, from, end, c.Seed)
	s := session{
		controller: c.Controller, link: l,
		router:  management{Router: c.Router, link: l, rng: rand.New(rand.NewPCG(c.Seed, 7))},
		changed: m.changed, wrote: m.wrote, called: c.Called,
		actuator: actuate.New(l.Now(), actuate.Config{
			Start: [2]bitrate.Rate{l.Limit(0), l.Limit(1)}, Tick: c.Tick, Bounds: c.Bounds, Unmetered: c.Unmetered,
		}),
	}
	nextTick, nextEye := l.Now()+c.Tick, l.Now()
	if c.Controller == nil {
		nextTick = never
	}
	for l.Now() < end {
		l.Advance(min(max(min(nextTick, nextEye, s.next()), l.Now()+linksim.Step), end))
		now := l.Now()
		if c.Controller != nil {
			s.happen(now)
		}
		if now >= nextTick {
			nextTick += c.Tick
			s.step(now)
			if c.Observe != nil {
				c.Observe(s.dec, l)
			}
		}
		if now >= nextEye {
			nextEye = now + eyeInterval
			m.look()
			if c.Stop != nil && c.Stop() {
				break
			}
		}
	}
	return m.result(c.Moments)
}
