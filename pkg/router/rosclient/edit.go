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

// edit is a change of the one row of a table with that name.
type edit struct {
	name string
	set  map[string]string
}

// edit changes rows, even if they have the wanted values already: a caller that
// wants to spare the router's flash compares first. The only exception is an edit
// of a row in c.uncertain. It begins with a read, and ends there if the row is as
// wanted.
//
// It returns the rows as the router reports them afterwards; nil for those that
// could not be confirmed. Errors about one row are a *router.ItemError each.
func (c *Client) edit(ctx context.Context, t table, props []string, edits ...edit) ([]rosdata.Row, error) {
	rows := make([]rosdata.Row, len(edits))
	var open []int
	for i, e := range edits {
		if len(e.set) == 0 || c.uncertain.has(t.menu, e.name) {
			r, err := c.refetch(ctx, t, props, e.name)
			if err != nil {
				return rows, err
			}
			if rosdata.Shows(r, e.set) {
				rows[i] = r
				continue
			}
		}
		open = append(open, i)
	}
	if len(open) == 0 {
		return rows, nil
	}
	chosen := each(edits, open)
	byName := !c.noName && !slices.ContainsFunc(chosen, func(e edit) bool { return !c.transport.ByName(t.key, e.name) })
	attempts, err := c.write(ctx, t, props, byName, chosen...)
	if err != nil {
		return rows, err
	}
	var errs []error
	for k, i := range open {
		if rows[i], err = c.verify(ctx, t, props, attempts[k]); err != nil {
			errs = append(errs, &router.ItemError{Name: edits[i].name, Err: c.explain(ctx, t, edits[i], err)})
		}
	}
	return rows, errors.Join(errs...)
}

func each(edits []edit, indices []int) []edit {
	chosen := make([]edit, len(indices))
	for k, i := range indices {
		chosen[k] = edits[i]
	}
	return chosen
}

// refetch reads one row. Afterwards its state is known.
func (c *Client) refetch(ctx context.Context, t table, props []string, name string) (rosdata.Row, error) {
	rows, err := c.named(ctx, t, props, name)
	if err != nil {
		return nil, err
	}
	c.uncertain.remove(t.menu, name)
	return rows[0], nil
}

// attempt is an edit that was sent.
type attempt struct {
	edit
	before  rosdata.Row // the row that had the name when it was last read
	byName  bool        // the router itself compared the name
	outcome Outcome
}

// write sends changes to rows that had their names when they were last read on
// this session. If one of the rows is absent, none is changed.
//
// With byName it leaves the comparison to the router, in one round trip. Otherwise
// it reads the table first, and looks at the name in each answer before it sends
// the next change.
func (c *Client) write(ctx context.Context, t table, props []string, byName bool, edits ...edit) ([]attempt, error) {
	attempts, err := c.locate(ctx, t, edits, byName)
	if err != nil {
		return nil, err
	}
	changes := make([]Change, len(edits))
	for i, a := range attempts {
		changes[i] = Change{Menu: t.menu, Command: "set", ID: a.before[".id"], Set: a.set, Props: props}
		if byName {
			changes[i].Key, changes[i].Name = t.key, a.name
		}
	}
	if byName {
		for i, o := range c.transport.Change(ctx, changes...) {
			attempts[i].outcome = o
		}
	} else {
		for i := range attempts {
			attempts[i].outcome.Err = ErrNotSent
		}
		for i := range attempts {
			o := c.transport.Change(ctx, changes[i])[0]
			attempts[i].outcome = o
			if o.Row != nil && o.Row[t.key] != attempts[i].name {
				break // the others are not where they were either
			}
		}
	}
	for _, a := range attempts {
		_ = c.noteAuth(a.outcome.Err)
	}
	return attempts, nil
}

// locate returns the rows of edits as they were last read on the session of the
// next request. It reads the table if one is not known, and without byName also if
// this call has not read it yet.
func (c *Client) locate(ctx context.Context, t table, edits []edit, byName bool) ([]attempt, error) {
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	attempts := make([]attempt, len(edits))
	names := make([]string, len(edits))
	known := byName || c.fresh[t.menu]
	props := t.identity()
	for i, e := range edits {
		names[i] = e.name
		attempts[i] = attempt{edit: e, before: c.seen[t.menu][e.name], byName: byName}
		known = known && attempts[i].before != nil
		for prop := range e.set {
			if !slices.Contains(props, prop) {
				props = append(slices.Clip(props), prop)
			}
		}
	}
	if known {
		return attempts, nil
	}
	rows, err := c.named(ctx, t, props, names...)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		attempts[i].before = r
	}
	// If the router closes after each answer, this is another session; the rows
	// are seconds old at most.
	return attempts, c.connect(ctx)
}

// verify returns the row after one edit. It reads the table and tries again, once,
// if the router found no such row, and reads the row if the change was not
// answered.
func (c *Client) verify(ctx context.Context, t table, props []string, a attempt) (rosdata.Row, error) {
	r, err := c.rowAfter(ctx, t, props, a)
	if a.missed() || errors.Is(err, ErrNotSent) {
		a, r, err = c.retry(ctx, t, props, a)
	}
	if errors.Is(err, router.ErrOutcomeUnknown) {
		r, err = c.resolve(ctx, t, props, a, err)
	}
	switch {
	case errors.Is(err, ErrNotSent):
		return nil, c.target.NotSent()
	case err != nil:
		return r, err
	case !rosdata.Shows(r, a.set):
		return r, c.target.Fail(router.ErrNotApplied, fmt.Sprintf("%s %s: asked for %s, but it reports %s",
			t.what, rosdata.Quote(a.name), describe(a.set, a.set), describe(a.set, r)), "does something else set this "+t.what+"?")
	}
	return r, nil
}

// missed reports whether the router found no row to change: the row is another one
// by now, or the router does not find rows by name.
func (a attempt) missed() bool {
	return errors.Is(a.outcome.Err, router.ErrNotFound) || a.byName && errors.Is(a.outcome.Err, router.ErrUnsupported)
}

// retry repeats one edit. If the router did not find the row, it reads the table and
// uses the id.
func (c *Client) retry(ctx context.Context, t table, props []string, a attempt) (attempt, rosdata.Row, error) {
	byName, same := a.byName, false
	if a.missed() {
		byName = false
		delete(c.seen, t.menu)
		r, err := c.named(ctx, t, props, a.name)
		if err != nil {
			return a, nil, err
		}
		same = a.byName && r[0][".id"] == a.before[".id"]
	}
	again, err := c.write(ctx, t, props, byName, a.edit)
	if err != nil {
		return a, nil, err
	}
	// A router that shows the very row under its name does not find rows by name,
	// unless it found none for a user who may not write.
	c.noName = c.noName || same && !errors.Is(again[0].outcome.Err, router.ErrDenied)
	r, err := c.rowAfter(ctx, t, props, again[0])
	return again[0], r, err
}

// resolve reads the row after a change of unknown outcome, and repeats the change
// once if it had no effect.
func (c *Client) resolve(ctx context.Context, t table, props []string, a attempt, unknown error) (rosdata.Row, error) {
	c.uncertain.add(t.menu, a.name)
	if errors.Is(unknown, context.DeadlineExceeded) || errors.Is(unknown, context.Canceled) {
		return nil, unknown // no time left for a read
	}
	r, err := c.readBack(ctx, t, props, a)
	if err != nil {
		return nil, errors.Join(unknown, err)
	}
	if rosdata.Shows(r, a.set) {
		return r, nil
	}
	if _, r, err = c.retry(ctx, t, props, a); errors.Is(err, router.ErrOutcomeUnknown) {
		c.uncertain.add(t.menu, a.name)
	}
	return r, err
}

// rowAfter returns the row from the outcome of a change, or reads it if the answer
// does not contain it.
func (c *Client) rowAfter(ctx context.Context, t table, props []string, a attempt) (rosdata.Row, error) {
	if a.outcome.Err != nil {
		return nil, a.outcome.Err
	}
	r := a.outcome.Row
	if r == nil {
		return c.readBack(ctx, t, props, a)
	}
	if err := rosdata.Require(r, t.need...); err != nil {
		return nil, c.malformed(fmt.Errorf("answer to a change in %s is something else: %w", t.menu, err))
	}
	switch {
	case r[t.key] != a.name:
		return nil, c.putBack(ctx, t, a, r)
	case r[".id"] != a.before[".id"]:
		return c.refetch(ctx, t, props, a.name) // added again, or a second one
	}
	if known := c.seen[t.menu][a.name]; known != nil {
		maps.Copy(known, r)
	}
	return r, nil
}

// describe returns the values that r has for the properties of set, as text.
func describe(set map[string]string, r rosdata.Row) string {
	s := ""
	for _, prop := range slices.Sorted(maps.Keys(set)) {
		s += " " + prop + "=" + rosdata.Quote(r[prop])
	}
	return s[1:]
}
