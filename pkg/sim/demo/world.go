// Package demo is the simulated world of `wanctl demo`: a simulated link in
// real time behind an embedded RouterOS, and beside it the same link without
// control, so that the difference can be seen.
package demo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/rtt"
	"github.com/wanctl/wanctl/pkg/sim/linksim"
)

// Length of the demo.
const Length = 32 * time.Second

// Bounds of the demo's limits: the ceilings lie a tenth above the capacity.
var (
	Ceiling = [2]bitrate.Rate{44 * bitrate.Mbps, 11 * bitrate.Mbps}
	Floor   = [2]bitrate.Rate{4 * bitrate.Mbps, 1 * bitrate.Mbps}
)

// BaseRTT is the idle round-trip time of the demo's link.
const BaseRTT = 24 * time.Millisecond

// Phase is a stretch of the demo's course of events.
type Phase struct {
	From time.Duration
	Text string
}

// course is what happens: to the direction that is loaded first, and then to the
// other one, unless only one is controlled.
type course struct {
	first   autorate.Direction
	one     bool // the other direction is not controlled, and has no load
	phases  []Phase
	flows   [2]int
	reduced bitrate.Rate // capacity of the first direction for a while
}

// capacity of the demo's line.
var capacity = [2]bitrate.Rate{40 * bitrate.Mbps, 10 * bitrate.Mbps}

// newCourse returns the course of events for the directions that have a queue.
func newCourse(queues [2]string) course {
	c := course{flows: [2]int{4, 2}, reduced: 16 * bitrate.Mbps}
	start, end := "four downloads start", "the downloads end, two uploads start"
	switch {
	case queues[autorate.Download] == "":
		c.first, c.one, c.reduced = autorate.Upload, true, 4*bitrate.Mbps
		start, end = "two uploads start", "the uploads end"
	case queues[autorate.Upload] == "":
		c.one, end = true, "the downloads end"
	}
	c.phases = []Phase{
		{0, "the link is idle"},
		{3 * time.Second, start},
		{11 * time.Second, fmt.Sprintf("the ISP's capacity falls from %g to %g Mbit/s", capacity[c.first].Mbps(), c.reduced.Mbps())},
		{19 * time.Second, fmt.Sprintf("the capacity is back at %g Mbit/s", capacity[c.first].Mbps())},
		{25 * time.Second, end},
	}
	return c
}

func (c course) link() *linksim.Link {
	p, first, other := c.phases, c.first, 1-c.first
	cfg := linksim.Config{
		Seed:    1,
		BaseRTT: linksim.Constant(BaseRTT),
		Buffer:  [2]int{1_200_000, 300_000},
		Limit:   Ceiling,
		Jitter:  linksim.DSL,
	}
	cfg.Capacity[first] = linksim.Steps(capacity[first],
		linksim.At[bitrate.Rate]{Time: p[2].From, Value: c.reduced},
		linksim.At[bitrate.Rate]{Time: p[3].From, Value: capacity[first]})
	cfg.Capacity[other] = linksim.Constant(capacity[other])
	cfg.Flows[first] = linksim.Steps(0, linksim.At[int]{Time: p[1].From, Value: c.flows[first]}, linksim.At[int]{Time: p[4].From, Value: 0})
	if !c.one {
		cfg.Flows[other] = linksim.Steps(0, linksim.At[int]{Time: p[4].From, Value: c.flows[other]})
	}
	return linksim.New(cfg)
}

// World is the demo's link, alone and under control. Its methods are safe for
// concurrent use. It is the prober's source of events and the queues of the
// embedded router.
type World struct {
	queues [2]string
	course course
	epoch  time.Time
	events chan rtt.Event

	mu      sync.Mutex // protects the following fields
	shaped  side
	alone   side
	dropped int // events nobody took in time
}

// side is one of the two links with what was measured on it.
type side struct {
	course   course
	link     *linksim.Link
	excess   []time.Duration // of a sparse packet, at 50 Hz while loaded
	good     float64         // bytes delivered under load
	capacity float64         // bytes that could have been
	last     float64
}

// NewWorld returns a world that starts at epoch, with the queues, named by
// direction, on its router; "" is for a direction without one.
func NewWorld(epoch time.Time, queues [2]string) *World {
	c := newCourse(queues)
	return &World{
		queues: queues, course: c, epoch: epoch, events: make(chan rtt.Event, 1024),
		shaped: side{course: c, link: c.link()}, alone: side{course: c, link: c.link()},
	}
}

// Run lets time pass until ctx ends.
func (w *World) Run(ctx context.Context) error {
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			w.advance(time.Since(w.epoch))
		}
	}
}

func (w *World) advance(now time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shaped.advance(now)
	w.alone.advance(now)
	w.alone.link.Events() // nobody listens
	for _, e := range w.shaped.link.Events() {
		select {
		case w.events <- e:
		default:
			w.dropped++
		}
	}
}

func (s *side) advance(to time.Duration) {
	to = to.Truncate(linksim.Step) // never past the next sample
	const step = 20 * time.Millisecond
	for next := s.link.Now() + step - s.link.Now()%step; next <= to; next += step {
		s.link.Advance(next)
		d := s.course.loaded(next)
		if d < 0 {
			s.last = 0
			continue
		}
		dir := autorate.Direction(d)
		good := s.link.Delivered(dir)
		if s.last > 0 && good >= s.last {
			s.good += good - s.last
			s.capacity += float64(s.link.Capacity(dir)) / 8 * step.Seconds()
		}
		s.last = good
		s.excess = append(s.excess, s.link.Excess())
	}
	s.link.Advance(to)
}

// loaded returns the direction under load at t, -1 for none.
func (c course) loaded(t time.Duration) int {
	switch {
	case t < c.phases[1].From, t >= c.phases[4].From && c.one:
		return -1
	case t < c.phases[4].From:
		return int(c.first)
	}
	return int(1 - c.first)
}

// Events implements control.Prober.
func (w *World) Events() <-chan rtt.Event { return w.events }

// unlimited is more than the demo's line carries.
const unlimited = 10 * bitrate.Gbps

// SetMaxLimit is the embedded router's way to its queues; 0 is no limit.
func (w *World) SetMaxLimit(queue string, limit bitrate.Rate) error {
	if limit == 0 {
		limit = unlimited
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for d, name := range w.queues {
		if name == queue && name != "" {
			w.shaped.link.SetLimit(autorate.Direction(d), limit)
			return nil
		}
	}
	return fmt.Errorf("no queue %q", queue)
}

// Counters is the embedded router's view of its queues.
func (w *World) Counters(queue string) (router.Counters, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for d, name := range w.queues {
		if name == queue && name != "" {
			c := w.shaped.link.Counters(autorate.Direction(d))
			return router.Counters{Bytes: c.Bytes, Packets: c.Bytes / 1514, Dropped: c.Dropped, QueuedBytes: c.QueuedBytes}, nil
		}
	}
	return router.Counters{}, fmt.Errorf("no queue %q", queue)
}

// State is the state of the world at one time.
type State struct {
	At       time.Duration
	Phase    string
	Shaped   time.Duration // excess RTT of a sparse packet under control
	Alone    time.Duration // and without
	Capacity [2]bitrate.Rate
}

// State returns the present state.
func (w *World) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := State{At: w.shaped.link.Now(), Shaped: w.shaped.link.Excess(), Alone: w.alone.link.Excess()}
	for _, d := range autorate.Directions {
		n.Capacity[d] = w.shaped.link.Capacity(d)
	}
	for _, p := range w.course.phases {
		if n.At >= p.From {
			n.Phase = p.Text
		}
	}
	return n
}

// Measured is what one of the two links gave over the loaded part: the excess
// RTT of a sparse packet, and goodput over capacity of the loaded direction.
type Measured struct {
	linksim.Summary
	Utilisation float64
}

// Compare returns what was measured with control and without.
func (w *World) Compare() (shaped, alone Measured) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shaped.measured(), w.alone.measured()
}

func (s *side) measured() Measured {
	m := Measured{Summary: linksim.Summarise(slices.Clone(s.excess))}
	if s.capacity > 0 {
		m.Utilisation = s.good / s.capacity
	}
	return m
}
