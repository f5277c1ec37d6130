package steerd

import (
	"time"

	"github.com/wanctl/wanctl/pkg/steering"
)

// Part is one of the things that the loop depends on.
type Part uint8

// What can fail.
const (
	PartPath     Part = iota // the round-trip time of the primary WAN
	PartCounters             // the counters of its queues
	PartRule                 // the mangle rule
	parts
)

func (p Part) String() string {
	switch p {
	case PartPath:
		return "path"
	case PartCounters:
		return "counters"
	case PartRule:
		return "rule"
	case parts:
	}
	return "unknown"
}

// Observer receives what the loop does, on the loop's own goroutine. It must not
// block, not ask the loop and, for a Step, not allocate.
type Observer interface {
	Observe(Event)
}

// Event is one of the types below. The loop reuses what the pointer refers to: an
// observer does not keep it.
type Event interface{ event() }

type (
	// Step follows every step of the law.
	Step struct {
		Input    steering.Input
		Decision steering.Decision
		Late     time.Duration
	}
	// Attempt follows every attempt to change the rule.
	Attempt struct {
		Enable bool
		Reason steering.Reason // of the decision behind it
		Took   time.Duration
		Err    error // the outcome is not known: the rule is read before anything is written again
		DryRun bool  // nothing was written
	}
	// Transition is one change of the rule by the loop, pretended in a dry run.
	Transition struct {
		At      time.Time // on the calendar
		Steered bool      // new connections go to the other WAN from here on
		Reason  steering.Reason
	}
	// ExternalChange is a change of the rule by somebody else, which is respected and
	// is no Transition. A dry run only reports it.
	ExternalChange struct {
		Enabled bool
		DryRun  bool
	}
	// Failure is something that does not work, reported once, and again when its
	// error becomes another one. A nil error reports that it works again.
	Failure struct {
		Part Part
		Err  error
	}
	// Reconfigured is new settings of the law, in use from its next step.
	Reconfigured struct{ Law steering.Config }
)

func (*Step) event()          {}
func (Attempt) event()        {}
func (Transition) event()     {}
func (ExternalChange) event() {}
func (Failure) event()        {}
func (Reconfigured) event()   {}
