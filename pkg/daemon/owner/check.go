package owner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/router"
)

// Finding is whether a router does what the protocol needs, found out by trying.
type Finding struct {
	Check string
	OK    bool
	Text  string
}

const (
	checkList = "wanctl-check"
	checkTime = 3 * time.Second // of what a check adds to address lists
	tries     = 8
)

// Check tries on the router what the protocol needs of it. Other claims of the same router
// are of the same host. What a check adds goes by itself within seconds. The owner is not
// disturbed: on its own host, what would cut it off is left out.
func Check(ctx context.Context, c, other Claims) ([]Finding, error) {
	v, err := c.read(ctx)
	if err != nil {
		return nil, err
	}
	list := []Finding{{"rules", v.Guarded, "the rules that count and fence nodes are there"}}
	if !v.Guarded {
		list[0].Text = "the rules that count and fence nodes are absent, disabled or changed: wanctl router export --ha"
		return list, nil
	}
	steps := []func(context.Context, Claims, Claims) (Finding, error){checkUnique, checkCounted, checkFence}
	if v.Log.Owner().Address == v.Self {
		list = append(list, Finding{"fence", true, "not tried: this host owns the router, and would be cut off"})
		steps = steps[:2]
	}
	for _, step := range steps {
		f, err := step(ctx, c, other)
		if err != nil {
			return list, err
		}
		list = append(list, f)
	}
	return list, nil
}

// checkUnique has two sessions add the same entry at once.
func checkUnique(ctx context.Context, c, other Claims) (Finding, error) {
	text, err := c.unique(ctx, other)
	return Finding{"claims", err == nil, text}, err
}

// unique has two sessions add the same entry to a list, several times.
func (c RouterClaims) unique(ctx context.Context, other Claims) (text string, err error) {
	text = "of two entries that are added at once, the router refuses one"
	var wg sync.WaitGroup
	var errs [2]error
	for i, client := range []router.Client{c.client, other.router().client} {
		wg.Go(func() {
			for n := range tries {
				_, err := client.AddAddress(ctx, router.Address{List: checkList, Address: address(uint64(n + 1)), Comment: fmt.Sprint(i), Timeout: checkTime})
				if err != nil && !errors.Is(err, router.ErrExists) {
					errs[i] = err
				}
			}
		})
	}
	wg.Wait()
	rows, err := c.client.Addresses(ctx, checkList)
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.Address] {
			text = "the router accepts the same entry twice: the first counts, and all nodes read the same order"
		}
		seen[r.Address] = true
	}
	return text, errors.Join(errs[0], errs[1], err)
}

// unique has two connections create the same key.
func (c *EtcdClaims) unique(ctx context.Context, other Claims) (text string, err error) {
	second, ok := other.(*EtcdClaims)
	if !ok {
		return "", fmt.Errorf("%T and %T are two kinds of claims", c, other)
	}
	took, err := c.log.Try(ctx, second.log)
	return fmt.Sprintf("etcd answers, renews leases, and refuses one of two claims that are made at once (%d ms)", took.Milliseconds()), err
}

// checkCounted reads the counter that is the owner's sign of life.
func checkCounted(ctx context.Context, c, _ Claims) (Finding, error) {
	v, err := c.read(ctx)
	if err != nil {
		return Finding{}, err
	}
	f := Finding{"sign of life", false, uncountedText(v.Self)}
	if v.Log.Owner().Address != v.Self {
		_, err := c.router().client.AddAddress(ctx, router.Address{List: OwnerList, Address: v.Self, Timeout: checkTime})
		if err != nil && !errors.Is(err, router.ErrExists) {
			return f, err
		}
		defer func() { _ = c.router().unmark(context.WithoutCancel(ctx)) }()
	}
	for until := time.Now().Add(checkTime / 2); time.Now().Before(until); {
		now, err := c.read(ctx)
		if err != nil {
			return f, err
		}
		if now.Beats != v.Beats {
			f.OK, f.Text = true, "the router counts the packets from "+v.Self
			return f, nil
		}
	}
	return f, nil
}

func uncountedText(self string) string {
	return "the router does not count the packets from " + self + ": it sees another address, so that this host cannot be fenced; set node.address, or connect without translation of addresses"
}

// checkFence fences this host for a moment.
func checkFence(ctx context.Context, c, other Claims) (Finding, error) {
	f := Finding{"fence", false, "the router answers on a session of a fenced host: an owner that was paused could write once more to each queue"}
	if _, err := c.read(ctx); err != nil { // its session is established
		return f, err
	}
	began := time.Now()
	short, cancel := context.WithTimeout(ctx, checkTime/3)
	_, _ = other.router().client.AddAddress(short, router.Address{List: FencedList, Address: c.router().address(), Timeout: checkTime}) // its answer may be fenced already
	cancel()
	short, cancel = context.WithTimeout(ctx, checkTime/3)
	_, err := c.router().client.Rule(short, OwnerRule)
	cancel()
	if err != nil {
		f.OK, f.Text = true, "the router drops what comes on the sessions of a fenced host"
	}
	select {
	case <-time.After(time.Until(began.Add(checkTime + time.Second))):
	case <-ctx.Done():
		return f, ctx.Err()
	}
	var last error
	for range 5 {
		var v ha.View
		if v, last = c.read(ctx); last == nil && v.Self != "" {
			return f, nil
		}
	}
	return f, fmt.Errorf("after the fence: %w", last)
}
