package steersource

import (
	"context"
	"fmt"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/steerd"
	"github.com/wanctl/wanctl/pkg/steering"
)

// Queues reads the counters of the primary WAN's queues.
type Queues struct {
	Router router.Client
	Names  [2]string // download, upload; one may be empty
}

var _ steerd.Meter = Queues{}

// Counters implements steerd.Meter.
func (q Queues) Counters(ctx context.Context) ([2]steering.Counters, error) {
	var counters [2]steering.Counters
	var names []string
	for _, name := range q.Names {
		if name != "" {
			names = append(names, name)
		}
	}
	read, err := q.Router.Counters(ctx, names...)
	if err != nil {
		return counters, fmt.Errorf("reading queue counters: %w", err)
	}
	for i, name := range q.Names {
		if name == "" {
			continue
		}
		c := read[0]
		read = read[1:]
		counters[i] = steering.Counters{Dropped: c.Dropped, QueuedPackets: c.QueuedPackets, Bytes: c.Bytes}
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
