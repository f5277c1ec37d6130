package failover

import (
	"context"

	"github.com/wanctl/wanctl/pkg/router"
)

// SetQueues implements router.Client. What one endpoint has confirmed is not
// written again on the next.
func (c *Client) SetQueues(ctx context.Context, changes ...router.QueueChange) ([]router.Queue, error) {
	queues := make([]router.Queue, len(changes))
	_, err := call(ctx, c, change, func(ctx context.Context, s *session) (nothing, error) {
		open, at := unconfirmed(changes, queues)
		if len(open) == 0 {
			return nothing{}, nil
		}
		changed, err := s.SetQueues(ctx, open...)
		for k, q := range changed {
			queues[at[k]] = q
		}
		return nothing{}, err
	})
	return queues, err
}

// unconfirmed returns the changes that queues do not show yet, and their
// indices.
func unconfirmed(changes []router.QueueChange, queues []router.Queue) (open []router.QueueChange, at []int) {
	for i, ch := range changes {
		if queues[i].Name == "" || !satisfies(queues[i], ch.QueueSettings) {
			open, at = append(open, ch), append(at, i)
		}
	}
	return open, at
}

func satisfies(q router.Queue, set router.QueueSettings) bool {
	return (set.MaxLimit == nil || *set.MaxLimit == q.MaxLimit) && (set.Type == nil || *set.Type == q.Type)
}
