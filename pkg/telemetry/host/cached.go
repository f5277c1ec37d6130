package host

import (
	"context"
	"sync"
	"time"
)

// cached lets one caller at a time find something out, and the others have
// what it found.
type cached[T any] struct {
	turn  chan struct{} // who has put something in may touch value
	value T

	// mu protects the following fields.
	mu      sync.Mutex
	at      time.Time // when value was found out; zero: it is not good any more
	changes int       // how often it was forgotten
}

func newCached[T any]() cached[T] { return cached[T]{turn: make(chan struct{}, 1)} }

// get returns what was found out no longer than keep ago. However long finding
// it out takes, those who wait meanwhile have that and do not begin again. find
// outlives the caller that began it, for their sake. The zero T is for a ctx
// that ended meanwhile.
func (c *cached[T]) get(ctx context.Context, find func(context.Context) T) T {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		var zero T
		return zero
	}
	defer func() { <-c.turn }()
	c.mu.Lock()
	at, changes := c.at, c.changes
	c.mu.Unlock()
	if !at.IsZero() && time.Since(at) <= keep {
		return c.value
	}
	c.value = find(context.WithoutCancel(ctx))
	c.mu.Lock()
	if c.changes == changes {
		c.at = time.Now()
	}
	c.mu.Unlock()
	return c.value
}

// forget makes the next get find out anew.
func (c *cached[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
	c.changes++
}
