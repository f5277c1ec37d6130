package failover

import (
	"context"
	"errors"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

// outcome is what the end of an attempt says about the endpoint.
type outcome int

const (
	answered    outcome = iota // the router answered, possibly with a refusal
	unreachable                // nothing was sent
	noAnswer                   // a request was sent, and no usable answer came
	refused                    // credentials, certificate, or a local mistake
)

func classify(err error) outcome {
	switch {
	case err == nil:
		return answered
	// Before unreachable: an error is of both classes when a change was not
	// answered and the connection to read it back could not be made.
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

// kind is the kind of a call, which decides how it may be repeated.
type kind int

const (
	read   kind = iota
	change      // never repeated once it was sent
	script      // like a change, and it may use all the time of the call
)

// call makes a call on the active endpoint, and on the others where the rules of
// the package allow it.
func call[T any](ctx context.Context, c *Client, k kind, do func(context.Context, *session) (T, error)) (T, error) {
	start := time.Now()
	var failures []failure
	var result T
	from, order := c.order()
	var down error // why from cannot be reached; nil as long as it can
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

// order returns the active endpoint and the order in which a call tries all
// endpoints: the active one first, those before it last, since they were
// abandoned. An active endpoint with too many timeouts comes last.
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

// share returns a context with an equal share of the remaining time for one of
// several attempts, so that an endpoint that does not answer leaves time for the
// others.
func share(ctx context.Context, attempts int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || attempts == 1 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(attempts))
}

// countTimeouts counts calls in a row without an answer. A call that was
// cancelled does not count.
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
