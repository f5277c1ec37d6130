package rosclient

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Queues lists /queue/tree.
func (c *Client) Queues(ctx context.Context) ([]router.Queue, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := c.rows(ctx, queueTree, Query{Menu: queueTree.menu, Props: rosdata.QueueProps})
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		c.uncertain.remove(queueTree.menu, r[queueTree.key])
	}
	return items(c, rows, rosdata.Queue)
}

// Queue reads one queue.
func (c *Client) Queue(ctx context.Context, name string) (router.Queue, error) {
	queues, err := c.SetQueues(ctx, router.QueueChange{Name: name})
	return queues[0], err
}

// SetQueues changes queues. A change without settings only reads.
func (c *Client) SetQueues(ctx context.Context, changes ...router.QueueChange) ([]router.Queue, error) {
	queues := make([]router.Queue, len(changes))
	if len(changes) == 0 {
		return queues, nil
	}
	ctx, end, err := c.beginChange(ctx)
	if err != nil {
		return queues, err
	}
	defer end()
	edits := make([]edit, len(changes))
	for i, ch := range changes {
		edits[i] = edit{ch.Name, queueProperties(ch.QueueSettings)}
	}
	rows, err := c.edit(ctx, queueTree, rosdata.QueueProps, edits...)
	for i, r := range rows {
		if r == nil {
			continue
		}
		q, bad := rosdata.Queue(r)
		if bad != nil {
			return queues, c.malformed(bad)
		}
		if q.Name == changes[i].Name {
			queues[i] = q
		}
	}
	return queues, err
}

// queueProperties returns the settings under RouterOS's names. Rates are written
// as plain bit/s, which every version accepts.
func queueProperties(set router.QueueSettings) map[string]string {
	props := map[string]string{}
	if set.MaxLimit != nil {
		props["max-limit"] = strconv.FormatInt(int64(*set.MaxLimit), 10)
	}
	if set.Type != nil {
		props["queue"] = *set.Type
	}
	return props
}

// explain returns the error about a max-limit that the router refused because the
// queue's limit-at is larger, which RouterOS does not allow; otherwise err.
func (c *Client) explain(ctx context.Context, t table, e edit, err error) error {
	var refused *rosdata.Error
	if e.set["max-limit"] == "" || !errors.Is(err, router.ErrInvalid) || !errors.As(err, &refused) {
		return err
	}
	r, unread := c.refetch(ctx, t, []string{".id", t.key, "limit-at"}, e.name)
	if unread != nil {
		return err
	}
	limits, guarantees := rosdata.Pair(e.set["max-limit"]), rosdata.Pair(r["limit-at"])
	for side := range limits {
		limit, bad1 := bitrate.Parse(limits[side])
		limitAt, bad2 := bitrate.Parse(guarantees[side])
		if bad1 != nil || bad2 != nil || limit == 0 || limitAt <= limit {
			continue
		}
		name := rosdata.Quote(e.name)
		return c.target.Fail(router.ErrInvalid,
			fmt.Sprintf("%s %s: max-limit=%s is below its limit-at=%s (%s)", t.what, name, limit, limitAt, refused.Text),
			"lower limit-at; on the router: "+strings.Replace(t.menu, "queue/", "queue ", 1)+" set [find name="+name+"] limit-at=0")
	}
	return err
}

// Counters reads the counters of queues in one request.
func (c *Client) Counters(ctx context.Context, names ...string) ([]router.Counters, error) {
	if len(names) == 0 {
		return nil, nil
	}
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	rows, err := c.named(ctx, queueTree, rosdata.CounterProps, names...)
	if err != nil {
		return nil, err
	}
	return items(c, rows, rosdata.Counters)
}

// QueueTypes lists /queue/type.
func (c *Client) QueueTypes(ctx context.Context) ([]router.QueueType, error) {
	return list(c, ctx, Query{Menu: "/queue/type"}, rosdata.QueueType)
}
