package failover

import (
	"context"
	"math/rand/v2"
	"time"
)

// startProbe starts probing the first endpoint. The caller holds mu.
func (c *Client) startProbe(ctx context.Context) {
	// The probe outlives the call that starts it, until Close.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.stopProbe = cancel
	c.probes.Go(func() {
		defer cancel()
		c.probe(ctx)
	})
}

// probe sends reads to the first endpoint, on a session of its own, until one is
// answered. A read does no harm even if its answer comes late.
func (c *Client) probe(ctx context.Context) {
	var s *session
	defer func() {
		if s != nil {
			_ = s.Close() // of an endpoint that has not answered
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

// nextPause returns the pause before the next probe, varied by 20 % so that two
// processes do not probe the same router in step, and doubles the one after it.
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

// sleep waits for d. It reports false if ctx ended first.
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
