package rosclient

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// table is a menu whose rows are identified by a property.
type table struct {
	menu string
	what string // a row is called that in errors
	key  string // the property
	// need are the properties that every row has: an answer without them is of
	// another menu.
	need []string
}

var (
	queueTree = table{menu: "/queue/tree", what: "queue", key: "name", need: []string{".id", "name"}}
	simple    = table{menu: "/queue/simple", what: "simple queue", key: "name", need: []string{".id", "name"}}
	mangle    = table{menu: "/ip/firewall/mangle", what: "mangle rule", key: "comment", need: []string{".id", "chain", "action"}}
	scripts   = table{menu: "/system/script", what: "script", key: "name", need: []string{".id", "name"}}
)

// identity returns the properties that identify a row.
func (t table) identity() []string {
	if slices.Contains(t.need, t.key) {
		return t.need
	}
	return append(slices.Clip(t.need), t.key)
}

// longTable is the number of rows from which on a query for single rows is cheaper
// than a list of all: a row of counters takes about 150 bytes.
const longTable = 32

// named reads the rows of these exact names, in that order, in one request.
//
// It lists the whole table and compares the names itself, which works with every
// version and every character in a name. Long tables are queried for the names
// instead, if the router supports that.
func (c *Client) named(ctx context.Context, t table, props []string, names ...string) ([]rosdata.Row, error) {
	if c.long[t.menu] && !c.noQuery {
		rows, err := c.rows(ctx, t, Query{Menu: t.menu, Props: props, Where: []Match{{t.key, names}}})
		switch {
		case errors.Is(err, router.ErrUnsupported), errors.Is(err, router.ErrInvalid), errors.Is(err, router.ErrDenied):
			c.noQuery = true
		case err != nil:
			return nil, err
		default:
			if picked, err := pick(rows, t, names); err == nil || errors.Is(err, router.ErrAmbiguous) {
				return picked, c.withAddr(err)
			}
			// Absent by the router's comparison: compare here.
		}
	}
	rows, err := c.rows(ctx, t, Query{Menu: t.menu, Props: props}, names...)
	if err != nil {
		return nil, err
	}
	c.long[t.menu] = len(rows) >= longTable
	picked, err := pick(rows, t, names)
	if errors.Is(err, router.ErrNotFound) {
		if starting := c.starting(ctx, t); starting != nil {
			return nil, starting
		}
	}
	return picked, c.withAddr(err)
}

func pick(rows []rosdata.Row, t table, names []string) ([]rosdata.Row, error) {
	picked := make([]rosdata.Row, len(names))
	for i, name := range names {
		r, err := rosdata.Only(rows, t.what, t.key, name)
		if err != nil {
			return nil, &router.ItemError{Name: name, Err: err}
		}
		picked[i] = r
	}
	return picked, nil
}

// withAddr adds the router's address to an error.
func (c *Client) withAddr(err error) error {
	if err == nil {
		return nil
	}
	var item *router.ItemError
	if errors.As(err, &item) {
		return &router.ItemError{Name: item.Name, Err: fmt.Errorf("router %s: %w", c.target.Name(), item.Err)}
	}
	return fmt.Errorf("router %s: %w", c.target.Name(), err)
}

// rows reads rows of a table and notes them by name, those of the given names also in
// a table of many rows. Rows of another menu are an error.
func (c *Client) rows(ctx context.Context, t table, q Query, names ...string) ([]rosdata.Row, error) {
	rows, err := c.print(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if err := rosdata.Require(r, t.need...); err != nil {
			return nil, c.malformed(fmt.Errorf("answer for %s is something else: %w", t.menu, err))
		}
		if !isID(r[".id"]) {
			return nil, c.malformed(fmt.Errorf("answer for %s has the id %s", t.menu, rosdata.Quote(r[".id"])))
		}
	}
	c.note(t, q, rows, names)
	return rows, nil
}

// maxNoted is the number of rows up to which all rows of a table are kept.
const maxNoted = 1000

// note replaces what is known of the rows of a query. A name that several rows
// have gets none. Properties that were not read stay as they were, as long as the
// row of that name is the same. Of a table of many rows, only those of names are
// kept, and those that were known.
func (c *Client) note(t table, q Query, rows []rosdata.Row, names []string) {
	before := c.seen[t.menu]
	now := make(map[string]rosdata.Row, len(rows))
	if len(q.Where) > 0 {
		maps.Copy(now, before)
		for _, name := range q.Where[0].Values {
			delete(now, name)
		}
	} else {
		c.fresh[t.menu] = true
	}
	c.readAt[t.menu] = c.cfg.Now()
	count := make(map[string]int, len(rows))
	for _, r := range rows {
		name := r[t.key]
		if len(rows) > maxNoted && before[name] == nil && !slices.Contains(names, name) {
			continue
		}
		if count[name]++; count[name] > 1 {
			delete(now, name)
			continue
		}
		if old := before[name]; old[".id"] == r[".id"] {
			known := maps.Clone(old)
			maps.Copy(known, r)
			r = known
		}
		now[name] = r
	}
	c.seen[t.menu] = now
}

// isID reports whether s is an id, which may become part of a path or a command.
func isID(s string) bool {
	if len(s) < 2 || s[0] != '*' {
		return false
	}
	_, err := strconv.ParseUint(s[1:], 16, 64)
	return err == nil
}

// bootGrace is the time after its start in which a router may not have loaded its
// configuration yet.
const bootGrace = time.Minute

// starting returns an error if the router has just started and may not show its
// configuration yet, which explains an absent row; nil if it has been up longer.
func (c *Client) starting(ctx context.Context, t table) error {
	r, err := c.singleton(ctx, "/system/resource")
	if err != nil {
		return err
	}
	uptime, err := rosdata.Duration(r["uptime"])
	if err != nil {
		return c.malformed(err)
	}
	if uptime < bootGrace {
		return c.target.Fail(router.ErrOutcomeUnknown,
			fmt.Sprintf("it started %s ago and does not show the %s yet", uptime, t.what), "")
	}
	return nil
}
