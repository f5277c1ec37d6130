package rosclient

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/router"
)

// Redial spaces the attempts of a client with many callers to connect: until the pause
// after a failure is over, they get its error. The zero Redial has not failed.
type Redial struct {
	mu    sync.Mutex // protects the following fields
	start time.Time  // of the times in retry
	retry backoff.Backoff
	err   error
}

// ShareRedial makes c connect no sooner than d allows, which clients that replace c may
// use as well. Call it before any other method.
func (c *Client) ShareRedial(d *Redial) { c.redial = d }

// pausing returns the last error while no attempt is to be made. A nil Redial never does.
func (d *Redial) pausing(now time.Time) error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil && now.Sub(d.start) < d.retry.Until() {
		return d.err
	}
	return nil
}

// note records the result of an attempt. What the caller has cancelled says nothing, and
// refused credentials have a pause of their own.
func (d *Redial) note(ctx context.Context, now time.Time, err error) {
	if d == nil || errors.Is(ctx.Err(), context.Canceled) || errors.Is(err, router.ErrAuth) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err = err; err == nil {
		d.retry.Reset()
		return
	}
	if d.start.IsZero() {
		d.start = now
	}
	d.retry.Fail(now.Sub(d.start))
}
