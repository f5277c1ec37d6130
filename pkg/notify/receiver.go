package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
)

// Receiver is one place that events go to. One goroutine uses it.
type Receiver interface {
	// Name is "command", "webhook" or "mqtt".
	Name() string
	// Send delivers one event, in bounded time. No text of an error holds a secret.
	Send(ctx context.Context, e Event) error
}

// Refusal is an error of an event that will not be accepted another time either.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns the reason.
func (r *Refusal) Unwrap() error { return r.Err }

// refusal returns an error of a Refusal.
func refusal(format string, args ...any) error { return &Refusal{fmt.Errorf(format, args...)} }

// Counter counts the outcomes for one receiver. Any goroutine may call it.
type Counter interface {
	Sent()
	Failed()     // an attempt
	Superseded() // an event that was not delivered, because a newer one says what is so now
}

// delivery carries events to one receiver.
type delivery struct {
	receiver Receiver
	outbox   *outbox
	count    Counter
	log      *slog.Logger
	left     []Event // at the end of run, what may be delivered another time
}

// errEnd is the error of an event that the end of a loop, or a reload, does not wait for.
var errEnd = fmt.Errorf("it was not accepted within %v of the end", endGrace)

// put adds an event. It never blocks.
func (d *delivery) put(e Event) { d.superseded(d.outbox.put(e)) }

func (d *delivery) superseded(n int) {
	for range n {
		d.count.Superseded()
	}
}

// run delivers until ctx ends, and then what is left, each event once, until last ends.
func (d *delivery) run(ctx, last context.Context) {
	var retry backoff.Backoff
	var failing Complaint
	began := time.Now()
	for {
		e, ok := d.next(ctx)
		if !ok {
			return
		}
		err := d.receiver.Send(last, e)
		if err == nil {
			d.count.Sent()
			if failing.Over() {
				d.log.Info("notifications are delivered again", "receiver", d.receiver.Name())
			}
			retry.Reset()
			continue
		}
		d.count.Failed()
		if last.Err() != nil {
			err = errEnd
		}
		if failing.News(err, time.Now()) {
			d.log.Warn("a notification was not delivered", "receiver", d.receiver.Name(), "event", e.Summary, "error", err)
		}
		switch refused := new(Refusal); {
		case errors.As(err, &refused):
			continue // there is no other attempt
		case ctx.Err() != nil:
			d.left = append(d.left, e)
			continue
		}
		d.superseded(d.outbox.restore(e))
		pause := time.NewTimer(retry.Stall(time.Since(began)))
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// next waits for an event; ok is false when ctx has ended and there is none.
func (d *delivery) next(ctx context.Context) (e Event, ok bool) {
	for {
		if e, ok = d.outbox.take(); ok || ctx.Err() != nil {
			return e, ok
		}
		select {
		case <-d.outbox.wake:
		case <-ctx.Done():
		}
	}
}
