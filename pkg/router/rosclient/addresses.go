package rosclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Each address family has its own menu of address lists; host names are in that
// of IPv4. A list may have entries in both.
const (
	addressMenu4 = "/ip/firewall/address-list"
	addressMenu6 = "/ipv6/firewall/address-list"
)

// addressMenu returns the menu of an entry by its address as the router writes it.
func addressMenu(address string) string {
	if strings.Contains(address, ":") {
		return addressMenu6
	}
	return addressMenu4
}

// Addresses returns the entries of one address list, or of all for "", those of
// IPv4 first. Lists can have tens of thousands of entries, so the router is
// queried for the one list.
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
	rows, err := c.entries(ctx, addressMenu4, where...)
	if err != nil {
		return nil, err
	}
	if !c.noIPv6 {
		more, err := c.entries(ctx, addressMenu6, where...)
		switch {
		case absent(err):
			c.noIPv6 = true
		case err != nil:
			return nil, err
		}
		rows = append(rows, more...)
	}
	return items(c, rows, rosdata.Address)
}

// absent reports whether err means that the router has no such menu: RouterOS 6 has
// none for IPv6 until that package is enabled. A menu that exists is never
// ErrNotFound.
func absent(err error) bool {
	return errors.Is(err, router.ErrUnsupported) || errors.Is(err, router.ErrNotFound)
}

// entries reads the rows of an address menu that match all of where exactly,
// independent of the router's own comparison.
func (c *Client) entries(ctx context.Context, menu string, where ...Match) ([]rosdata.Row, error) {
	rows, err := c.query(ctx, Query{Menu: menu, Props: rosdata.AddressProps, Where: where})
	if err != nil {
		return nil, err
	}
	exact := rows[:0]
	for _, r := range rows {
		if err := rosdata.Require(r, ".id", "list", "address"); err != nil || !isID(r[".id"]) {
			return nil, c.malformed(fmt.Errorf("answer for %s is something else: %w", menu, cmp.Or(err, errors.New("id "+rosdata.Quote(r[".id"])))))
		}
		if matches(r, where) {
			exact = append(exact, r)
		}
	}
	return exact, nil
}

func matches(r rosdata.Row, where []Match) bool {
	for _, m := range where {
		if r[m.Prop] != m.Values[0] {
			return false
		}
	}
	return true
}

// entry reads the entry of that list and address; nil if there is none. A static
// entry wins over an equal one that the router resolved from a host name.
func (c *Client) entry(ctx context.Context, list, address string) (rosdata.Row, error) {
	menu := addressMenu(address)
	rows, err := c.entries(ctx, menu, Match{"list", []string{list}}, Match{"address", []string{address}})
	if menu == addressMenu6 && absent(err) {
		return nil, c.target.Fail(router.ErrUnsupported, "it has no address lists for IPv6",
			"RouterOS 6 needs the package: on the router: /system package enable ipv6")
	}
	if err != nil {
		return nil, err
	}
	var found rosdata.Row
	for _, r := range rows {
		if found == nil || rosdata.Bool(found["dynamic"]) && !rosdata.Bool(r["dynamic"]) {
			found = r
		}
	}
	return found, nil
}

// AddAddress adds an entry, unless it exists.
func (c *Client) AddAddress(ctx context.Context, a router.Address) (router.Address, error) {
	address, err := rosdata.NormalAddress(a.Address)
	if err != nil {
		return a, fmt.Errorf("%w: %w", router.ErrInvalid, err)
	}
	a.Address = address
	ctx, end, err := c.beginChange(ctx)
	if err != nil {
		return a, err
	}
	defer end()
	r, err := c.entry(ctx, a.List, address)
	if err != nil {
		return a, err
	}
	exists := r != nil
	if !exists {
		if r, exists, err = c.add(ctx, a); err != nil {
			return a, err
		}
	}
	now, err := c.addressOf(r)
	if err == nil && exists {
		err = c.withAddr(fmt.Errorf("%s in list %s: %w", address, rosdata.Quote(a.List), router.ErrExists))
	}
	return now, err
}

func (c *Client) addressOf(r rosdata.Row) (router.Address, error) {
	a, err := rosdata.Address(r)
	if err != nil {
		return a, c.malformed(err)
	}
	return a, nil
}

// add adds an entry once. Without an answer it reads whether the entry is there.
// exists reports that the entry was added by somebody else meanwhile.
func (c *Client) add(ctx context.Context, a router.Address) (_ rosdata.Row, exists bool, _ error) {
	set := map[string]string{"list": a.List, "address": a.Address}
	if a.Comment != "" {
		set["comment"] = a.Comment
	}
	if a.Timeout > 0 {
		set["timeout"] = strconv.FormatInt(int64(max(a.Timeout, time.Second)/time.Second), 10) + "s"
	}
	if err := c.connect(ctx); err != nil {
		return nil, false, err
	}
	o := c.transport.Change(ctx, Change{Menu: addressMenu(a.Address), Command: "add", Set: set, Props: rosdata.AddressProps})[0]
	_ = c.noteAuth(o.Err)
	exists = errors.Is(o.Err, router.ErrExists)
	switch {
	case errors.Is(o.Err, ErrNotSent):
		return nil, false, c.target.NotSent()
	case errors.Is(o.Err, context.DeadlineExceeded), errors.Is(o.Err, context.Canceled):
		return nil, false, o.Err // no time left for a read
	case o.Err != nil && !errors.Is(o.Err, router.ErrOutcomeUnknown) && !exists:
		return nil, false, o.Err
	case o.Err == nil && o.Row != nil && o.Row["list"] == a.List && o.Row["address"] == a.Address:
		return o.Row, false, nil
	}
	r, err := c.entry(ctx, a.List, a.Address)
	switch {
	case err != nil:
		return nil, false, errors.Join(o.Err, err)
	case r != nil:
		return r, exists, nil
	case o.Err != nil:
		return nil, false, o.Err
	}
	return nil, false, c.target.Fail(router.ErrNotApplied, fmt.Sprintf("added %s to list %s, but it does not show", a.Address, rosdata.Quote(a.List)), "")
}

// RemoveAddress removes an entry.
func (c *Client) RemoveAddress(ctx context.Context, list, address string) error {
	address, err := rosdata.NormalAddress(address)
	if err != nil {
		return fmt.Errorf("%w: %w", router.ErrInvalid, err)
	}
	ctx, end, err := c.beginChange(ctx)
	if err != nil {
		return err
	}
	defer end()
	r, err := c.entry(ctx, list, address)
	if err != nil {
		return err
	}
	if r == nil {
		return c.withAddr(fmt.Errorf("%s in list %s: %w", address, rosdata.Quote(list), router.ErrNotFound))
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	o := c.transport.Change(ctx, Change{Menu: addressMenu(address), Command: "remove", ID: r[".id"]})[0]
	_ = c.noteAuth(o.Err)
	switch {
	case o.Err == nil, errors.Is(o.Err, router.ErrNotFound): // expired meanwhile
		return nil
	case errors.Is(o.Err, ErrNotSent):
		return c.target.NotSent()
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
