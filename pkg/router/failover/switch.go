package failover

import (
	"context"
	"fmt"
	"time"
)

// switchTo makes the endpoint that answered the active one, if the endpoint that
// was active at the start of the call cannot be reached or had too many
// timeouts. A read that was merely repeated elsewhere does not switch.
func (c *Client) switchTo(ctx context.Context, from, to int, down error, took time.Duration) {
	if from == to {
		return
	}
	c.mu.Lock()
	timedOut := c.timeouts[from] >= maxTimeouts
	if c.closed || c.active != from || down == nil && !timedOut {
		c.mu.Unlock()
		return // another call switched already, or there is no need
	}
	sw := Switch{From: c.endpoints[from].Label, To: c.endpoints[to].Label, Why: down, Took: took}
	if timedOut {
		sw.Why = fmt.Errorf("no usable answer %d times in a row, the last time: %w", c.timeouts[from], c.timeoutErr[from])
	}
	c.activate(to)
	switch {
	case to == 0:
		c.stopProbe()
		c.stopProbe = nil
	case from == 0:
		c.startProbe(ctx)
	}
	left := c.sessions[from]
	c.mu.Unlock()

	if left != nil {
		c.tidy(left)
	}
	c.notify(sw)
}

// activate makes endpoint the active one. The caller holds mu.
func (c *Client) activate(endpoint int) {
	now := time.Now()
	if c.active == 0 {
		// A first endpoint that had worked for long is probed soon. One that
		// returned only to fail at once is probed less and less often.
		if now.Sub(c.since) >= longestPause {
			c.pause = shortestPause
		}
		c.failedAt = now
	}
	c.active, c.since = endpoint, now
	c.timeouts[endpoint], c.timeoutErr[endpoint] = 0, nil
	c.switches++
}

// resume makes the first endpoint the active one again, on the session that has
// just been answered there. It reports whether that session is in use now.
func (c *Client) resume(ctx context.Context, s *session) bool {
	c.mu.Lock()
	if c.closed || c.active == 0 || ctx.Err() != nil {
		c.mu.Unlock()
		return false
	}
	sw := Switch{From: c.endpoints[c.active].Label, To: c.endpoints[0].Label, Took: time.Since(c.failedAt)}
	stale, left := c.sessions[0], c.sessions[c.active]
	c.sessions[0] = s
	c.activate(0)
	c.stopProbe = nil
	c.mu.Unlock()

	for _, old := range []*session{stale, left} {
		if old != nil {
			c.tidy(old)
		}
	}
	c.notify(sw)
	return true
}

func (c *Client) notify(sw Switch) {
	if sw.Why != nil {
		c.log.Warn("router is reached another way", "from", sw.From, "to", sw.To, "why", sw.Why, "took", sw.Took.Round(time.Millisecond))
	} else {
		c.log.Info("router is reached the first way again", "from", sw.From, "to", sw.To, "after", sw.Took.Round(time.Millisecond))
	}
	c.onSwitch(sw)
}
