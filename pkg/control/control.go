// Package control runs the law in real time: one goroutine a WAN owns ticker, law and
// limits, and never waits for network, disk or log.
//
//	prober ── rtt events ──> Loop ── newest limit ──> writer ── confirmed limit ──> Loop
//	poller ── counters ────> Loop ── ask/answer ───> HTTP, saver, status
//
// Everything outside is behind the small interfaces below, so that the live
// loop, the demo and the tests differ only in what is plugged in.
package control

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Limits holds one rate per autorate.Direction; 0 means "leave" in a write and
// "unlimited" in a reading.
type Limits = actuate.Limits

// Prober measures the path. Events never blocks the prober: what the loop does
// not take in time is dropped there. Times are on the loop's clock.
type Prober interface {
	Events() <-chan rtt.Event
}

// Reading is both queues as read.
type Reading struct {
	Limits Limits           // in force
	Faults [2]actuate.Fault // an absent queue is one, no error
}

// Limiter reads and writes the limits of both queues. One goroutine calls it.
type Limiter interface {
	// Limits reads the limits in force.
	Limits(ctx context.Context) (Reading, error)
	// SetLimits writes the limits that are not 0, and returns what the router
	// reports for them afterwards. A *WriteError says what became of each
	// direction; another error is that of all directions written.
	SetLimits(ctx context.Context, want Limits) (Limits, error)
}

// WriteError is the error of a write by autorate.Direction: nil where the limit
// was written, or was not to be.
type WriteError [2]error

func (e *WriteError) Error() string { return errors.Join(e[:]...).Error() }

// Unwrap returns the errors of the directions.
func (e *WriteError) Unwrap() []error { return slices.DeleteFunc(slices.Clone(e[:]), isNil) }

func isNil(err error) bool { return err == nil }

// byDirection returns the error of each direction of a write of want.
func byDirection(err error, want Limits) (errs [2]error) {
	var each *WriteError
	if errors.As(err, &each) {
		return *each
	}
	for d := range want {
		if want[d] != 0 {
			errs[d] = err
		}
	}
	return errs
}

// Meter reads the counters of both queues. One goroutine calls it, a different
// one than the Limiter's.
type Meter interface {
	Counters(ctx context.Context) ([2]autorate.Counters, error)
}

// Observer receives what the loop does, on the loop's own goroutine. It must not
// block and, for the events of every tick, not allocate.
type Observer interface {
	Observe(Event)
}

// Event is one of the types below. The loop reuses what the pointers refer to: an
// observer does not keep them.
type Event interface{ event() }

type (
	// Step follows every step of the law.
	Step struct {
		Input    autorate.Input
		Decision autorate.Decision
		Late     time.Duration // how late the tick began
	}
	// TickEnd ends every tick.
	TickEnd struct{ Took time.Duration }
	// Poll follows every attempt to read counters.
	Poll struct {
		Took time.Duration
		Err  error
	}
	// Write follows every attempt to change limits on the router.
	Write struct {
		Want    Limits // 0: not part of this write
		Before  Limits
		Applied Limits // as confirmed; meaningless with Err, and where refused
		Took    time.Duration
		Err     error    // there was no usable answer
		Refused [2]error // the answer was a refusal; nil elsewhere
		DryRun  bool
	}
	// Read follows every reading of the limits, and begins with that of the start.
	Read struct{ Reading }
	// HeldBack is a raise that the write budget postponed.
	HeldBack struct{ Direction autorate.Direction }
	// ExternalChange is a limit that somebody else changed; the loop adopts it.
	ExternalChange struct {
		Direction    autorate.Direction
		Ours, Theirs bitrate.Rate
	}
	// Reconfigured is new settings of the law, in use from its next step.
	Reconfigured struct{ Law autorate.Config }
)

func (*Step) event()          {}
func (*TickEnd) event()       {}
func (*Poll) event()          {}
func (Write) event()          {}
func (Read) event()           {}
func (HeldBack) event()       {}
func (ExternalChange) event() {}
func (Reconfigured) event()   {}
