package failover

import (
	"context"
	"errors"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

// outcome is what the end of an attempt says about the endpoint it was made on.
type outcome int

const (
	answered    outcome = iota // also with an error: there is no such queue, no permission
	unreachable                // nothing has left
	noAnswer                   // something has left, and no usable answer came
	refused                    // credentials or certificate, or something wrong on our side
)

func classify(err error) outcome {
	switch {
	case err == nil:
		return answered
	// Before unreachable: an error may be of both classes, where a change was
	// not answered and the connection could not be made again to look.
	case errors.Is(err, router.ErrOutcomeUnknown):
		return noAnswer
	case errors.Is(err, router.ErrUnreachable):
		return unreachable
	case errors.Is(err, router.ErrDenied), errors.Is(err, router.ErrNotFound), errors.Is(err, router.ErrAmbiguous),
		errors.Is(err, router.ErrDynamic),
		errors.Is(err, router.ErrExists), errors.Is(err, router.ErrNotApplied), errors.Is(err, router.ErrInvalid),
		errors.Is(err, router.ErrUnsupported):
		return answered
	}
	return refused
}

// kind is how a call may be treated.
type kind int

const (
	read   kind = iota
	change      // not repeated once it has left
	script      // like a change, and it may take all the time there is
)

// call makes a call over the active endpoint, and over the others where the rules
// of the package allow it.
func call[T any](ctx context.Context, c *Client, k kind, do func(context.Context, *session) (T, error)) (T, error) {
	start := time.Now()
	var failures []failure
	var result T
	from, order := c.order()
	var down error // why from cannot be reached, once that has turned out
	for i, endpoint := range order {
		s, err := c.acquire(endpoint)
		if err != nil {
			return result, failed(failures, c.endpoints[endpoint].Label, err)
		}
		attempt, cancel := ctx, context.CancelFunc(func() {})
		if k != script {
			attempt, cancel = share(ctx, len(order)-i)
		}
		result, err = do(attempt, s)
		cancel()
		v := classify(err)
		c.countTimeouts(ctx, endpoint, v, err)
		if v == answered {
			c.switchTo(ctx, from, endpoint, down, time.Since(start))
		}
		c.release(s, v)

		switch {
		case v == answered:
			return result, err
		case v == refused, v == noAnswer && k != read, ctx.Err() != nil:
			return result, failed(failures, c.endpoints[endpoint].Label, err)
		case v == unreachable && endpoint == from:
			down = err
		}
		failures = append(failures, failure{c.endpoints[endpoint].Label, err})
	}
	return result, joinFailures(failures)
}

// order returns the active endpoint, and all endpoints in the order in which a call is
// to try them: from the active one on, round to those before it, which were
// left because they did not work. An active endpoint that has been without answers for too
// long comes last.
func (c *Client) order() (active int, order []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.endpoints)
	order = make([]int, 0, n)
	for i := range n {
		order = append(order, (c.active+i)%n)
	}
	if c.timeouts[c.active] >= maxTimeouts {
		order = append(order[1:], c.active)
	}
	return c.active, order
}

// share gives one of several attempts its part of the time there is, so that a
// endpoint that does not answer leaves some for the others.
func share(ctx context.Context, attempts int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || attempts == 1 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(attempts))
}

// countTimeouts counts silences. One that the caller ended says nothing.
func (c *Client) countTimeouts(ctx context.Context, endpoint int, v outcome, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case v != noAnswer:
		c.timeouts[endpoint], c.timeoutErr[endpoint] = 0, nil
	case !errors.Is(ctx.Err(), context.Canceled):
		c.timeouts[endpoint]++
		c.timeoutErr[endpoint] = err
	}
}
