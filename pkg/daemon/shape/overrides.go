package shape

import (
	"context"
	"errors"
	"strings"

	"github.com/wanctl/wanctl/pkg/actuate"
	"github.com/wanctl/wanctl/pkg/autorate"
	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/twoway"
)

// maxDepth bounds the number of queues above a queue that are looked at.
const maxDepth = 8

// setBounds records the limits that law may ask for.
func (q *Queues) setBounds(law *autorate.Config) { q.bounds.Store(new(actuate.LawBounds(*law))) }

// readOverrides finds out what keeps the limits that may be written from being what
// holds: a queue above with a lower one, limit-at, bursts, a total. Where the router
// does not answer, what was found before stays.
func (q *Queues) readOverrides(ctx context.Context, client router.Client) {
	bounds := q.bounds.Load()
	for _, d := range autorate.Directions {
		if q.names[d] == "" {
			continue
		}
		own, above, total, err := q.read(ctx, client, d)
		if err != nil {
			continue
		}
		highest := [2]bitrate.Rate{max(1, bounds[0].Max), max(1, bounds[1].Max)} // next to nothing where it is not controlled
		all := append(own.Overrides("", bounds[d].Min, bounds[d].Max, above...), total.TotalOverrides(highest)...)
		if len(all) == 0 {
			q.overrides[d].Store(nil)
			continue
		}
		q.overrides[d].Store(new(strings.Join(all, "; ")))
	}
}

// read reads the queue of d and those above it, and the simple queue that it is a side
// of, if it is one.
func (q *Queues) read(ctx context.Context, client router.Client, d autorate.Direction) (own router.Queue, above []router.Queue, total router.SimpleQueue, err error) {
	next := client.Queue
	if pair, ok := client.(*twoway.Client); ok {
		var side int
		if total, side, err = pair.Both(ctx); err != nil {
			return own, nil, total, err
		}
		if d == autorate.Upload {
			side = 1 - side
		}
		own = total.Side(side)
		next = func(ctx context.Context, name string) (router.Queue, error) {
			parent, err := client.SimpleQueue(ctx, name)
			return parent.Side(side), err
		}
	} else if own, err = client.Queue(ctx, q.names[d]); err != nil {
		return own, nil, total, err
	}
	for parent := own.Parent; len(above) < maxDepth; parent = above[len(above)-1].Parent {
		if parent == "" || parent == "global" {
			break
		}
		up, err := next(ctx, parent)
		if errors.Is(err, router.ErrNotFound) {
			break // an interface
		}
		if err != nil {
			return own, nil, total, err
		}
		above = append(above, up)
	}
	return own, above, total, nil
}
