package failover

import (
	"context"
	"math/rand/v2"
	"time"
)

// startProbe starts asking the first endpoint whether it is back. It is called with mu
// held.
func (c *Client) startProbe(ctx context.Context) {
	// It outlives the call that started it, until Close.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.stopProbe = cancel
	c.probes.Go(func() {
		defer cancel()
		c.probe(ctx)
	})
}

// probe asks the first endpoint, over a session of its own, until it answers. Only a
// read is sent: the answer to it costs nothing, whenever it comes.
func (c *Client) probe(ctx context.Context) {
	var s *session
	defer func() {
		if s != nil {
			_ = s.Close() // of a endpoint that has not answered
		}
	}()
	for {
		if !sleep(ctx, c.nextPause()) {
			return
		}
		var err error
		if s == nil {
			s, err = c.open()
		}
		if err == nil {
			_, err = s.Info(ctx)
		}
		switch {
		case err == nil:
			if c.resume(ctx, s) {
				s = nil
			}
			return
		case ctx.Err() != nil:
			return
		case classify(err) == refused:
			c.log.Warn("the first way to the router refuses us", "way", c.endpoints[0].Label, "error", err)
			c.setPause(longestPause)
		default:
			c.log.Debug("the first way to the router is still out of reach", "way", c.endpoints[0].Label, "error", err)
		}
	}
}

func (c *Client) open() (*session, error) {
	client, err := c.endpoints[0].Open()
	if err != nil {
		return nil, err
	}
	return &session{Client: client}, nil
}

// nextPause returns the pause before the next question, and doubles the one
// after it. Two processes that lost the same router do not ask in step.
func (c *Client) nextPause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pause
	c.pause = min(2*p, longestPause)
	return p - p/5 + rand.N(2*p/5)
}

func (c *Client) setPause(p time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pause = p
}

// sleep sleeps, and reports whether it was left to.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
