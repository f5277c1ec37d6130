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
// could not be confirmed.
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
	outcomes, err := c.write(ctx, t, props, each(edits, open)...)
	if err != nil {
		return rows, err
	}
	var errs []error
	for k, i := range open {
		if rows[i], err = c.verify(ctx, t, props, edits[i], outcomes[k]); err != nil {
			errs = append(errs, c.explain(ctx, t, edits[i], err))
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

// write sends the changes by the rows' ids. If one of the rows is absent, none is
// changed.
func (c *Client) write(ctx context.Context, t table, props []string, edits ...edit) ([]Outcome, error) {
	ids, err := c.locate(ctx, t, edits)
	if err != nil {
		return nil, err
	}
	changes := make([]Change, len(edits))
	for i, e := range edits {
		changes[i] = Change{Menu: t.menu, Command: "set", ID: ids[i], Set: e.set, Props: props}
	}
	outcomes := c.transport.Change(ctx, changes...)
	for i := range outcomes {
		_ = c.noteAuth(outcomes[i].Err)
	}
	return outcomes, nil
}

// locate returns the ids of rows, read on the session of the next request.
func (c *Client) locate(ctx context.Context, t table, edits []edit) ([]string, error) {
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	ids := make([]string, len(edits))
	known := true
	for i, e := range edits {
		ids[i] = c.ids[t.menu][e.name]
		known = known && ids[i] != ""
	}
	if known {
		return ids, nil
	}
	names := make([]string, len(edits))
	for i, e := range edits {
		names[i] = e.name
	}
	rows, err := c.named(ctx, t, t.identity(), names...)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		ids[i] = r[".id"]
	}
	// If the router closes after each answer, this is another session; the ids
	// are seconds old at most.
	return ids, c.connect(ctx)
}

// verify returns the row after one edit. It resolves the name again, once, if the
// router no longer knows the id, and reads the row if the change was not answered.
func (c *Client) verify(ctx context.Context, t table, props []string, e edit, o Outcome) (rosdata.Row, error) {
	r, err := c.rowAfter(ctx, t, props, e, o)
	if errors.Is(err, router.ErrNotFound) || errors.Is(err, ErrNotSent) {
		if errors.Is(err, router.ErrNotFound) {
			delete(c.ids, t.menu)
		}
		r, err = c.retry(ctx, t, props, e)
	}
	if errors.Is(err, router.ErrOutcomeUnknown) {
		r, err = c.resolve(ctx, t, props, e, err)
	}
	switch {
	case errors.Is(err, ErrNotSent):
		return nil, c.target.NotSent()
	case err != nil:
		return nil, err
	case !rosdata.Shows(r, e.set):
		return r, c.target.Fail(router.ErrNotApplied, fmt.Sprintf("%s %s: asked for %s, but it reports %s",
			t.what, rosdata.Quote(e.name), describe(e.set, e.set), describe(e.set, r)), "does something else set this "+t.what+"?")
	}
	return r, nil
}

// retry repeats one edit.
func (c *Client) retry(ctx context.Context, t table, props []string, e edit) (rosdata.Row, error) {
	outcomes, err := c.write(ctx, t, props, e)
	if err != nil {
		return nil, err
	}
	return c.rowAfter(ctx, t, props, e, outcomes[0])
}

// resolve reads the row after a change of unknown outcome, and repeats the change
// once if it had no effect.
func (c *Client) resolve(ctx context.Context, t table, props []string, e edit, unknown error) (rosdata.Row, error) {
	c.uncertain.add(t.menu, e.name)
	if errors.Is(unknown, context.DeadlineExceeded) || errors.Is(unknown, context.Canceled) {
		return nil, unknown // no time left for a read
	}
	r, err := c.refetch(ctx, t, props, e.name)
	if err != nil {
		return nil, errors.Join(unknown, err)
	}
	if rosdata.Shows(r, e.set) {
		return r, nil
	}
	if r, err = c.retry(ctx, t, props, e); errors.Is(err, router.ErrOutcomeUnknown) {
		c.uncertain.add(t.menu, e.name)
	}
	return r, err
}

// rowAfter returns the row from the outcome of a change, or reads it if the answer
// does not contain it.
func (c *Client) rowAfter(ctx context.Context, t table, props []string, e edit, o Outcome) (rosdata.Row, error) {
	if o.Err != nil {
		return nil, o.Err
	}
	r := o.Row
	if r == nil {
		return c.refetch(ctx, t, props, e.name)
	}
	if err := rosdata.Require(r, t.need...); err != nil {
		return nil, c.malformed(fmt.Errorf("answer to a change in %s is something else: %w", t.menu, err))
	}
	if r[t.key] != e.name {
		delete(c.ids, t.menu)
		return r, c.target.Fail(router.ErrNotApplied, fmt.Sprintf("wrote to %s %s instead of %s: the router numbered its rows anew",
			t.what, rosdata.Quote(r[t.key]), rosdata.Quote(e.name)), "check "+rosdata.Quote(r[t.key]))
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
