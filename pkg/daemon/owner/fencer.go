package owner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/router"
)

// Dial opens a TCP connection.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// fencer is a node's side of the router that is the same wherever the log is: it marks
// the node's address there, so that its packets are counted, and fences other nodes.
type fencer struct {
	client router.Client

	mu        sync.Mutex // protects the following fields
	self      netip.Addr
	guarded   bool
	guardedAt time.Time
}

func newFencer(dial Dial, open func(Dial) (router.Client, error)) (*fencer, error) {
	c := new(fencer)
	client, err := open(func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			abortive(conn)
			c.mu.Lock()
			c.self = localAddr(conn)
			c.guardedAt = time.Time{}
			c.mu.Unlock()
		}
		return conn, err
	})
	c.client = client
	return c, err
}

func (c *fencer) router() *fencer { return c }

// Close implements Claims.
func (c *fencer) Close() error { return c.client.Close() }

func (c *fencer) address() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self.String()
}

func (c *fencer) selfKnown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self.IsValid()
}

// mark has the router count what comes from this node.
func (c *fencer) mark(ctx context.Context, comment string) error {
	if err := c.unmark(ctx); err != nil {
		return err
	}
	_, err := c.client.AddAddress(ctx, router.Address{List: OwnerList, Address: c.address(), Comment: comment, Timeout: ha.Lifetime})
	return err
}

// unmark connects, too: the first request of a process is this one.
func (c *fencer) unmark(ctx context.Context) error {
	if !c.selfKnown() {
		if _, err := c.client.Addresses(ctx, OwnerList); err != nil {
			return err
		}
	}
	return ignore(c.client.RemoveAddress(ctx, OwnerList, c.address()), router.ErrNotFound)
}

// counter returns how many packets of marked nodes the router has counted; not ok: it has no
// rule that does.
func (c *fencer) counter(ctx context.Context) (packets uint64, ok bool, err error) {
	rule, err := c.client.Rule(ctx, OwnerRule)
	if err != nil {
		return 0, false, ignore(err, router.ErrNotFound)
	}
	return rule.Packets, !rule.Disabled && !rule.Invalid && rule.Params["src-address-list"] == OwnerList, nil
}

// fences reports whether the router has the rule that drops what fenced nodes send.
func (c *fencer) fences(ctx context.Context) (bool, error) {
	c.mu.Lock()
	known, age := c.guarded, time.Since(c.guardedAt)
	c.mu.Unlock()
	if known && age < rulesAge {
		return true, nil
	}
	rows, err := c.client.Rows(ctx, "/ip/firewall/raw")
	if err != nil {
		return false, err
	}
	found := false
	for _, r := range rows {
		found = found || r["comment"] == FenceRule && r["src-address-list"] == FencedList && r["action"] == "drop" && r["chain"] == "prerouting" && r["disabled"] != "true" && r["invalid"] != "true"
	}
	c.mu.Lock()
	c.guarded, c.guardedAt = found, time.Now()
	c.mu.Unlock()
	return found, nil
}

// fence has the router drop what comes from an address, for at least leastFence. An entry
// with less left is left to end: it is not renewed, since what that does to its timeout
// varies, and not replaced, since for a moment there would be none.
func (c *fencer) fence(ctx context.Context, address string) error {
	now, err := c.client.AddAddress(ctx, router.Address{List: FencedList, Address: address, Timeout: fenceTime})
	switch {
	case !errors.Is(err, router.ErrExists):
		return err
	case now.Timeout > 0 && now.Timeout < leastFence:
		return fmt.Errorf("the fence of %s from before ends in %s", address, now.Timeout)
	}
	return nil
}

// Fenced implements Claims.
func (c *fencer) Fenced(ctx context.Context) (map[string]time.Duration, error) {
	list, err := c.client.Addresses(ctx, FencedList)
	left := map[string]time.Duration{}
	for _, a := range list {
		left[a.Address] = a.Timeout
	}
	return left, err
}

func localAddr(conn net.Conn) netip.Addr {
	a, _ := netip.ParseAddrPort(conn.LocalAddr().String())
	return a.Addr().Unmap()
}
