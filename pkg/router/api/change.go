package api

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Change implements rosclient.Transport. It sends all changes and the queries for
// the rows they set at once.
func (t *transport) Change(ctx context.Context, changes ...rosclient.Change) []rosclient.Outcome {
	outcomes := make([]rosclient.Outcome, len(changes))
	s, ok := t.session.Conn()
	if !ok {
		for i := range outcomes {
			outcomes[i].Err = rosclient.ErrNotSent
		}
		return outcomes
	}
	readings := readings(changes)
	commands := make([][]string, 0, len(changes)+len(readings))
	for _, c := range changes {
		commands = append(commands, changeWords(c))
	}
	for _, q := range readings {
		commands = append(commands, printWords(q, s.stats[q.Menu]))
	}
	replies, err := t.exchange(ctx, s, commands...)
	for i := range outcomes {
		outcomes[i] = t.outcome(replies[i], err)
		if c := changes[i]; c.Name != "" && errors.Is(outcomes[i].Err, router.ErrInvalid) && strings.Contains(outcomes[i].Err.Error(), "numbers") {
			outcomes[i].Err = t.target.Fail(router.ErrNotFound, "it finds no "+rosdata.Quote(c.Name)+" in "+c.Menu, "")
		}
	}
	for i, q := range readings {
		if r := replies[len(changes)+i]; r.done && len(r.traps) == 0 && !lacksCounters(q, r.rows) {
			show(q, r.rows, changes, outcomes)
		}
	}
	return outcomes
}

// outcome returns the result of a change. A complete reply counts, even if the
// connection was lost after it.
func (t *transport) outcome(r reply, connErr error) rosclient.Outcome {
	switch {
	case len(r.traps) > 0:
		return rosclient.Outcome{Err: t.refusal(r.traps)}
	case !r.done:
		return rosclient.Outcome{Err: connErr}
	}
	return rosclient.Outcome{ID: r.ret}
}

// readings returns the queries for the rows that are set, one for each menu.
func readings(changes []rosclient.Change) []rosclient.Query {
	var queries []rosclient.Query
	for _, c := range changes {
		if c.Command != "set" {
			continue
		}
		prop, value := reference(c)
		i := slices.IndexFunc(queries, func(q rosclient.Query) bool {
			return q.Menu == c.Menu && slices.Equal(q.Props, c.Props) && q.Where[0].Prop == prop
		})
		if i < 0 {
			i = len(queries)
			queries = append(queries, rosclient.Query{Menu: c.Menu, Props: c.Props, Where: []rosclient.Match{{Prop: prop}}})
		}
		values := &queries[i].Where[0].Values
		*values = append(*values, value)
	}
	return queries
}

// reference returns the property and the value by which a change finds its row.
func reference(c rosclient.Change) (prop, value string) {
	if c.Name != "" {
		return c.Key, c.Name
	}
	return ".id", c.ID
}

// ByName implements rosclient.Transport. The argument numbers is a list of ids or
// names, so only a name that can be nothing else is one.
func (t *transport) ByName(key, name string) bool { return key == "name" && rosdata.IsPlainName(name) }

// show adds the rows of a query to the outcomes of the changes they confirm. A
// router may execute the commands of one connection in another order, so a row
// that does not show the change proves nothing: the caller reads it again. So it
// does if several rows have a name.
func show(q rosclient.Query, rows []rosdata.Row, changes []rosclient.Change, outcomes []rosclient.Outcome) {
	for i, c := range changes {
		if c.Command != "set" || c.Menu != q.Menu || outcomes[i].Err != nil {
			continue
		}
		prop, value := reference(c)
		var found []rosdata.Row
		for _, r := range rows {
			if r[prop] == value {
				found = append(found, r)
			}
		}
		if len(found) == 1 && rosdata.Shows(found[0], c.Set) {
			outcomes[i].Row = found[0]
		}
	}
}

// changeWords returns the command for a change.
func changeWords(c rosclient.Change) []string {
	words := []string{c.Menu + "/" + c.Command}
	switch {
	case c.Name != "":
		words = append(words, "=numbers="+c.Name)
	case c.ID != "":
		words = append(words, "=.id="+c.ID)
	}
	for _, prop := range slices.Sorted(maps.Keys(c.Set)) {
		words = append(words, "="+prop+"="+c.Set[prop])
	}
	return words
}
