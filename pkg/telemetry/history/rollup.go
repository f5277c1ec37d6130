package history

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
)

// Rollup is what happened on one WAN during an interval: a second, a minute or an hour.
// Rollups merge into that of the longer interval. The zero value is empty.
type Rollup struct {
	Start    time.Time
	Length   time.Duration // from the start to the end of what was merged
	Observed time.Duration // in which the loop ran
	NoReply  time.Duration // part of Observed in which no reflector answered

	RTT      Gauge // ms: the mean is that of the medians of the seconds
	Baseline Gauge // ms
	Excess   Gauge // ms, as the law sees it

	Idle     Histogram // RTT while neither direction was loaded
	Loaded   Histogram // RTT while one was
	Increase Histogram // of the RTT above the baseline while one was

	Directions [2]DirectionRollup
	Router     RouterRollup
	Reflectors []ReflectorRollup // those that were probed
}

// DirectionRollup is the part of a Rollup for one direction.
type DirectionRollup struct {
	Limit      Gauge // kbit/s
	Throughput Gauge // kbit/s
	Capacity   Gauge // kbit/s, of the seconds in which it was known

	States  [autorate.Red + 1]time.Duration // time in each, by state; 0 is unknown
	Reasons [autorate.Held + 1]uint32       // how often the law came to each, as far as it is notable
}

// Worst returns the most severe state of the interval, 0 when none was known.
func (d *DirectionRollup) Worst() autorate.State {
	for s := autorate.Red; s > 0; s-- {
		if d.States[s] > 0 {
			return s
		}
	}
	return 0
}

// RouterRollup counts the requests of the loop to the router.
type RouterRollup struct {
	Latency                           Gauge // ms, of the answers
	Requests, Errors, Writes, Refused uint32
}

// ReflectorRollup counts the probes of one reflector.
type ReflectorRollup struct {
	Host          string
	Sent, Replies uint32
	RTT           Gauge // ms
}

// LoadedShare is the use of a limit from which on a direction is loaded: delay is then
// what queues make of it.
const LoadedShare = 0.5

// loaded reports whether one of the directions carries a load. A queue behind a limit
// that is above the capacity shows by its state.
func loaded(dec *autorate.Decision) bool {
	for i := range dec.Directions {
		d := &dec.Directions[i]
		if d.Load >= LoadedShare || d.State > autorate.Green && d.Load >= LoadedShare/5 {
			return true
		}
	}
	return false
}

// Step adds a step of the law that stands for the time since the one before it.
func (r *Rollup) Step(dec, before *autorate.Decision, since time.Duration) {
	r.Observed += since
	if dec.Alive == 0 {
		r.NoReply += since
	} else if dec.RTT > 0 {
		if loaded(dec) {
			r.Loaded.Add(dec.RTT)
			r.Increase.Add(dec.RTT - dec.Baseline)
		} else {
			r.Idle.Add(dec.RTT)
		}
	}
	for i := range dec.Directions {
		d := &dec.Directions[i]
		r.Directions[i].States[d.State] += since
		if d.Reason != before.Directions[i].Reason && d.Reason.Notable() {
			r.Directions[i].Reasons[d.Reason]++
		}
	}
}

func (r *Rollup) end() time.Time { return r.Start.Add(r.Length) }

// Merge adds other, which begins at the end of r or later.
func (r *Rollup) Merge(other *Rollup) {
	if r.Start.IsZero() {
		r.Start = other.Start
	}
	r.Length = max(r.Length, other.end().Sub(r.Start))
	r.Observed += other.Observed
	r.NoReply += other.NoReply
	r.RTT.Merge(other.RTT)
	r.Baseline.Merge(other.Baseline)
	r.Excess.Merge(other.Excess)
	r.Idle.Merge(&other.Idle)
	r.Loaded.Merge(&other.Loaded)
	r.Increase.Merge(&other.Increase)
	for i := range other.Directions {
		r.Directions[i].merge(&other.Directions[i])
	}
	r.Router.merge(&other.Router)
	for i := range other.Reflectors {
		x := &other.Reflectors[i]
		mine := r.Reflector(x.Host)
		mine.Sent += x.Sent
		mine.Replies += x.Replies
		mine.RTT.Merge(x.RTT)
	}
}

func (d *DirectionRollup) merge(other *DirectionRollup) {
	d.Limit.Merge(other.Limit)
	d.Throughput.Merge(other.Throughput)
	d.Capacity.Merge(other.Capacity)
	for i, t := range other.States {
		d.States[i] += t
	}
	for i, n := range other.Reasons {
		d.Reasons[i] += n
	}
}

func (r *RouterRollup) merge(other *RouterRollup) {
	r.Latency.Merge(other.Latency)
	r.Requests += other.Requests
	r.Errors += other.Errors
	r.Writes += other.Writes
	r.Refused += other.Refused
}

// maxReflectors bounds the reflectors of a rollup: a configuration can name 64 and has
// some built in; over months they may change.
const maxReflectors = 256

// Reflector returns the entry of host, a new one where there was none.
func (r *Rollup) Reflector(host string) *ReflectorRollup {
	i := slices.IndexFunc(r.Reflectors, func(x ReflectorRollup) bool { return x.Host == host })
	switch {
	case i >= 0:
		return &r.Reflectors[i]
	case len(r.Reflectors) >= maxReflectors:
		return &ReflectorRollup{} // not kept
	}
	r.Reflectors = append(r.Reflectors, ReflectorRollup{Host: host})
	return &r.Reflectors[len(r.Reflectors)-1]
}

// reset empties r and keeps its memory.
func (r *Rollup) reset() { *r = Rollup{Reflectors: r.Reflectors[:0]} }

// Gauge is a value that was measured several times.
type Gauge struct {
	Min, Max, Sum float64
	Count         uint32
}

// Add adds a value.
func (g *Gauge) Add(v float64) { g.Merge(Gauge{v, v, v, 1}) }

// Merge adds the values of other.
func (g *Gauge) Merge(other Gauge) {
	switch {
	case other.Count == 0:
	case g.Count == 0:
		*g = other
	default:
		*g = Gauge{min(g.Min, other.Min), max(g.Max, other.Max), g.Sum + other.Sum, g.Count + other.Count}
	}
}

// Mean returns the mean, 0 without values.
func (g *Gauge) Mean() float64 {
	if g.Count == 0 {
		return 0
	}
	return g.Sum / float64(g.Count)
}
