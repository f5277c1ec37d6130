package calibrate

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

// Settings are the keys of a configuration that a measurement proposes.
type Settings struct {
	Ceiling, Floor           [2]bitrate.Rate // the floor of RED, the lowest
	Target, Warn, HardRed    time.Duration
	BaselineInitial          time.Duration
	BaselineMin, BaselineMax time.Duration // bounds of BaselineInitial, never proposed
}

// Proposal is the limits that a direction should stay within.
type Proposal struct{ Ceiling, Floor bitrate.Rate }

// Direction is what was measured in one direction.
type Direction struct {
	Measured bool
	Capacity Capacity
	Claimed  bitrate.Rate // payload without a limit, by the word of the load; 0: unknown
	Before   Latency      // loaded, without a limit
	After    Latency      // loaded, with Limit; no samples when that was not measured
	Limit    bitrate.Rate
	Carried  bitrate.Rate // with Limit
	Proposed Proposal
}

// Result is what a measurement has found.
type Result struct {
	Baseline   time.Duration // RTT of the idle line
	Idle       Latency       // its noise
	Directions [2]Direction
	Proposed   Settings
	Bytes      uint64
	Notes      []string // what is doubtful
	Curves     []Curve
}

// Curve is one loaded phase as a plot shows it.
type Curve struct {
	Phase  Phase
	Points []Point
}

// Point is half a second of a phase. The delay is its highest.
type Point struct {
	Rate   [2]bitrate.Rate
	Excess time.Duration
}

func (r *Result) notef(format string, args ...any) {
	if note := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, note) {
		r.Notes = append(r.Notes, note)
	}
}

func (r *Result) measured() bool { return r.Directions[0].Measured || r.Directions[1].Measured }

// Grades returns the grades without limits and with them: of the average of both
// directions, or of the one that was measured. They are empty where nothing was.
func (r *Result) Grades() (before, after string) {
	grade := func(of func(Direction) Latency) string {
		sum, n := time.Duration(0), 0
		for _, d := range r.Directions {
			if l := of(d); l.Samples > 0 {
				sum, n = sum+l.Mean, n+1
			}
		}
		if n == 0 {
			return ""
		}
		return Grade(sum / time.Duration(n))
	}
	return grade(func(d Direction) Latency { return d.Before }), grade(func(d Direction) Latency { return d.After })
}

// result estimates everything from what was recorded so far.
func (r *run) result() (res Result) {
	res.Bytes, res.Baseline = r.bytes, r.base.combined()
	late := 0.0
	for _, rec := range r.all {
		delays := rec.delays(&r.base, rec.from, rec.to, r.Interval)
		late = max(late, rec.lateShare())
		switch rec.Kind {
		case Idle:
			res.Idle = latencyOf(delays)
			r.checkIdle(&res, rec)
			continue
		case Before, After:
			res.Curves = append(res.Curves, curve(rec, delays))
		}
		for _, d := range autorate.Directions {
			if rec.Load[d] {
				r.estimate(&res, d, rec, delays)
			}
		}
	}
	for d := range res.Directions {
		if dir := &res.Directions[d]; dir.Measured {
			dir.Proposed = r.propose(*dir, headrooms[0])
			if dir.Limit > 0 {
				dir.Proposed = r.propose(*dir, float64(dir.Limit)/float64(dir.Capacity.best()))
			}
		}
	}
	if late > tooLate {
		res.notef("this host did not run for up to %.0f %% of the time: what was measured then is left out, and thresholds stay as they are; measure on a host that has less to do", 100*late)
	}
	r.proposeSettings(&res, late <= tooLate)
	r.doubts(&res)
	return res
}

// estimate adds a loaded phase to the result of a direction.
func (r *run) estimate(res *Result, d autorate.Direction, rec *recording, delays []delay) {
	dir := &res.Directions[d]
	from, to := rec.steady()
	inside := slices.DeleteFunc(slices.Clone(delays), func(x delay) bool { return x.at < from || x.at > to })
	capacity, ok := Capacity{}, false
	if r.Watch {
		capacity, inside, ok = watched(rec, d, delays, res.Idle.P95)
	} else {
		capacity, ok = capacityOf(rec, d, delays, res.Idle.P95)
	}
	if !ok {
		return
	}
	if rec.Kind == Before {
		dir.Measured, dir.Capacity, dir.Claimed, dir.Before = true, capacity, rec.transfer.Rate, latencyOf(inside)
		return
	}
	dir.After, dir.Limit, dir.Carried = latencyOf(inside), rec.Limits[d], capacity.Mean
}

// curve returns a phase in points of half a second.
func curve(rec *recording, delays []delay) Curve {
	c := Curve{Phase: rec.Phase}
	i := 0
	for _, w := range rec.rates(rec.from, rec.to, window/2) {
		p := Point{Rate: w.rate}
		for ; i < len(delays) && delays[i].at <= w.at; i++ {
			p.Excess = max(p.Excess, delays[i].excess)
		}
		c.Points = append(c.Points, p)
	}
	return c
}

// propose returns the limits for a direction, with a ceiling at a share of its capacity.
func (r *run) propose(dir Direction, headroom float64) Proposal {
	// The worst evening is not among what was measured.
	const evening, worse = 0.2, 0.5
	ceiling := round3(float64(dir.Capacity.best()) * headroom)
	floor := round3(min(evening*float64(dir.Capacity.Mean), worse*float64(dir.Capacity.Low)))
	return Proposal{Ceiling: max(ceiling, leastLoad), Floor: max(leastLoad, min(floor, ceiling))}
}

// round3 rounds a rate down to three digits, and to 10 kbit/s at least.
func round3(bps float64) bitrate.Rate {
	if bps < float64(leastLoad) {
		return 0
	}
	unit := max(1e4, math.Pow(10, math.Floor(math.Log10(bps))-2))
	return bitrate.Rate(math.Floor(bps/unit+1e-6) * unit)
}

// lower proposes a lower ceiling for the loaded directions.
func (r Result) lower(load [2]bool, headroom float64) Result {
	for d, loaded := range load {
		if dir := &r.Directions[d]; loaded {
			dir.Proposed.Ceiling = round3(float64(dir.Capacity.best()) * headroom)
		}
	}
	return r
}

// tooSlow reports whether a lower limit may leave less delay than the one measured. No
// constant limit fits a line whose capacity varies.
func (r Result) tooSlow(load [2]bool) bool {
	for d, loaded := range load {
		dir := r.Directions[d]
		allowed := r.Idle.P95 + max(2*queueAbove, 3*serialisation(dir.Limit))
		if loaded && dir.After.P95 > allowed && dir.Before.P95 > allowed && !dir.Capacity.Varies() {
			return true
		}
	}
	return false
}

// tooLate is the share of the time without this process from which the noise that was
// measured is that of this host.
const tooLate = 0.1

// proposeSettings completes the proposal of a whole configuration. Floors that are
// lower, and thresholds that are higher, stay; so do thresholds where the noise of the
// line is not known.
func (r *run) proposeSettings(res *Result, noiseKnown bool) {
	s := r.Current
	slow := time.Duration(0)
	for d, dir := range res.Directions {
		if !dir.Measured {
			continue
		}
		s.Ceiling[d] = dir.Proposed.Ceiling
		if s.Floor[d] == 0 || s.Floor[d] > dir.Proposed.Floor {
			s.Floor[d] = dir.Proposed.Floor
		}
		slow += serialisation(dir.Capacity.Mean)
	}
	// A threshold below the noise of the line makes every sample an alarm.
	const least, most = 15 * time.Millisecond, 60 * time.Millisecond
	target := min(most, max(least, (res.Idle.P99+2*slow+queueAbove).Truncate(time.Millisecond)))
	if noiseKnown && target > s.Target {
		s.Target, s.Warn, s.HardRed = target, max(s.Warn, 3*target), max(s.HardRed, 16*target/3)
	}
	if s.BaselineInitial = res.Baseline.Round(time.Millisecond); s.BaselineInitial < time.Millisecond {
		s.BaselineInitial = time.Millisecond
	}
	if s.BaselineMax > 0 {
		s.BaselineInitial = min(max(s.BaselineInitial, s.BaselineMin), s.BaselineMax)
	}
	res.Proposed = s
}

// checkIdle notes what was not idle.
func (r *run) checkIdle(res *Result, rec *recording) {
	for _, w := range rec.rates(rec.from, rec.to, 2*window) {
		for d, rate := range w.rate {
			if expected := r.Expected[d]; expected > 0 && rate > max(expected/10, 2*leastLoad) {
				res.notef("the line carried up to %s of %v while it should have been idle: the idle round trip may be too long; repeat it when the line is quiet", rate.Human(), autorate.Direction(d))
				return
			}
		}
	}
	if res.Idle.Lost > 0.05 {
		res.notef("%.0f %% of the probes were lost on the idle line; see 'wanctl probe'", 100*res.Idle.Lost)
	}
}

// doubts notes what makes the estimates doubtful.
func (r *run) doubts(res *Result) {
	for d, dir := range res.Directions {
		side := autorate.Direction(d)
		switch lifted := r.Lifted(r.Start)[d]; {
		case !dir.Measured:
			if r.Controlled[d] {
				res.notef("the %v was never full: its capacity is not known, and its limits stay as they are", side)
			}
			continue
		case dir.Capacity.Mean > lifted/100*97:
			res.notef("the %v carries the limit it had meanwhile, %s: raise its ceiling_mbps and measure again", side, lifted.Human())
		case !dir.Capacity.Saturated:
			res.notef("the load has made no queue in the %v: the server or this host may carry no more than %s, or the line has a short queue of its own", side, dir.Capacity.Mean.Human())
		case dir.Capacity.Varies():
			res.notef("the capacity of the %v varies from %s to %s within seconds: no constant limit fits; 'wanctl shape' follows it", side, dir.Capacity.Low.Human(), dir.Capacity.High.Human())
		case dir.After.Samples > 0 && res.tooSlow(oneOf(side)):
			res.notef("the %v has %.0f ms of delay even with %s: is the type of its queue cake? see 'wanctl router queue get'", side, float64(dir.After.P95)/1e6, dir.Limit.Human())
		}
		const payload = 0.93 // of what a queue counts, at the least
		if dir.Claimed > 0 && float64(dir.Claimed) < payload*0.9*float64(dir.Capacity.Mean) {
			res.notef("other traffic took a part of the %v: the queue counted %s, the load alone %s", side, dir.Capacity.Mean.Human(), dir.Claimed.Human())
		}
	}
}

func oneOf(d autorate.Direction) (load [2]bool) {
	load[d] = true
	return load
}
