// Package compare sums up what several laws, or one law with several settings,
// make of one recording.
//
// The recording is what it is: its delay answers to the limits that were in
// force then, not to those that a law wishes for now. So a tally tells what a
// law would have wanted, seeing what was seen; what would have become of the
// link only a link can tell, real or simulated.
package compare

import (
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
)

const (
	// loaded is the share of its limit above which a direction counts as loaded.
	loaded = 0.4
	// longestGap is the longest time between two steps that counts as time in
	// the state before: more is a hole in the recording.
	longestGap = time.Minute
)

// Tally is what one law did. Make it with New.
type Tally struct {
	// Target, Warn and HardRed are the thresholds of the law.
	Target, Warn, HardRed time.Duration

	Steps      int
	Span       time.Duration // between the first step and the last, without holes
	Directions [2]Direction

	bounds [2]actuate.Bounds
	router *actuate.Actuator // of a router that answers at once
	last   autorate.Decision
}

// Direction is what a law did to one direction.
type Direction struct {
	In     [4]time.Duration // by state, GREEN first
	Cuts   int
	Raises int          // steps with a higher limit than the one before
	Writes int          // that the law's wishes would have cost, each taking effect at once
	Lowest bitrate.Rate // limit
	Mean   bitrate.Rate // limit, over time
	Loaded int          // steps in which it carried a good part of its limit
	Above  [3]int       // of those: with an excess above target, warn and hard-red

	area float64 // limit times seconds
}

// New returns a Tally of a law with settings cfg.
func New(cfg autorate.Config) *Tally {
	return &Tally{Target: cfg.Target, Warn: cfg.Warn, HardRed: cfg.HardRed, bounds: actuate.LawBounds(cfg)}
}

// Step takes in a decision and what led to it.
func (t *Tally) Step(in autorate.Input, dec autorate.Decision) {
	first := t.Steps == 0
	if first {
		t.router = actuate.New(dec.At, actuate.Config{Start: in.Applied, Bounds: t.bounds})
	}
	t.Steps++
	dt := dec.At - t.last.At
	if first || dt > longestGap {
		dt = 0
	}
	t.Span += dt
	for _, d := range autorate.Directions {
		now, before := dec.Directions[d], t.last.Directions[d]
		dir := &t.Directions[d]
		if dt > 0 {
			dir.In[max(before.State, autorate.Green)-1] += dt
			dir.area += float64(before.Limit) * dt.Seconds()
			dir.Mean = bitrate.Rate(dir.area / t.Span.Seconds())
		}
		if first || now.Limit < dir.Lowest {
			dir.Lowest = now.Limit
		}
		if now.Reason == autorate.Cut {
			dir.Cuts++
		}
		if !first && now.Limit > before.Limit {
			dir.Raises++
		}
		if now.Load < loaded {
			continue
		}
		dir.Loaded++
		for i, limit := range [3]time.Duration{t.Target, t.Warn, t.HardRed} {
			if limit > 0 && dec.Excess > limit {
				dir.Above[i]++
			}
		}
	}
	t.write(dec)
	t.last = dec
	if first {
		for d := range t.Directions {
			t.Directions[d].Mean = dec.Directions[d].Limit
		}
	}
}

// write counts the writes that a decision leads to.
func (t *Tally) write(dec autorate.Decision) {
	t.router.Decide(dec)
	for job := t.router.Next(dec.At); job.Op != actuate.None; job = t.router.Next(dec.At) {
		limits := t.router.InForce()
		for d, want := range job.Want {
			if want != 0 {
				t.Directions[d].Writes++
				limits[d] = want
			}
		}
		t.router.Done(dec.At, actuate.Result{Job: job, Limits: limits})
	}
}

// SetExternally takes in that somebody else set a limit: it is in force then.
func (t *Tally) SetExternally(d autorate.Direction, rate bitrate.Rate) {
	if t.router != nil {
		t.router.SetExternally(d, rate)
	}
}

// Difference is a step in which two laws begin to differ about a direction.
type Difference struct {
	At        time.Duration
	Direction autorate.Direction
	Decisions [2]autorate.DirectionDecision
}

// Differ notes where the decisions of two laws part: the first few times in
// full, the others by number.
type Differ struct {
	Keep  int // how many to note
	First []Difference
	Count int // of all partings
	Steps int // in which the laws differed

	apart [2]bool
}

// Step takes in what both decided at the same time.
func (x *Differ) Step(a, b autorate.Decision) {
	differ := false
	for _, d := range autorate.Directions {
		one, other := a.Directions[d], b.Directions[d]
		apart := one.Limit != other.Limit || one.State != other.State || one.Reason != other.Reason
		differ = differ || apart
		if apart && !x.apart[d] {
			x.Count++
			if len(x.First) < x.Keep {
				x.First = append(x.First, Difference{At: a.At, Direction: d, Decisions: [2]autorate.DirectionDecision{one, other}})
			}
		}
		x.apart[d] = apart
	}
	if differ {
		x.Steps++
	}
}
