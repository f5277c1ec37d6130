package failover

import (
	"context"
	"fmt"
	"time"
)

// settle makes the way that answered the active one, when the one that was
// active at the start of the call does not work: it was down, or has been
// silent for too long. A read that was merely repeated elsewhere moves nothing.
func (c *Client) settle(ctx context.Context, from, to int, down error, took time.Duration) {
	if from == to {
		return
	}
	c.mu.Lock()
	mute := c.silent[from] >= patience
	if c.closed || c.active != from || down == nil && !mute {
		c.mu.Unlock()
		return // somebody else was faster, or there is no need
	}
	sw := Switch{From: c.ways[from].Label, To: c.ways[to].Label, Why: down, Took: took}
	if mute {
		sw.Why = fmt.Errorf("no usable answer %d times in a row, the last time: %w", c.silent[from], c.silence[from])
	}
	c.activate(to)
	switch {
	case to == 0:
		c.stopProbe()
		c.stopProbe = nil
	case from == 0:
		c.watch(ctx)
	}
	left := c.sessions[from]
	c.mu.Unlock()

	if left != nil {
		c.tidy(left)
	}
	c.tell(sw)
}

// activate is called with mu held.
func (c *Client) activate(way int) {
	now := time.Now()
	if c.active == 0 {
		// A first way that had been fine for long is asked again soon. One that
		// came back only to fail at once is asked less and less often.
		if now.Sub(c.since) >= longestPause {
			c.pause = shortestPause
		}
		c.left = now
	}
	c.active, c.since = way, now
	c.silent[way], c.silence[way] = 0, nil
	c.switches++
}

// resume makes the first way the active one again, over the session that has
// just got an answer there. It reports whether that session is in use now.
func (c *Client) resume(ctx context.Context, s *session) bool {
	c.mu.Lock()
	if c.closed || c.active == 0 || ctx.Err() != nil {
		c.mu.Unlock()
		return false
	}
	sw := Switch{From: c.ways[c.active].Label, To: c.ways[0].Label, Took: time.Since(c.left)}
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
	c.tell(sw)
	return true
}

func (c *Client) tell(sw Switch) {
	if sw.Why != nil {
		c.log.Warn("router is reached another way", "from", sw.From, "to", sw.To, "why", sw.Why, "took", sw.Took.Round(time.Millisecond))
	} else {
		c.log.Info("router is reached the first way again", "from", sw.From, "to", sw.To, "after", sw.Took.Round(time.Millisecond))
	}
	c.onSwitch(sw)
}
