package cli

import (
	"context"
	"fmt"

	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/control"
	"github.com/wanctl/wanctl/pkg/router"
)

// queuePair is the two queues of one WAN on its router, as the loop wants them.
type queuePair struct {
	client router.Client
	names  [2]string // by autorate.Direction
	types  [2]string // queue types to write along with a limit; "" leaves them
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
	for _, d := range autorate.Directions {
		if want[d] == 0 {
			continue
		}
		rate := want[d]
		set := router.QueueSettings{MaxLimit: &rate}
		if q.types[d] != "" {
			set.Type = &q.types[d]
		}
		queue, err := q.client.SetQueue(ctx, q.names[d], set)
		if err != nil {
			return applied, fmt.Errorf("setting the %v limit to %v: %w", d, rate, err)
		}
		applied[d] = queue.MaxLimit
	}
	return applied, nil
}

// Counters implements control.Meter.
func (q queuePair) Counters(ctx context.Context) ([2]autorate.Counters, error) {
	var counters [2]autorate.Counters
	read, err := q.client.Counters(ctx, q.names[:]...)
	if err != nil {
		return counters, fmt.Errorf("reading queue counters: %w", err)
	}
	for d, c := range read {
		counters[d] = autorate.Counters{Bytes: c.Bytes, Dropped: c.Dropped, QueuedBytes: c.QueuedBytes}
	}
	return counters, nil
}
