package menus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/ros"
)

const addressMenu = "/ip/firewall/address-list"

// Addresses lists the entries of one address list, or of all for "". Lists can
// have ten thousands of entries, so the router is asked for the one.
func (c *Client) Addresses(ctx context.Context, list string) ([]router.Address, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	var where []Match
	if list != "" {
		where = []Match{{"list", []string{list}}}
	}
	rows, err := c.entries(ctx, where...)
	if err != nil {
		return nil, err
	}
	return items(c, rows, ros.Address)
}

// entries reads rows of the address lists to which all of where applies
// exactly, whatever the router's comparison says.
func (c *Client) entries(ctx context.Context, where ...Match) ([]ros.Row, error) {
	q := Query{Menu: addressMenu, Props: ros.AddressProps, Where: where}
	if c.noQuery {
		q.Where = nil
	}
	rows, err := c.print(ctx, q)
	if len(q.Where) > 0 && (errors.Is(err, router.ErrUnsupported) || errors.Is(err, router.ErrInvalid) || errors.Is(err, router.ErrDenied)) {
		c.noQuery = true
		q.Where = nil
		rows, err = c.print(ctx, q)
	}
	if err != nil {
		return nil, err
	}
	exact := rows[:0]
	for _, r := range rows {
		if err := ros.Require(r, ".id", "list", "address"); err != nil || !isID(r[".id"]) {
			return nil, c.nonsense(fmt.Errorf("answer for %s is something else: %w", addressMenu, cmp.Or(err, errors.New("id "+ros.Quote(r[".id"])))))
		}
		if matches(r, where) {
			exact = append(exact, r)
		}
	}
	return exact, nil
}

func matches(r ros.Row, where []Match) bool {
	for _, m := range where {
		if r[m.Prop] != m.Values[0] {
			return false
		}
	}
	return true
}

// entry reads the entry of that list and address; nil when there is none. What
// a host name resolved to may equal an entry somebody made: that one counts.
func (c *Client) entry(ctx context.Context, list, address string) (ros.Row, error) {
	rows, err := c.entries(ctx, Match{"list", []string{list}}, Match{"address", []string{address}})
	if err != nil {
		return nil, err
	}
	var found ros.Row
	for _, r := range rows {
		if found == nil || ros.Bool(found["dynamic"]) && !ros.Bool(r["dynamic"]) {
			found = r
		}
	}
	return found, nil
}

// AddAddress adds an entry, unless there is one.
func (c *Client) AddAddress(ctx context.Context, a router.Address) (router.Address, error) {
	address, err := ros.NormalAddress(a.Address)
	if err != nil {
		return a, fmt.Errorf("%w: %w", router.ErrInvalid, err)
	}
	a.Address = address
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return a, err
	}
	defer end()
	r, err := c.entry(ctx, a.List, address)
	if err != nil {
		return a, err
	}
	if r == nil {
		if r, err = c.add(ctx, a); err != nil {
			return a, err
		}
		return c.addressOf(r)
	}
	there, err := c.addressOf(r)
	if err != nil {
		return a, err
	}
	return there, c.located(fmt.Errorf("%s in list %s: %w", address, ros.Quote(a.List), router.ErrExists))
}

func (c *Client) addressOf(r ros.Row) (router.Address, error) {
	a, err := ros.Address(r)
	if err != nil {
		return a, c.nonsense(err)
	}
	return a, nil
}

// add adds an entry once. An answer that does not come, or that says somebody
// else was faster, is settled by reading.
func (c *Client) add(ctx context.Context, a router.Address) (ros.Row, error) {
	set := map[string]string{"list": a.List, "address": a.Address}
	if a.Comment != "" {
		set["comment"] = a.Comment
	}
	if a.Timeout > 0 {
		set["timeout"] = strconv.FormatInt(int64(max(a.Timeout, time.Second)/time.Second), 10) + "s"
	}
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	o := c.wire.Change(ctx, Change{Menu: addressMenu, Command: "add", Set: set, Props: ros.AddressProps})[0]
	_ = c.heed(o.Err)
	switch {
	case errors.Is(o.Err, ErrNotSent):
		return nil, notSent(c.target)
	case errors.Is(o.Err, context.DeadlineExceeded), errors.Is(o.Err, context.Canceled):
		return nil, o.Err // no time left to look
	case o.Err != nil && !errors.Is(o.Err, router.ErrOutcomeUnknown) && !errors.Is(o.Err, router.ErrExists):
		return nil, o.Err
	case o.Err == nil && o.Row != nil && o.Row["list"] == a.List && o.Row["address"] == a.Address:
		return o.Row, nil
	}
	r, err := c.entry(ctx, a.List, a.Address)
	switch {
	case err != nil:
		return nil, errors.Join(o.Err, err)
	case r != nil:
		return r, nil
	case o.Err != nil:
		return nil, o.Err
	}
	return nil, c.target.Fail(router.ErrNotApplied, fmt.Sprintf("added %s to list %s, but it does not show", a.Address, ros.Quote(a.List)), "")
}

// RemoveAddress removes an entry.
func (c *Client) RemoveAddress(ctx context.Context, list, address string) error {
	address, err := ros.NormalAddress(address)
	if err != nil {
		return fmt.Errorf("%w: %w", router.ErrInvalid, err)
	}
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	r, err := c.entry(ctx, list, address)
	if err != nil {
		return err
	}
	if r == nil {
		return c.located(fmt.Errorf("%s in list %s: %w", address, ros.Quote(list), router.ErrNotFound))
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	o := c.wire.Change(ctx, Change{Menu: addressMenu, Command: "remove", ID: r[".id"]})[0]
	_ = c.heed(o.Err)
	switch {
	case o.Err == nil, errors.Is(o.Err, router.ErrNotFound): // expired meanwhile
		return nil
	case errors.Is(o.Err, ErrNotSent):
		return notSent(c.target)
	case !errors.Is(o.Err, router.ErrOutcomeUnknown), errors.Is(o.Err, context.DeadlineExceeded), errors.Is(o.Err, context.Canceled):
		return o.Err
	}
	r, err = c.entry(ctx, list, address)
	switch {
	case err != nil:
		return errors.Join(o.Err, err)
	case r == nil:
		return nil
	}
	return o.Err
}
