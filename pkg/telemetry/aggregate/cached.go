package aggregate

import (
	"context"
	"sync"
	"time"
)

// cached shares a value that takes time to find among all callers.
type cached[T any] struct {
	turn  chan struct{} // its one slot protects value
	value T

	// mu protects the following fields.
	mu      sync.Mutex
	at      time.Time // when value was found; zero: it is invalid
	changes int       // how often it was invalidated
}

func newCached[T any]() cached[T] { return cached[T]{turn: make(chan struct{}, 1)} }

// get returns the value, which is at most cacheTime old. Callers that wait while
// it is being found share the result. find therefore outlives the caller that
// began it. If ctx ends first, get returns the zero T.
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
	if !at.IsZero() && time.Since(at) <= cacheTime {
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

// forget invalidates the value.
func (c *cached[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = time.Time{}
	c.changes++
}
