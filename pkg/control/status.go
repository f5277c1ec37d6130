package control

import (
	"context"
	"time"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
)

// Status is what a Loop says of itself when asked.
type Status struct {
	Decision  autorate.Decision
	InForce   Limits
	Ticks     uint64
	Skipped   uint64 // ticks that came too late to be run
	Late      uint64 // ticks that discarded what was measured, because the loop was late
	Writes    [2]uint64
	HeldBack  [2]uint64
	Failures  int              // router calls that failed in a row
	LastError error            // of the last router call, nil when it was answered
	Faults    [2]actuate.Fault // of the queues when they were last read
	Refused   [2]error         // why the router refuses the limit of a direction; nil when it does not
	PollError error
	// PollErrors counts since the start.
	PollErrors uint64
	LastReply  time.Duration // newest probe reply, on the law's clock
	LastRouter time.Duration // newest answer of the router
	RouterTook time.Duration // how long the newest reading of counters took
}

func (l *Loop) current() Status {
	s := l.status
	s.Decision, s.InForce, s.Failures, s.Faults = l.dec, l.router.InForce(), l.router.Failures(), l.router.Faults()
	return s
}

// Status asks the loop. The answer comes from its own goroutine, between two
// ticks, so it costs the loop no lock; no answer within ctx means that the
// loop is not running yet, or stands still. After its end it is the last one.
func (l *Loop) Status(ctx context.Context) (Status, error) {
	reply := make(chan Status, 1)
	select {
	case l.asks <- reply:
		return <-reply, nil
	case <-l.ended:
		return l.current(), nil
	case <-ctx.Done():
		return Status{}, ctx.Err()
	}
}
