// Package twoway lets one simple queue be used as two queues, the download and the
// upload of a line. It owns the question which side of the simple queue is which. It
// opens no connection, and leaves all other queues to the client below it.
package twoway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/wanctl/wanctl/pkg/router"
)

// Queue names a simple queue and its target.
type Queue struct {
	Name   string
	Target string // "lan", "wan" or "": what the router's own target tells
}

// Names returns the names of the download and the upload of a simple queue.
func Names(simple string) [2]string { return [2]string{simple + " (download)", simple + " (upload)"} }

// Client is a router.Client for which a simple queue is two queues of the names that
// Names returns.
type Client struct {
	router.Client
	queue Queue
	names [2]string

	mu    sync.Mutex // protects the following fields
	told  string     // the target that download follows from
	known bool       // download is
	down  int        // side of the download
}

// New returns a Client over another.
func New(c router.Client, q Queue) *Client {
	return &Client{
		Client: c, queue: q, names: Names(q.Name),
		known: q.Target != "", down: map[string]int{"lan": router.SideB, "wan": router.SideA}[q.Target],
	}
}

// Unwrap returns the client below c.
func (c *Client) Unwrap() router.Client { return c.Client }

// direction returns 0 for the download, 1 for the upload, -1 for another queue.
func (c *Client) direction(name string) int {
	for d, own := range c.names {
		if name == own {
			return d
		}
	}
	return -1
}

// side returns the side of a direction, once it is known.
func (c *Client) side(direction int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if direction == 0 {
		return c.down
	}
	return 1 - c.down
}

// learn finds out which side is the download, unless the configuration says so. It
// does again when the router's target changes. q is the queue as read before, if it
// was.
func (c *Client) learn(ctx context.Context, q *router.SimpleQueue) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue.Target != "" || c.known && q == nil {
		return nil
	}
	if q == nil {
		read, err := c.SimpleQueue(ctx, c.queue.Name)
		if err != nil {
			return err
		}
		q = &read
	}
	target := strings.Join(q.Target, ",")
	if c.known && c.told == target {
		return nil
	}
	c.known = false
	routes, err := c.DefaultRoutes(ctx)
	if err != nil {
		return err
	}
	interfaces, err := c.Interfaces(ctx)
	if err != nil {
		return err
	}
	side, _, err := q.DownloadSide(routes, interfaces)
	if err != nil {
		return fmt.Errorf("%w; write queues.target: lan if the target is your network, wan if it is the port to the provider", err)
	}
	c.down, c.told, c.known = side, target, true
	return nil
}

// both returns err as one about the named directions.
func both(err error, names ...string) error {
	for _, name := range names {
		if err != nil {
			err = &router.ItemError{Name: name, Err: err}
		}
	}
	return err
}

// Queue implements router.Client.
func (c *Client) Queue(ctx context.Context, name string) (router.Queue, error) {
	d := c.direction(name)
	if d < 0 {
		return c.Client.Queue(ctx, name)
	}
	q, _, err := c.Both(ctx)
	if err != nil {
		return router.Queue{}, both(err, name)
	}
	return c.view(q, d), nil
}

// Both reads the simple queue, and returns it with the side that is the download.
func (c *Client) Both(ctx context.Context) (q router.SimpleQueue, download int, err error) {
	if q, err = c.SimpleQueue(ctx, c.queue.Name); err == nil {
		err = c.learn(ctx, &q)
	}
	return q, c.side(0), err
}

// view returns one direction of a simple queue.
func (c *Client) view(q router.SimpleQueue, direction int) router.Queue {
	view := q.Side(c.side(direction))
	view.Name = c.names[direction]
	return view
}

// SetQueues implements router.Client. Changes of both directions go in one write. If
// the router refuses that, each is tried by itself, so that a limit that it does not
// take does not hold up the other one.
func (c *Client) SetQueues(ctx context.Context, changes ...router.QueueChange) ([]router.Queue, error) {
	queues := make([]router.Queue, len(changes))
	names := make([]string, len(changes))
	for i, ch := range changes {
		if names[i] = ch.Name; c.direction(ch.Name) < 0 {
			return c.Client.SetQueues(ctx, changes...)
		}
	}
	if err := c.learn(ctx, nil); err != nil {
		return queues, both(err, names...)
	}
	var set router.SimpleSettings
	for _, ch := range changes {
		side := c.side(c.direction(ch.Name))
		set.MaxLimit[side], set.Type[side] = ch.MaxLimit, ch.Type
	}
	q, err := c.SetSimpleQueue(ctx, c.queue.Name, set)
	if len(changes) > 1 && router.IsRefusal(err) && !router.IsItemError(err) && !router.IsAccessError(err) {
		return c.setEach(ctx, changes)
	}
	if err != nil {
		return queues, both(err, names...)
	}
	for i, ch := range changes {
		queues[i] = c.view(q, c.direction(ch.Name))
	}
	return queues, nil
}

// setEach makes changes one by one after a refusal of all of them.
func (c *Client) setEach(ctx context.Context, changes []router.QueueChange) ([]router.Queue, error) {
	queues := make([]router.Queue, len(changes))
	var failed error
	for i, ch := range changes {
		one, err := c.SetQueues(ctx, ch)
		if queues[i] = one[0]; err == nil {
			continue
		}
		failed = errors.Join(failed, err)
	}
	return queues, failed
}

// Counters implements router.Client, in one request.
func (c *Client) Counters(ctx context.Context, names ...string) ([]router.Counters, error) {
	for _, name := range names {
		if c.direction(name) < 0 {
			return c.Client.Counters(ctx, names...)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	if err := c.learn(ctx, nil); err != nil {
		return nil, both(err, names...)
	}
	sides, err := c.SimpleCounters(ctx, c.queue.Name)
	if err != nil {
		return nil, both(err, names...)
	}
	counters := make([]router.Counters, len(names))
	for i, name := range names {
		counters[i] = sides[c.side(c.direction(name))]
	}
	return counters, nil
}
