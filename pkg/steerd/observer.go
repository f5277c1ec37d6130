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

// Observer hears what the loop does, from the loop's own goroutine. It must
// not block, not ask the loop and, in Stepped, not allocate.
type Observer interface {
	// Stepped follows every step of the law with what it saw and decided.
	Stepped(in steering.Input, dec steering.Decision, late time.Duration)
	// Switched follows every attempt to change the rule.
	Switched(a Attempt)
	// Moved reports that connections are steered, or no more.
	Moved(t Transition)
	// Foreign reports that somebody else changed the rule; the loop goes on
	// from there. A dry run only tells.
	Foreign(enabled bool)
	// Trouble reports what does not work, once, and again when its error
	// becomes another one. A nil error says that it works again.
	Trouble(p Part, err error)
	// Reconfigured reports new settings of the law, in use from its next step.
	Reconfigured(cfg steering.Config)
}

// Attempt is one attempt to change the rule.
type Attempt struct {
	Enable bool
	Reason steering.Reason // of the decision behind it
	Took   time.Duration
	Err    error // the outcome is not known: the rule is read before anything is written again
	DryRun bool  // nothing was written
}

// Transition is one change of the rule, pretended in a dry run.
type Transition struct {
	At      time.Time // on the calendar
	Steered bool      // new connections go to the other WAN from here on
	Reason  steering.Reason
}

// NopObserver is an Observer that does nothing. Embed it to implement some methods.
type NopObserver struct{}

var _ Observer = NopObserver{}

// Stepped does nothing.
func (NopObserver) Stepped(steering.Input, steering.Decision, time.Duration) {}

// Switched does nothing.
func (NopObserver) Switched(Attempt) {}

// Moved does nothing.
func (NopObserver) Moved(Transition) {}

// Foreign does nothing.
func (NopObserver) Foreign(bool) {}

// Trouble does nothing.
func (NopObserver) Trouble(Part, error) {}

// Reconfigured does nothing.
func (NopObserver) Reconfigured(steering.Config) {}

// Observers tells several, in order.
type Observers []Observer

var _ Observer = Observers(nil)

// Stepped implements Observer.
func (o Observers) Stepped(in steering.Input, dec steering.Decision, late time.Duration) {
	for _, x := range o {
		x.Stepped(in, dec, late)
	}
}

// Switched implements Observer.
func (o Observers) Switched(a Attempt) {
	for _, x := range o {
		x.Switched(a)
	}
}

// Moved implements Observer.
func (o Observers) Moved(t Transition) {
	for _, x := range o {
		x.Moved(t)
	}
}

// Foreign implements Observer.
func (o Observers) Foreign(enabled bool) {
	for _, x := range o {
		x.Foreign(enabled)
	}
}

// Trouble implements Observer.
func (o Observers) Trouble(p Part, err error) {
	for _, x := range o {
		x.Trouble(p, err)
	}
}

// Reconfigured implements Observer.
func (o Observers) Reconfigured(cfg steering.Config) {
	for _, x := range o {
		x.Reconfigured(cfg)
	}
}
