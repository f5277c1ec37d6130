package rosclient

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// readBack reads the row after a change. If the row that had the name before shows
// the change under another name, it is put back.
func (c *Client) readBack(ctx context.Context, t table, props []string, a attempt) (rosdata.Row, error) {
	delete(c.seen, t.menu)
	r, err := c.refetch(ctx, t, props, a.name)
	if err == nil && r[".id"] == a.before[".id"] || rosdata.Shows(a.before, a.set) {
		return r, err
	}
	for _, other := range c.seen[t.menu] {
		if other[".id"] == a.before[".id"] && other[t.key] != a.name && rosdata.Shows(other, a.set) {
			return nil, c.putBack(ctx, t, a, other)
		}
	}
	return r, err
}

// putBack undoes a change that reached a row of another name, and returns the error
// about it. The row was renamed after it was last read, or it was numbered anew. If
// it has its old name again by then, the change is made again instead.
func (c *Client) putBack(ctx context.Context, t table, a attempt, wrong rosdata.Row) error {
	delete(c.seen, t.menu)
	other := rosdata.Quote(wrong[t.key])
	text := fmt.Sprintf("wrote %s to %s %s instead of %s, which had that id when it was last read", describe(a.set, a.set), t.what, other, rosdata.Quote(a.name))
	check := "on the router: check " + t.what + " " + other
	old := make(map[string]string, len(a.set))
	for prop := range a.set {
		if value, ok := a.before[prop]; ok && wrong[".id"] == a.before[".id"] {
			old[prop] = value
		}
	}
	if len(old) < len(a.set) {
		return c.target.Fail(router.ErrNotApplied, text, check)
	}
	undo := Change{Menu: t.menu, Command: "set", ID: wrong[".id"], Set: old, Props: slices.AppendSeq(slices.Clip(t.identity()), maps.Keys(old))}
	done := "; put back " + describe(old, old)
	err := c.connect(ctx)
	if err == nil {
		o := c.transport.Change(ctx, undo)[0]
		if o.Err == nil && o.Row[t.key] == a.name {
			// It has the name again, so that the change was right after all.
			undo.Set, done = a.set, "; it has the name again and was written"
			o = c.transport.Change(ctx, undo)[0]
		}
		err = c.noteAuth(o.Err)
	}
	if err != nil {
		return errors.Join(c.target.Fail(router.ErrNotApplied, text+", and could not put back "+describe(old, old), check), err)
	}
	return c.target.Fail(router.ErrNotApplied, text+done, "")
}
