package owner

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/ha/etcd"
	"github.com/wanctl/wanctl/pkg/router"
)

// lostEpochs is how many epochs an etcd without its data may have had after those that
// anybody remembers.
const lostEpochs = 100

// epochMark begins the comment of a marked address, which says in which epoch it was marked.
const epochMark = marker + "epoch "

// EtcdClaims keeps the log in an etcd, and fences on the router as RouterClaims does. The
// addresses that are marked on the router outlive the data of the etcd.
type EtcdClaims struct {
	*fencer
	log *etcd.Log

	mu      sync.Mutex // protects the following field
	highest uint64     // of the epochs seen
}

var _ Claims = (*EtcdClaims)(nil)

// NewEtcdClaims returns the log in etcd of the router that open returns a client of, as
// NewRouterClaims does.
func NewEtcdClaims(log *etcd.Log, dial Dial, open func(Dial) (router.Client, error)) (*EtcdClaims, error) {
	f, err := newFencer(dial, open)
	return &EtcdClaims{fencer: f, log: log}, err
}

// Do implements Claims.
func (c *EtcdClaims) Do(ctx context.Context, a ha.Action) (e ha.Event, err error) {
	switch a.Op {
	case ha.Read:
		e.View, err = c.read(ctx)
	case ha.Append:
		e.Outcome, err = c.append(ctx, a.Entry)
	case ha.Mark:
		err = c.mark(ctx, a.Entry.Epoch)
	case ha.Unmark:
		err = c.unmarkBoth(ctx)
	case ha.Fence:
		err = c.fence(ctx, a.Address)
	case ha.Request:
		err = c.log.Request(ctx, a.Ask)
	default:
		err = fmt.Errorf("no request: %v", a.Op)
	}
	if err != nil {
		return ha.Event{Outcome: ha.Failed}, err
	}
	return e, nil
}

// mark leaves a mark that lasts: without it this node might not be fenced.
func (c *EtcdClaims) mark(ctx context.Context, epoch uint64) error {
	row := router.Address{List: OwnerList, Address: c.address(), Comment: fmt.Sprint(epochMark, epoch), Timeout: ha.Lifetime}
	now, err := c.client.AddAddress(ctx, row)
	if errors.Is(err, router.ErrExists) && now.Timeout < ha.Lifetime/2 {
		return c.fencer.mark(ctx, row.Comment)
	}
	return ignore(err, router.ErrExists)
}

// append leaves the log to nodes that the router answers: one that is fenced must not claim.
func (c *EtcdClaims) append(ctx context.Context, e ha.Entry) (ha.Outcome, error) {
	if _, _, err := c.counter(ctx); err != nil {
		return ha.Failed, err
	}
	return c.log.Append(ctx, e)
}

// unmarkBoth takes back the lease's key also if the router does not answer: that is when
// another node is to follow.
func (c *EtcdClaims) unmarkBoth(ctx context.Context) error {
	if c.selfKnown() {
		if err := c.log.Unmark(ctx, c.address()); err != nil {
			return err
		}
		return c.unmark(ctx)
	}
	if err := c.unmark(ctx); err != nil { // which connects
		return err
	}
	return c.log.Unmark(ctx, c.address())
}

// read reads the router first: an owner that it does not answer proves nothing.
func (c *EtcdClaims) read(ctx context.Context) (v ha.View, err error) {
	if v.Beats, _, err = c.counter(ctx); err != nil {
		return v, err
	}
	if v.Guarded, err = c.fences(ctx); err != nil {
		return v, err
	}
	rows, err := c.client.Addresses(ctx, OwnerList)
	if err != nil {
		return v, err
	}
	v.Self = c.address()
	s, err := c.log.Read(ctx)
	if err != nil {
		return v, err
	}
	v.Log, v.Ask, v.Lease = s.Log, s.Ask, ha.LeaseEnded
	if s.Held {
		v.Lease = ha.LeaseHeld
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.highest = max(c.highest, s.Log.Latest().Epoch)
	for _, r := range rows {
		v.Marked = append(v.Marked, r.Address)
		if text, ok := strings.CutPrefix(r.Comment, epochMark); ok {
			if n, err := strconv.ParseUint(text, 10, 48); err == nil {
				c.highest = max(c.highest, n)
			}
		}
	}
	if len(s.Log) == 0 && c.highest > 0 {
		v.Base = c.highest + lostEpochs
	}
	return v, nil
}
