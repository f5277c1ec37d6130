package rosclient

import (
	"context"
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// SimpleQueues lists /queue/simple.
func (c *Client) SimpleQueues(ctx context.Context) ([]router.SimpleQueue, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := c.rows(ctx, simple, Query{Menu: simple.menu, Props: rosdata.SimpleProps})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		c.uncertain.remove(simple.menu, r[simple.key])
	}
	return items(c, rows, rosdata.SimpleQueue)
}

// SimpleQueue reads one simple queue.
func (c *Client) SimpleQueue(ctx context.Context, name string) (router.SimpleQueue, error) {
	return c.SetSimpleQueue(ctx, name, router.SimpleSettings{})
}

// SetSimpleQueue changes one simple queue. A change without settings only reads.
func (c *Client) SetSimpleQueue(ctx context.Context, name string, set router.SimpleSettings) (router.SimpleQueue, error) {
	ctx, end, err := c.beginChange(ctx)
	if err != nil {
		return router.SimpleQueue{}, err
	}
	defer end()
	var limits, types [2]*string
	for side := range 2 {
		if limit := set.MaxLimit[side]; limit != nil {
			limits[side] = new(strconv.FormatInt(int64(*limit), 10))
		}
		types[side] = set.Type[side]
	}
	props := map[string]string{}
	for prop, want := range map[string][2]*string{"max-limit": limits, "queue": types} {
		if want == [2]*string{} {
			continue
		}
		if props[prop], err = c.bothSides(ctx, name, prop, want); err != nil {
			return router.SimpleQueue{}, err
		}
	}
	rows, err := c.edit(ctx, simple, rosdata.SimpleProps, edit{name, props})
	if rows[0] == nil {
		return router.SimpleQueue{}, err
	}
	q, bad := rosdata.SimpleQueue(rows[0])
	switch {
	case bad != nil:
		return router.SimpleQueue{}, c.malformed(bad)
	case q.Name != name:
		return router.SimpleQueue{}, err
	}
	return q, err
}

// maxAge is the age up to which a side that is to stay as it is need not be read
// again.
const maxAge = time.Second

// bothSides returns a property as "A/B". A side that is nil is that of the row as it
// was last read.
func (c *Client) bothSides(ctx context.Context, name, prop string, want [2]*string) (string, error) {
	if want[0] != nil && want[1] != nil {
		return *want[0] + "/" + *want[1], nil
	}
	if err := c.connect(ctx); err != nil {
		return "", err
	}
	r := c.seen[simple.menu][name]
	if _, ok := r[prop]; !ok || c.cfg.Now().Sub(c.readAt[simple.menu]) > maxAge {
		var err error
		if r, err = c.refetch(ctx, simple, rosdata.SimpleProps, name); err != nil {
			return "", err
		}
	}
	sides := rosdata.Pair(r[prop])
	for side, s := range want {
		if s != nil {
			sides[side] = *s
		}
	}
	return sides[0] + "/" + sides[1], nil
}

// SimpleCounters reads the counters of one simple queue. It reads the limits with
// them, so that a change of one side finds a fresh other one.
func (c *Client) SimpleCounters(ctx context.Context, name string) ([2]router.Counters, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return [2]router.Counters{}, err
	}
	defer end()
	rows, err := c.named(ctx, simple, append([]string{"max-limit", "queue"}, rosdata.CounterProps...), name)
	if err != nil {
		return [2]router.Counters{}, err
	}
	counters, err := rosdata.SimpleCounters(rows[0])
	if err != nil {
		return counters, c.malformed(err)
	}
	return counters, nil
}

// Interfaces lists /interface.
func (c *Client) Interfaces(ctx context.Context) ([]router.Interface, error) {
	return list(c, ctx, Query{Menu: "/interface", Props: []string{".id", "name", "type", "disabled", "running", "rx-byte", "tx-byte"}}, rosdata.Interface)
}
