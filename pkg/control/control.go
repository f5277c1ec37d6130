// Package control runs the law against the world: one goroutine a WAN owns
// ticker, law and limits, and never waits for network, disk or log.
//
//	prober ── rtt events ──> Loop ── newest wish ──> writer ── confirmed limit ──> Loop
//	poller ── counters ────> Loop ── ask/answer ───> HTTP, saver, status
//
// Everything outside is behind the small interfaces below, so that the live
// loop, the demo and the tests differ only in what is plugged in.
package control

import (
	"context"
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

// Limiter reads and writes the limits of both queues. One goroutine calls it.
type Limiter interface {
	// Limits reads the limits in force.
	Limits(ctx context.Context) (Limits, error)
	// SetLimits writes the limits that are not 0, and returns what the router
	// reports for them afterwards.
	SetLimits(ctx context.Context, want Limits) (Limits, error)
}

// Meter reads the counters of both queues. One goroutine calls it, a different
// one than the Limiter's.
type Meter interface {
	Counters(ctx context.Context) ([2]autorate.Counters, error)
}

// Observer hears what the loop does, from the loop's own goroutine. It must
// not block and, in Stepped and Ticked, not allocate.
type Observer interface {
	// Stepped follows every step of the law with what it saw and decided.
	Stepped(in autorate.Input, dec autorate.Decision, late time.Duration)
	// Ticked ends every tick with the time it took.
	Ticked(took time.Duration)
	// Wrote follows every attempt to change limits on the router.
	Wrote(w Write)
	// Polled follows every attempt to read counters.
	Polled(took time.Duration, err error)
	// HeldBack counts a raise that the write budget postponed.
	HeldBack(d autorate.Direction)
	// Foreign reports that somebody else changed a limit; the loop adopts it.
	Foreign(d autorate.Direction, ours, theirs bitrate.Rate)
	// Reconfigured reports new settings of the law, in use from its next step.
	Reconfigured(cfg autorate.Config)
}

// Write is one attempt to change limits.
type Write struct {
	Want    Limits // 0: not part of this write
	Before  Limits
	Applied Limits // as confirmed; meaningless with Err
	Took    time.Duration
	Err     error
	DryRun  bool
}

// Nobody is an Observer that does not care. Embed it to hear only some things.
type Nobody struct{}

// Stepped does nothing.
func (Nobody) Stepped(autorate.Input, autorate.Decision, time.Duration) {}

// Ticked does nothing.
func (Nobody) Ticked(time.Duration) {}

// Wrote does nothing.
func (Nobody) Wrote(Write) {}

// Polled does nothing.
func (Nobody) Polled(time.Duration, error) {}

// HeldBack does nothing.
func (Nobody) HeldBack(autorate.Direction) {}

// Foreign does nothing.
func (Nobody) Foreign(autorate.Direction, bitrate.Rate, bitrate.Rate) {}

// Reconfigured does nothing.
func (Nobody) Reconfigured(autorate.Config) {}

// Observers tells several, in order.
type Observers []Observer

// Stepped implements Observer.
func (o Observers) Stepped(in autorate.Input, dec autorate.Decision, late time.Duration) {
	for _, x := range o {
		x.Stepped(in, dec, late)
	}
}

// Ticked implements Observer.
func (o Observers) Ticked(took time.Duration) {
	for _, x := range o {
		x.Ticked(took)
	}
}

// Wrote implements Observer.
func (o Observers) Wrote(w Write) {
	for _, x := range o {
		x.Wrote(w)
	}
}

// Polled implements Observer.
func (o Observers) Polled(took time.Duration, err error) {
	for _, x := range o {
		x.Polled(took, err)
	}
}

// HeldBack implements Observer.
func (o Observers) HeldBack(d autorate.Direction) {
	for _, x := range o {
		x.HeldBack(d)
	}
}

// Foreign implements Observer.
func (o Observers) Foreign(d autorate.Direction, ours, theirs bitrate.Rate) {
	for _, x := range o {
		x.Foreign(d, ours, theirs)
	}
}

// Reconfigured implements Observer.
func (o Observers) Reconfigured(cfg autorate.Config) {
	for _, x := range o {
		x.Reconfigured(cfg)
	}
}
