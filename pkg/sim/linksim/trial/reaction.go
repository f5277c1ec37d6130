package trial

import (
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// Moment is when something happens to a link that a controller has to answer.
type Moment struct {
	At        time.Duration
	Direction autorate.Direction
	What      What
}

// What happens at a Moment.
type What uint8

// Kinds of moments.
const (
	CapacityLost What = iota + 1
	CapacityBack
	RouteChanged // the RTT is another one, for good
)

// Never says that something did not come to pass in the time it had.
const Never = time.Duration(-1)

// Reaction is how long after a Moment things were as they should be. Those that
// do not apply are 0, those that never came are Never.
type Reaction struct {
	Moment

	FirstCut time.Duration // lost: the limit was lowered; 0 when it was low enough
	Below    time.Duration // lost: the limit was at or below the new capacity
	Drained  time.Duration // lost: the queue was below 10 ms again, and stayed there for a while

	Recovered time.Duration // back: nine tenths of the capacity delivered

	Normal time.Duration // route: the limit was below four fifths of the capacity for the last time
}

const (
	calmQueue     = 10 * time.Millisecond
	calmFor       = 250 * time.Millisecond
	recoverShare  = 0.9
	recoverWindow = 300 * time.Millisecond
	// answerWithin bounds what is taken for an answer to a moment.
	answerWithin = 20 * time.Second
)

func (m *measure) reaction(moment Moment) Reaction {
	r := Reaction{Moment: moment}
	until := min(m.end, moment.At+answerWithin)
	var looks []look
	for _, k := range m.looks {
		if k.at >= moment.At && k.at < until {
			looks = append(looks, k)
		}
	}
	switch moment.What {
	case CapacityLost:
		r.FirstCut, r.Below = m.lowered(moment, looks, until)
		r.Drained = drained(moment.At, looks)
	case CapacityBack:
		r.Recovered = recovered(moment, looks)
	case RouteChanged:
		r.Normal = normal(moment, looks)
	}
	return r
}

// lowered is when the limit first went down, and when it was first at or below
// the new capacity.
func (m *measure) lowered(moment Moment, looks []look, until time.Duration) (cut, below time.Duration) {
	cut, below = Never, Never
	if len(looks) == 0 {
		return cut, below
	}
	capacity := looks[0].capacity[moment.Direction]
	if l := looks[0].limit[moment.Direction]; l > 0 && l <= capacity {
		return 0, 0 // nothing to cut
	}
	for _, c := range m.changes {
		if c.Direction != moment.Direction || c.At < moment.At || c.At >= until {
			continue
		}
		if cut == Never && (c.Limit < c.Before || c.Before == 0) {
			cut = c.At - moment.At
		}
		if below == Never && c.Limit <= capacity {
			below = c.At - moment.At
		}
	}
	return cut, below
}

func drained(from time.Duration, looks []look) time.Duration {
	i := 0
	for i < len(looks) && looks[i].queue < calmQueue {
		i++
	}
	if i == len(looks) {
		return 0 // it was never full
	}
	since := Never
	for _, k := range looks[i:] {
		switch {
		case k.queue >= calmQueue:
			since = Never
		case since == Never:
			since = k.at
		}
		if since != Never && k.at-since >= calmFor {
			return since - from
		}
	}
	return Never
}

func recovered(moment Moment, looks []look) time.Duration {
	d := moment.Direction
	first := 0
	for _, k := range looks {
		for k.at-looks[first].at > recoverWindow {
			first++
		}
		a := looks[first]
		if k.at-moment.At >= recoverWindow && k.good[d]-a.good[d] >= recoverShare*(k.could[d]-a.could[d]) {
			return k.at - moment.At
		}
	}
	return Never
}

func normal(moment Moment, looks []look) time.Duration {
	d := moment.Direction
	last := time.Duration(0)
	for i, k := range looks {
		if k.limit[d] == 0 || k.limit[d] >= k.capacity[d]*4/5 {
			continue
		}
		if last = k.at - moment.At; i == len(looks)-1 {
			return Never
		}
	}
	return last
}
