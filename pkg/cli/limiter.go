package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/router"
)

// queuePair is the two queues of one WAN on its router, as the loop wants them.
type queuePair struct {
	client router.Client // limits
	meter  router.Client // counters, so that reading them need not delay a limit; may be the same
	names  [2]string     // by autorate.Direction
	types  [2]string     // queue types to write along with a limit; "" leaves them
}

var (
	_ control.Limiter = queuePair{}
	_ control.Meter   = queuePair{}
)

// Limits implements control.Limiter.
func (q queuePair) Limits(ctx context.Context) (control.Limits, error) {
	var limits control.Limits
	for _, d := range autorate.Directions {
		queue, err := q.client.Queue(ctx, q.names[d])
		if err != nil {
			return limits, fmt.Errorf("reading the %v limit: %w", d, err)
		}
		limits[d] = queue.MaxLimit
	}
	return limits, nil
}

// SetLimits implements control.Limiter.
func (q queuePair) SetLimits(ctx context.Context, want control.Limits) (control.Limits, error) {
	applied := want
	var changes []router.QueueChange
	var changed []autorate.Direction
	for _, d := range autorate.Directions {
		if want[d] == 0 {
			continue
		}
		change := router.QueueChange{Name: q.names[d]}
		change.MaxLimit = &want[d]
		if q.types[d] != "" {
			change.Type = &q.types[d]
		}
		changes, changed = append(changes, change), append(changed, d)
	}
	queues, err := q.client.SetQueues(ctx, changes...)
	for i, queue := range queues {
		if queue.Name != "" {
			applied[changed[i]] = queue.MaxLimit
		}
	}
	if err != nil {
		return applied, fmt.Errorf("setting limits: %w", err)
	}
	return applied, nil
}

// Counters implements control.Meter.
func (q queuePair) Counters(ctx context.Context) ([2]autorate.Counters, error) {
	var counters [2]autorate.Counters
	read, err := q.meter.Counters(ctx, q.names[:]...)
	if err != nil {
		return counters, fmt.Errorf("reading queue counters: %w", err)
	}
	for d, c := range read {
		counters[d] = autorate.Counters{Bytes: c.Bytes, Dropped: c.Dropped, QueuedBytes: c.QueuedBytes}
	}
	return counters, nil
}

// secondSession reads counters beside the client that writes the limits. A
// router with no session to spare for it is not asked for one all the time:
// meanwhile the counters are read over the one there is.
type secondSession struct {
	router.Client
	first router.Client
	log   *slog.Logger

	mu    sync.Mutex // protects the following field
	again time.Time  // no attempt before this
}

// beside makes the meter of a pair whose counters have a session of their own,
// or share that of the limits.
func beside(limits, counters router.Client, log *slog.Logger) router.Client {
	if counters == limits {
		return limits
	}
	return &secondSession{Client: counters, first: limits, log: log}
}

// sparePause is how long a router that had no second session is left alone.
const sparePause = time.Minute

// Counters implements router.Client.
func (s *secondSession) Counters(ctx context.Context, names ...string) ([]router.Counters, error) {
	s.mu.Lock()
	alone := time.Now().Before(s.again)
	s.mu.Unlock()
	if alone {
		return s.first.Counters(ctx, names...)
	}
	counters, err := s.Client.Counters(ctx, names...)
	if !errors.Is(err, router.ErrUnreachable) {
		return counters, err
	}
	counters, err2 := s.first.Counters(ctx, names...)
	if err2 != nil {
		return nil, err // out of reach altogether
	}
	s.log.Info("the router has no second session for the counters: reading them where the limits are written", "error", err)
	s.mu.Lock()
	s.again = time.Now().Add(sparePause)
	s.mu.Unlock()
	return counters, nil
}
