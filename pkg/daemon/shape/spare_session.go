package shape

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

// spareSession reads beside the client that writes the limits: counters, and what tells
// whether the limits have an effect. A router with no session to spare for it is asked
// for one once a minute: in between all is read over the first one.
type spareSession struct {
	router.Client
	first router.Client
	log   *slog.Logger

	mu      sync.Mutex // protects the following field
	retryAt time.Time  // zero: there is a second session
}

// sparePause is the time between two attempts to open a second session.
const sparePause = time.Minute

// Unwrap returns the client of the second session.
func (s *spareSession) Unwrap() router.Client { return s.Client }

// pausing reports whether it is not yet time for another attempt. One that is due is
// the caller's: others wait for the next.
func (s *spareSession) pausing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.retryAt) {
		return true
	}
	if !s.retryAt.IsZero() {
		s.retryAt = now.Add(sparePause)
	}
	return false
}

func (s *spareSession) setRetry(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retryAt = at
}

// readSpare reads on the second session, or on the first one while there is no second.
func readSpare[T any](s *spareSession, read func(router.Client) (T, error)) (T, error) {
	if s.pausing() {
		return read(s.first)
	}
	value, err := read(s.Client)
	if !errors.Is(err, router.ErrUnreachable) {
		s.setRetry(time.Time{})
		return value, err
	}
	other, err2 := read(s.first)
	if err2 != nil && !router.IsRefusal(err2) {
		return value, err // out of reach altogether
	}
	s.log.Info("the router has no second session for the counters: reading them where the limits are written", "error", err)
	s.setRetry(time.Now().Add(sparePause))
	return other, err2
}

// Counters implements router.Client.
func (s *spareSession) Counters(ctx context.Context, names ...string) ([]router.Counters, error) {
	return readSpare(s, func(c router.Client) ([]router.Counters, error) { return c.Counters(ctx, names...) })
}

// SimpleCounters implements router.Client.
func (s *spareSession) SimpleCounters(ctx context.Context, name string) ([2]router.Counters, error) {
	return readSpare(s, func(c router.Client) ([2]router.Counters, error) { return c.SimpleCounters(ctx, name) })
}

// Queue implements router.Client.
func (s *spareSession) Queue(ctx context.Context, name string) (router.Queue, error) {
	return readSpare(s, func(c router.Client) (router.Queue, error) { return c.Queue(ctx, name) })
}

// SimpleQueue implements router.Client.
func (s *spareSession) SimpleQueue(ctx context.Context, name string) (router.SimpleQueue, error) {
	return readSpare(s, func(c router.Client) (router.SimpleQueue, error) { return c.SimpleQueue(ctx, name) })
}

// Interfaces implements router.Client.
func (s *spareSession) Interfaces(ctx context.Context) ([]router.Interface, error) {
	return readSpare(s, func(c router.Client) ([]router.Interface, error) { return c.Interfaces(ctx) })
}

// DefaultRoutes implements router.Client.
func (s *spareSession) DefaultRoutes(ctx context.Context) ([]router.Route, error) {
	return readSpare(s, func(c router.Client) ([]router.Route, error) { return c.DefaultRoutes(ctx) })
}

// Rows implements router.Client.
func (s *spareSession) Rows(ctx context.Context, menu string) ([]map[string]string, error) {
	return readSpare(s, func(c router.Client) ([]map[string]string, error) { return c.Rows(ctx, menu) })
}
