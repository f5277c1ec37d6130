package etcd

import (
	"context"
	"errors"
	"time"
)

// lease is the node's sign of life: what it owns has a key that ends with the lease.
type lease struct {
	lock    chan struct{} // holds a value while the fields are in use
	id      int64
	ttl     time.Duration
	renewed time.Time // when the last renewal was sent
}

// TTL returns the lifetime of a lease for owners that stop after silence without an answer: a
// second longer, so that an owner which can stop has stopped.
func TTL(silence time.Duration) time.Duration {
	return (silence + 2*time.Second - 1).Truncate(time.Second)
}

// keep returns the lease, in force and renewed a short while ago, however many routers
// the node owns.
func (c *Client) keep(ctx context.Context) (id int64, err error) {
	select {
	case c.lease.lock <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-c.lease.lock }()
	l := &c.lease
	if l.id != 0 && time.Since(l.renewed) < l.ttl/8 {
		return l.id, nil
	}
	if l.id != 0 {
		now := time.Now()
		var answer struct {
			Result leaseMessage `json:"result"`
		}
		err := c.call(ctx, request{path: "lease/keepalive", in: leaseMessage{ID: l.id}, out: &answer})
		if err != nil {
			return 0, err
		}
		if answer.Result.TTL > 0 {
			l.renewed = now
			return l.id, nil
		}
		l.id = 0 // it has ended
	}
	now := time.Now()
	answer, err := c.grant(ctx, TTL(c.cfg.Silence))
	if err != nil {
		return 0, err
	}
	l.id, l.ttl, l.renewed = answer.ID, time.Duration(answer.TTL)*time.Second, now
	return l.id, nil
}

func (c *Client) grant(ctx context.Context, ttl time.Duration) (answer leaseMessage, err error) {
	err = c.call(ctx, request{path: "lease/grant", in: leaseMessage{TTL: int64(ttl / time.Second)}, out: &answer})
	if err == nil && answer.ID == 0 {
		err = errors.New("etcd has granted no lease")
	}
	return answer, err
}

// forget has the next keep ask for a new lease.
func (c *Client) forget(id int64) {
	c.lease.lock <- struct{}{}
	if c.lease.id == id {
		c.lease.id = 0
	}
	<-c.lease.lock
}
