// Package survey reads from a router what decides whether the limits of a WAN's queues
// have an effect: what leads traffic past the queues, what holds in place of a limit,
// and which interface the WAN is on. It only reads, and judges nothing.
package survey

import (
	"context"
	"errors"
	"slices"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/twoway"
)

// Queues names the queues of a WAN: two of the tree, or one simple queue.
type Queues struct {
	Names  [2]string // of download and upload; "" for one that is not controlled
	Simple string    // the simple queue that both are; "" for queues of the tree
}

// Reader is what is read of the router.
type Reader interface {
	Queue(ctx context.Context, name string) (router.Queue, error)
	SimpleQueue(ctx context.Context, name string) (router.SimpleQueue, error)
	DefaultRoutes(ctx context.Context) ([]router.Route, error)
	Rows(ctx context.Context, menu string) ([]map[string]string, error)
}

// WANInterface returns the name of the interface of the WAN: of those of the router's
// default routes, the one that the queue is on; else the only one. If that does not
// tell, it is the parent of the upload's queue, which may be no interface.
func (q Queues) WANInterface(ctx context.Context, client Reader) string {
	on := q.on(ctx, client)
	routes, err := client.DefaultRoutes(ctx)
	if err != nil {
		return ""
	}
	var defaults []string
	for _, r := range routes {
		if !r.Disabled && !r.Blackhole && !slices.Contains(defaults, r.Interface) {
			defaults = append(defaults, r.Interface) // "" where it is not reported, which is another one then
		}
	}
	for _, name := range on {
		if slices.Contains(defaults, name) {
			return name
		}
	}
	if len(defaults) == 1 {
		return defaults[0]
	}
	if q.Simple != "" {
		return "" // its target may be the LAN
	}
	return on[0]
}

// on returns the parent of the upload's queue, or the targets of the simple one.
func (q Queues) on(ctx context.Context, client Reader) []string {
	if q.Simple != "" {
		simple, _ := client.SimpleQueue(ctx, q.Simple) // without an answer it has no target
		return simple.Target
	}
	if q.Names[1] == "" {
		return []string{""}
	}
	queue, _ := client.Queue(ctx, q.Names[1]) // nor a parent
	return []string{queue.Parent}
}

// maxDepth bounds the number of queues above a queue that are looked at.
const maxDepth = 8

// Read reads the queue of a direction, 0 for download and 1 for upload, and those that
// it hangs under, the nearest first; and the simple queue that it is a side of, if it
// is one.
func (q Queues) Read(ctx context.Context, client router.Client, direction int) (own router.Queue, above []router.Queue, total router.SimpleQueue, err error) {
	next := client.Queue
	if pair, ok := client.(*twoway.Client); ok {
		var side int
		if total, side, err = pair.Both(ctx); err != nil {
			return own, nil, total, err
		}
		if direction == 1 {
			side = 1 - side
		}
		own = total.Side(side)
		next = func(ctx context.Context, name string) (router.Queue, error) {
			parent, err := client.SimpleQueue(ctx, name)
			return parent.Side(side), err
		}
	} else if own, err = client.Queue(ctx, q.Names[direction]); err != nil {
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
