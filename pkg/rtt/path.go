package rtt

import (
	"slices"
	"time"
)

// Path combines the reflectors of one WAN into one excess delay.
//
// Each reflector is compared with its own baseline first and the median is
// taken afterwards: a median of raw RTTs would jump whenever a reflector
// drops out.
type Path struct {
	Interval time.Duration // between two probes of one reflector

	reflectors [MaxReflectors]Reflector
	used       int
	scratch    [MaxReflectors]time.Duration
}

// View is what a Path shows at one moment.
type View struct {
	Excess  time.Duration // combined over the live reflectors, from replies
	Waiting time.Duration // combined lower bound from unanswered probes
	RTT     time.Duration // combined newest RTT
	Base    time.Duration // combined baseline
	Alive   int           // reflectors with a recent reply
	Fresh   bool          // some live reflector answered since the last View

	// Up and Down are the excess delay of each direction, never negative, and
	// mean something only while OneWay is true: some live reflector has told
	// its clock within the last 500 ms, its clock is known well enough, and the
	// sum of both directions agrees with its echoes. They come from requests of
	// their own, some ten a second over all reflectors, and lag behind Excess by
	// some 100 ms; their resolution is half a millisecond.
	Up, Down time.Duration
	OneWay   bool
}

// Observe takes in one event; see Reflector.Observe.
func (p *Path) Observe(e Event, clean bool) {
	if int(e.Reflector) >= MaxReflectors {
		return
	}
	p.used = max(p.used, int(e.Reflector)+1)
	p.reflectors[e.Reflector].Observe(e, clean)
}

// Reflector returns the i-th reflector, which must be below MaxReflectors.
func (p *Path) Reflector(i int) *Reflector { return &p.reflectors[i] }

// Used returns how many reflectors have been seen.
func (p *Path) Used() int { return p.used }

// View combines the live reflectors at now: the median of three or more, the
// smaller of two (one bad reflector must not cut a link), the one of one.
func (p *Path) View(now time.Duration) View {
	v := View{}
	for i := range p.used {
		r := &p.reflectors[i]
		_, fresh := r.Excess()
		if r.alive(now, p.Interval) {
			v.Alive++
			v.Fresh = v.Fresh || fresh
			v.OneWay = v.OneWay || r.ways.valid(now)
		}
	}
	v.Excess = p.combine(now, func(r *Reflector) time.Duration { return max(0, r.lastRTT-r.base.Value()) })
	v.Waiting = p.combine(now, func(r *Reflector) time.Duration { return r.Waiting(now) })
	v.RTT = p.combine(now, func(r *Reflector) time.Duration { return r.lastRTT })
	v.Base = p.combine(now, func(r *Reflector) time.Duration { return r.base.Value() })
	if up, down, ok := p.newestSplit(now, v.Excess); ok {
		v.Up, v.Down = up, down
	} else if v.OneWay {
		v.Up = p.combineTelling(now, func(r *Reflector) time.Duration { return r.ways.up() })
		v.Down = p.combineTelling(now, func(r *Reflector) time.Duration { return r.ways.down() })
	}
	return v
}

// newestSplit returns what the reflector that told last has told, if that agrees
// with the excess that most see now. All of them together would be as old as the
// oldest, since they take turns.
func (p *Path) newestSplit(now, excess time.Duration) (up, down time.Duration, ok bool) {
	var newest *Reflector
	for i := range p.used {
		r := &p.reflectors[i]
		if r.alive(now, p.Interval) && r.ways.valid(now) && (newest == nil || r.ways.recent[0].at > newest.ways.recent[0].at) {
			newest = r
		}
	}
	if newest == nil {
		return 0, 0, false
	}
	up, down = newest.ways.up(), newest.ways.down()
	return up, down, (up + down - excess).Abs() <= max(newestWithin, excess/4)
}

func (p *Path) combine(now time.Duration, of func(*Reflector) time.Duration) time.Duration {
	n := 0
	for i := range p.used {
		if r := &p.reflectors[i]; r.alive(now, p.Interval) {
			p.scratch[n] = of(r)
			n++
		}
	}
	return typical(p.scratch[:n])
}

func (p *Path) combineTelling(now time.Duration, of func(*Reflector) time.Duration) time.Duration {
	n := 0
	for i := range p.used {
		if r := &p.reflectors[i]; r.alive(now, p.Interval) && r.ways.valid(now) {
			p.scratch[n] = of(r)
			n++
		}
	}
	return typical(p.scratch[:n])
}

// typical sorts values and returns what stands for all of them.
func typical(values []time.Duration) time.Duration {
	switch len(values) {
	case 0:
		return 0
	case 2:
		return min(values[0], values[1])
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

// Rebase takes what every live reflector showed lately, at best, for its
// baseline, most at the most.
func (p *Path) Rebase(now, most time.Duration) {
	for i := range p.used {
		if r := &p.reflectors[i]; r.alive(now, p.Interval) {
			r.Rebase(min(most, r.base.recent(r.lastRTT)))
		}
	}
}
