package steersource

import (
	"context"
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
)

// Queues reads the counters of the primary WAN's queues: two of the queue tree, or the
// two directions of one simple queue.
type Queues struct {
	Router router.Client
	Names  [2]string // download, upload; one may be empty
	Simple string    // in place of Names
}

var _ steerd.Meter = Queues{}

// Counters implements steerd.Meter.
func (q Queues) Counters(ctx context.Context) ([2]steering.Counters, error) {
	read, err := q.read(ctx)
	if err != nil {
		return [2]steering.Counters{}, fmt.Errorf("reading queue counters: %w", err)
	}
	var counters [2]steering.Counters
	for i, c := range read {
		counters[i] = steering.Counters{Dropped: c.Dropped, QueuedPackets: c.QueuedPackets, Bytes: c.Bytes}
	}
	return counters, nil
}

// read returns the router's counters, zero for a direction without a queue. Which
// direction is which of a simple queue does not matter to the law.
func (q Queues) read(ctx context.Context) (counters [2]router.Counters, err error) {
	if q.Simple != "" {
		return q.Router.SimpleCounters(ctx, q.Simple)
	}
	var names []string
	var at []int
	for i, name := range q.Names {
		if name != "" {
			names, at = append(names, name), append(at, i)
		}
	}
	read, err := q.Router.Counters(ctx, names...)
	if err != nil {
		return counters, err
	}
	for i, c := range read {
		counters[at[i]] = c
	}
	return counters, nil
}

// Rule is the one mangle rule that steers, by its exact comment.
type Rule struct {
	Router  router.Client
	Comment string
}

var _ steerd.RuleSwitch = Rule{}

// Enabled implements steerd.RuleSwitch. A rule that must not be touched is an error
// of reading, too: who cannot write it has nothing to decide about it.
func (r Rule) Enabled(ctx context.Context) (bool, error) {
	rule, err := r.Router.Rule(ctx, r.Comment)
	if err != nil {
		return false, fmt.Errorf("reading the mangle rule: %w", err)
	}
	if rule.Dynamic {
		return false, fmt.Errorf("mangle rule %q is dynamic, %w, and cannot be switched", r.Comment, router.ErrDynamic)
	}
	return !rule.Disabled, nil
}

// Set implements steerd.RuleSwitch.
func (r Rule) Set(ctx context.Context, enabled bool) error {
	if _, err := r.Router.SetRule(ctx, r.Comment, enabled); err != nil {
		return fmt.Errorf("switching the mangle rule: %w", err)
	}
	return nil
}

// Entry is a line of an address list, for people: "10.0.0.7 (console)".
func Entry(a router.Address) string {
	text := a.Address
	if a.Comment != "" {
		text += " (" + a.Comment + ")"
	}
	if a.Timeout > 0 {
		text += " for " + a.Timeout.Round(time.Second).String()
	}
	if a.Disabled {
		text += " disabled"
	}
	return text
}
