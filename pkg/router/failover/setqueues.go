package failover

import (
	"context"

	"github.com/wanctl/wanctl/pkg/router"
)

// SetQueues implements router.Client. What is confirmed on one endpoint is not
// written again on the next. A queue whose last change had no answer on
// another session is read first, and left alone when it is as wanted; on the
// same session, its client sees to that.
func (c *Client) SetQueues(ctx context.Context, changes ...router.QueueChange) ([]router.Queue, error) {
	queues := make([]router.Queue, len(changes))
	_, err := call(ctx, c, change, func(ctx context.Context, s *session) (nothing, error) {
		return nothing{}, c.setQueues(ctx, s, changes, queues)
	})
	return queues, err
}

// setQueues makes the changes that queues does not show yet.
func (c *Client) setQueues(ctx context.Context, s *session, changes []router.QueueChange, queues []router.Queue) error {
	var open []router.QueueChange
	var at []int
	for i, ch := range changes {
		if queues[i].Name != "" && satisfies(queues[i], ch.QueueSettings) {
			continue
		}
		if c.doubts(ch.Name, s) {
			q, err := s.Queue(ctx, ch.Name)
			if err != nil {
				return err
			}
			c.certain(q)
			if satisfies(q, ch.QueueSettings) {
				queues[i] = q
				continue
			}
		}
		open, at = append(open, ch), append(at, i)
	}
	if len(open) == 0 && len(changes) > 0 {
		return nil
	}
	changed, err := s.SetQueues(ctx, open...)
	for k, q := range changed {
		queues[at[k]] = q
	}
	c.certain(changed...)
	if classify(err) == noAnswer {
		for _, i := range at {
			if queues[i].Name == "" {
				c.doubt(changes[i].Name, s)
			}
		}
	}
	return err
}

// doubts reports whether the last change of a queue had no answer, on another
// session than s.
func (c *Client) doubts(queue string, s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	where := c.doubtful[queue]
	return where != nil && where != s
}

func (c *Client) doubt(queue string, s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doubtful[queue] = s
}

// certain ends all doubt about queues, as the router has just reported them.
func (c *Client) certain(queues ...router.Queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, q := range queues {
		delete(c.doubtful, q.Name)
	}
}

func satisfies(q router.Queue, set router.QueueSettings) bool {
	return (set.MaxLimit == nil || *set.MaxLimit == q.MaxLimit) && (set.Type == nil || *set.Type == q.Type)
}
