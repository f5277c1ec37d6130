package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/ros"
)

// SetQueue writes the settings of one queue, whatever they were before: whoever
// wants to spare the router's flash compares first. The only exception is a
// write that follows one whose outcome is unknown. It starts with a read, and
// when the queue is as wanted that is all.
func (c *Client) SetQueue(ctx context.Context, name string, set router.QueueSettings) (router.Queue, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return router.Queue{}, err
	}
	defer end()
	props := properties(set)
	if len(props) == 0 {
		return c.queue(ctx, name)
	}
	if c.doubtful[name] {
		if q, err := c.queue(ctx, name); err != nil || satisfies(q, set) {
			return q, err
		}
	}
	q, err := c.write(ctx, name, props)
	if errors.Is(err, router.ErrOutcomeUnknown) {
		q, err = c.settle(ctx, name, set, props, err)
	}
	if err != nil {
		return router.Queue{}, err
	}
	if !satisfies(q, set) {
		return q, c.fail(router.ErrNotApplied, fmt.Sprintf("queue %s: asked for %s, but it reports max-limit=%s queue=%s",
			ros.Quote(name), describe(props), q.MaxLimit, ros.Quote(q.Type)), "does something else set this queue?")
	}
	return q, nil
}

// settle finds out what became of a write, and repeats it once when it had no
// effect.
func (c *Client) settle(ctx context.Context, name string, set router.QueueSettings, props map[string]string, unknown error) (router.Queue, error) {
	c.doubtful[name] = true
	if errors.Is(unknown, context.DeadlineExceeded) || errors.Is(unknown, context.Canceled) {
		return router.Queue{}, unknown // no time left to look
	}
	q, err := c.queue(ctx, name)
	if err != nil {
		return router.Queue{}, errors.Join(unknown, err)
	}
	if satisfies(q, set) {
		return q, nil
	}
	if q, err = c.write(ctx, name, props); errors.Is(err, router.ErrOutcomeUnknown) {
		c.doubtful[name] = true
	}
	return q, err
}

// write sends the change to the queue's id, and looks the id up anew, once,
// when the router no longer knows it.
func (c *Client) write(ctx context.Context, name string, props map[string]string) (router.Queue, error) {
	id, err := c.id(ctx, name)
	if err != nil {
		return router.Queue{}, err
	}
	a, err := c.tell(ctx, http.MethodPatch, "/queue/tree/"+id, props)
	if errors.Is(err, router.ErrNotFound) {
		c.ids = nil
		if id, err = c.id(ctx, name); err != nil {
			return router.Queue{}, err
		}
		a, err = c.tell(ctx, http.MethodPatch, "/queue/tree/"+id, props)
	}
	if err != nil {
		return router.Queue{}, err
	}
	return c.confirm(ctx, name, id, a)
}

// id returns the id of a queue, learnt on the session the next request uses.
func (c *Client) id(ctx context.Context, name string) (string, error) {
	if err := c.connected(ctx); err != nil {
		return "", err
	}
	if id := c.ids[name]; id != "" && c.idsOf == c.session {
		return id, nil
	}
	rows, err := c.named(ctx, []string{".id", "name"}, name)
	if err != nil {
		return "", err
	}
	if c.session == nil {
		// The router closes after each answer. The id is seconds old at most.
		if err := c.connected(ctx); err != nil {
			return "", err
		}
	}
	return rows[0][".id"], nil
}

// confirm reads the queue out of the answer to a change, or out of the router
// where the answer is empty.
func (c *Client) confirm(ctx context.Context, name, id string, a answer) (router.Queue, error) {
	if len(a.rows) == 0 {
		var err error
		if a, err = c.ask(ctx, http.MethodGet, "/queue/tree/"+id, nil); err != nil {
			return router.Queue{}, err
		}
	}
	if len(a.rows) != 1 {
		return router.Queue{}, c.nonsense(fmt.Errorf("answer for one queue has %d rows", len(a.rows)))
	}
	q, err := c.queueOf(a.rows[0])
	if err != nil {
		return router.Queue{}, err
	}
	if q.Name != name {
		c.ids = nil
		return q, c.fail(router.ErrNotApplied, fmt.Sprintf("wrote to queue %s instead of %s: the router numbered its queues anew",
			ros.Quote(q.Name), ros.Quote(name)), "check the limit of "+ros.Quote(q.Name))
	}
	return q, nil
}

// properties are the settings under RouterOS's names. Rates go out as plain
// bit/s, which every version takes.
func properties(set router.QueueSettings) map[string]string {
	props := map[string]string{}
	if set.MaxLimit != nil {
		props["max-limit"] = strconv.FormatInt(int64(*set.MaxLimit), 10)
	}
	if set.Type != nil {
		props["queue"] = *set.Type
	}
	return props
}

func satisfies(q router.Queue, set router.QueueSettings) bool {
	return (set.MaxLimit == nil || *set.MaxLimit == q.MaxLimit) && (set.Type == nil || *set.Type == q.Type)
}

func describe(props map[string]string) string {
	s := ""
	for _, p := range []string{"max-limit", "queue"} {
		if v, ok := props[p]; ok {
			s += " " + p + "=" + v
		}
	}
	return s[1:]
}
