package release

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Times of a change.
const (
	// TrialTime is for how long after a change a node goes back by itself.
	TrialTime = 2 * time.Minute
	// SteadyTime is for how long canaries are to stay as healthy as they were.
	SteadyTime = 10 * time.Minute
	// Grace is for how long a loop may be unwell: a loop that is restarted is for seconds.
	Grace = 20 * time.Second
	// ReportTime is the time between two reports of a node at which nothing happens, and
	// AbsentTime after how long without one it counts as absent.
	ReportTime = time.Minute
	AbsentTime = 3 * ReportTime
)

// Condition is how a loop is.
type Condition uint8

// The conditions of a loop, the best one first.
const (
	Well Condition = iota
	Starting
	Unwell
)

// Trial is the first two minutes of a node with a new set.
type Trial struct {
	before map[string]Condition
	since  map[string]time.Duration // since when a loop is worse than before
}

// NewTrial returns the trial of a node whose loops were in these conditions.
func NewTrial(before map[string]Condition) *Trial {
	return &Trial{maps.Clone(before), map[string]time.Duration{}}
}

// Observe returns whether the trial has ended at a time after the change, and why the node is
// to go back, "" if it is not. A loop that was not there before is to be well.
func (t *Trial) Observe(elapsed time.Duration, loops map[string]Condition) (ended bool, why string) {
	over := elapsed >= TrialTime
	for _, name := range slices.Sorted(maps.Keys(loops)) {
		now, was := loops[name], t.before[name]
		if now <= was || now == Starting && !over {
			delete(t.since, name)
			continue
		}
		since, known := t.since[name]
		if !known {
			since = elapsed
			t.since[name] = since
		}
		if over || elapsed-since >= Grace {
			return true, fmt.Sprintf("%s is %s since the change", name, map[Condition]string{Starting: "not up", Unwell: "degraded"}[now])
		}
	}
	return over, ""
}

// Canaries are the nodes of a stage after a push, of which another stage depends.
type Canaries struct {
	revision uint64
	before   map[string]Report
	steady   time.Duration // since when all is well; negative: it is not
	worse    map[string]time.Duration
}

// NewCanaries returns the canaries that these reports, of before the push, are of.
func NewCanaries(revision uint64, before []Report) *Canaries {
	c := &Canaries{revision: revision, before: map[string]Report{}, steady: -1, worse: map[string]time.Duration{}}
	for _, r := range before {
		c.before[r.Node] = r
	}
	return c
}

// Progress is how canaries stand.
type Progress struct {
	Steady time.Duration // for how long all have been as healthy as before
	Sick   string        // why the set is not to go further
	Wait   string        // what is awaited
}

// Observe returns how the canaries stand at a time after the push. present are the reports of
// those that are not absent.
func (c *Canaries) Observe(elapsed time.Duration, present []Report) (p Progress) {
	there := map[string]Report{}
	for _, r := range present {
		there[r.Node] = r
	}
	for _, node := range slices.Sorted(maps.Keys(c.before)) {
		r, here := there[node]
		wait, sick := "node "+node+" has fallen silent", ""
		if here {
			wait, sick = c.observe(elapsed, c.before[node], r)
		}
		p.Wait, p.Sick = cmp.Or(p.Wait, wait), cmp.Or(p.Sick, sick)
	}
	switch {
	case p.Wait != "" || p.Sick != "":
		c.steady = -1
	case c.steady < 0:
		c.steady = elapsed
	default:
		p.Steady = elapsed - c.steady
	}
	return p
}

// observe returns what is awaited of one node, and why it is sick.
func (c *Canaries) observe(elapsed time.Duration, was, r Report) (wait, sick string) {
	about := r.Tried == c.revision
	switch {
	case about && r.Result == Refused:
		return "", fmt.Sprintf("node %s refuses it: %s", r.Node, r.Reason)
	case about && r.Result == Returned:
		return "", fmt.Sprintf("node %s has gone back: %s", r.Node, r.Reason)
	case about && r.Result == Failed:
		return fmt.Sprintf("node %s: %s", r.Node, r.Reason), ""
	case r.Revision > c.revision:
		return "", fmt.Sprintf("node %s has revision %d", r.Node, r.Revision)
	case r.Revision != c.revision:
		return "node " + r.Node + " does not have it yet", ""
	case r.Unwell <= was.Unwell:
		delete(c.worse, r.Node)
		return "", ""
	}
	since, known := c.worse[r.Node]
	if !known {
		since = elapsed
		c.worse[r.Node] = since
	}
	why := fmt.Sprintf("node %s: %d loops are unwell, before the change %d", r.Node, r.Unwell, was.Unwell)
	if elapsed-since >= Grace {
		return "", why
	}
	return why, ""
}
