package simrun

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// Disturbance is a change of a link that a controller has to react to.
type Disturbance struct {
	At        time.Duration
	Direction autorate.Direction
	Kind      Kind
}

// Kind is a kind of Disturbance.
type Kind uint8

// Kinds of disturbances.
const (
	CapacityLost Kind = iota + 1
	CapacityBack
	RouteChanged // the RTT is another one, for good
)

// Never is the time of something that did not happen before the run ended.
const Never = time.Duration(-1)

// Reaction holds how long after a Disturbance the controller and the link reached
// certain states: 0 where one does not apply, Never where it was not reached.
type Reaction struct {
	Disturbance

	FirstCut time.Duration // lost: the limit was lowered; 0 when it was low enough
	Below    time.Duration // lost: the limit was at or below the new capacity
	Drained  time.Duration // lost: the queue was below 10 ms again, and stayed there for a while

	Recovered time.Duration // back: nine tenths of the capacity delivered

	Normal time.Duration // route: the limit was below four fifths of the capacity for the last time
}

const (
	drainedQueue  = 10 * time.Millisecond
	drainedFor    = 250 * time.Millisecond
	recoverShare  = 0.9
	recoverWindow = 300 * time.Millisecond
	// reactWithin bounds the time that a reaction is looked for in.
	reactWithin = 20 * time.Second
)

func (m *recorder) reaction(dist Disturbance) Reaction {
	r := Reaction{Disturbance: dist}
	until := min(m.end, dist.At+reactWithin)
	var samples []sample
	for _, k := range m.samples {
		if k.at >= dist.At && k.at < until {
			samples = append(samples, k)
		}
	}
	switch dist.Kind {
	case CapacityLost:
		r.FirstCut, r.Below = m.lowered(dist, samples, until)
		r.Drained = drained(dist.At, samples)
	case CapacityBack:
		r.Recovered = recovered(dist, samples)
	case RouteChanged:
		r.Normal = normal(dist, samples)
	}
	return r
}

// lowered returns when the limit first went down, and when it was first at or below
// the new capacity.
func (m *recorder) lowered(dist Disturbance, samples []sample, until time.Duration) (cut, below time.Duration) {
	cut, below = Never, Never
	if len(samples) == 0 {
		return cut, below
	}
	capacity := samples[0].capacity[dist.Direction]
	if l := samples[0].limit[dist.Direction]; l > 0 && l <= capacity {
		return 0, 0 // nothing to cut
	}
	for _, c := range m.changes {
		if c.Direction != dist.Direction || c.At < dist.At || c.At >= until {
			continue
		}
		if cut == Never && (c.Limit < c.Before || c.Before == 0) {
			cut = c.At - dist.At
		}
		if below == Never && c.Limit <= capacity {
			below = c.At - dist.At
		}
	}
	return cut, below
}

func drained(from time.Duration, samples []sample) time.Duration {
	i := 0
	for i < len(samples) && samples[i].queue < drainedQueue {
		i++
	}
	if i == len(samples) {
		return 0 // it was never full
	}
	since := Never
	for _, k := range samples[i:] {
		switch {
		case k.queue >= drainedQueue:
			since = Never
		case since == Never:
			since = k.at
		}
		if since != Never && k.at-since >= drainedFor {
			return since - from
		}
	}
	return Never
}

func recovered(dist Disturbance, samples []sample) time.Duration {
	d := dist.Direction
	first := 0
	for _, k := range samples {
		for k.at-samples[first].at > recoverWindow {
			first++
		}
		a := samples[first]
		if k.at-dist.At >= recoverWindow && k.good[d]-a.good[d] >= recoverShare*(k.could[d]-a.could[d]) {
			return k.at - dist.At
		}
	}
	return Never
}

func normal(dist Disturbance, samples []sample) time.Duration {
	d := dist.Direction
	last := time.Duration(0)
	for i, k := range samples {
		if k.limit[d] == 0 || k.limit[d] >= k.capacity[d]*4/5 {
			continue
		}
		if last = k.at - dist.At; i == len(samples)-1 {
			return Never
		}
	}
	return last
}
