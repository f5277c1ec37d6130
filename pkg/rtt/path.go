package rtt

import (
	"slices"
	"time"
)

// Path combines the reflectors of one WAN that are in use into one excess delay.
//
// The median is that of each reflector's excess over its own baseline: a median of
// raw RTTs would jump whenever a reflector drops out.
type Path struct {
	Interval time.Duration // between two probes of a reflector
	Slow     time.Duration // on an idle line; 0 while probes are at full rate

	reflectors [MaxReflectors]Reflector
	count      int // indices seen so far
	scratch    [MaxReflectors]time.Duration
	distance   distance
}

// View is the state of a Path at one moment.
type View struct {
	Excess       time.Duration // combined over the live reflectors, from replies
	OverdueDelay time.Duration // combined lower bound from unanswered probes, see Reflector.OverdueDelay
	RTT          time.Duration // combined newest RTT
	Base         time.Duration // combined baseline
	Farther      time.Duration // how much of RTT and Base is due to other reflectors than at first
	Alive        int           // reflectors with a recent reply
	Fresh        bool          // some live reflector answered since the last View

	// Up and Down are the excess delay of each direction, never negative. They are
	// valid while OneWay is true: a live reflector sent a timestamp within the last
	// 500 ms, its clock offset is known, and the sum of both directions agrees with
	// its echoes. They come from separate requests, about ten a second over all
	// reflectors, and lag behind Excess by about 100 ms; their resolution is half a
	// millisecond.
	Up, Down time.Duration
	OneWay   bool
}

// Observe adds one event; see Reflector.Observe.
func (p *Path) Observe(e Event, unloaded bool) {
	if int(e.Reflector) >= MaxReflectors {
		return
	}
	p.count = max(p.count, int(e.Reflector)+1)
	r := &p.reflectors[e.Reflector]
	p.observeSpare(r, e)
	// A radio may have to wake up for a slow probe: it raises no baseline.
	r.Observe(e, unloaded && (p.Slow == 0 || r.spare.active))
}

// Reflector returns the i-th reflector, which must be below MaxReflectors.
func (p *Path) Reflector(i int) *Reflector { return &p.reflectors[i] }

// Used returns the number of reflectors that had an event: the highest index plus 1.
func (p *Path) Used() int { return p.count }

// View returns the combined state of the live reflectors at now; see robustMean.
func (p *Path) View(now time.Duration) View {
	v := View{}
	for i := range p.count {
		r := &p.reflectors[i]
		_, fresh := r.Excess()
		if r.alive(now, p.Interval, p.Slow) {
			v.Fresh = v.Fresh || fresh
			v.OneWay = v.OneWay || r.oneWay.valid(now)
		}
	}
	v.Excess, v.Alive = p.combine(now, (*Reflector).excess)
	v.OverdueDelay, _ = p.combine(now, func(r *Reflector) time.Duration { return r.OverdueDelay(now) })
	v.RTT, _ = p.combine(now, func(r *Reflector) time.Duration { return r.lastRTT })
	v.Base, _ = p.combine(now, (*Reflector).Baseline)
	v.Farther = p.distance.update(now, v.Base, p.complete(now))
	if up, down, ok := p.newestSplit(now, v.Excess); ok {
		v.Up, v.Down = up, down
	} else if v.OneWay {
		v.Up = p.combineOneWay(now, func(r *Reflector) time.Duration { return r.oneWay.up() })
		v.Down = p.combineOneWay(now, func(r *Reflector) time.Duration { return r.oneWay.down() })
	}
	return v
}

// newestSplit returns the split of the reflector with the newest timestamp, if it
// agrees with the combined excess. A combination of all would be as old as the
// oldest, since reflectors take turns.
func (p *Path) newestSplit(now, excess time.Duration) (up, down time.Duration, ok bool) {
	var newest *Reflector
	for i := range p.count {
		r := &p.reflectors[i]
		if r.alive(now, p.Interval, p.Slow) && r.oneWay.valid(now) && (newest == nil || r.oneWay.recent[0].at > newest.oneWay.recent[0].at) {
			newest = r
		}
	}
	if newest == nil {
		return 0, 0, false
	}
	up, down = newest.oneWay.up(), newest.oneWay.down()
	return up, down, (up + down - excess).Abs() <= max(newestWithin, excess/4)
}

// combine returns the robustMean of the live reflectors, and their number.
func (p *Path) combine(now time.Duration, of func(*Reflector) time.Duration) (mean time.Duration, n int) {
	for i := range p.count {
		if r := &p.reflectors[i]; r.alive(now, p.Interval, p.Slow) {
			p.scratch[n] = of(r)
			n++
		}
	}
	return robustMean(p.scratch[:n]), n
}

func (p *Path) combineOneWay(now time.Duration, of func(*Reflector) time.Duration) time.Duration {
	n := 0
	for i := range p.count {
		if r := &p.reflectors[i]; r.alive(now, p.Interval, p.Slow) && r.oneWay.valid(now) {
			p.scratch[n] = of(r)
			n++
		}
	}
	return robustMean(p.scratch[:n])
}

// robustMean returns the median of three or more values, the smaller of two (one bad
// reflector must not cut a limit), 0 for none. It sorts values.
func robustMean(values []time.Duration) time.Duration {
	switch len(values) {
	case 0:
		return 0
	case 2:
		return min(values[0], values[1])
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// Rebase sets the baseline of every live reflector to its lowest recent RTT, limited
// to most.
func (p *Path) Rebase(now, most time.Duration) {
	for i := range p.count {
		if r := &p.reflectors[i]; r.alive(now, p.Interval, p.Slow) {
			r.Rebase(min(most, r.base.recent(r.lastRTT)))
		}
	}
}
