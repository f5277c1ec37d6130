package rosclient

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// renaming is a Transport to a router with two queues. It cannot change rows by
// name, and somebody renames queues just before a change arrives.
type renaming struct {
	rows   map[string]rosdata.Row // by id
	order  []string
	rename func(map[string]rosdata.Row) // once, before the next change; nil: nobody does
	again  func(map[string]rosdata.Row) // once, before the change after that
	silent bool                         // answers do not contain the row
	stuck  bool                         // a second change of a row is refused
	sets   []string                     // changes that arrived
}

func newRenaming() *renaming {
	return &renaming{order: []string{"*1", "*2"}, rows: map[string]rosdata.Row{
		"*1": {".id": "*1", "name": "down", "max-limit": "500000000"},
		"*2": {".id": "*2", "name": "up", "max-limit": "40000000"},
	}}
}

func (f *renaming) Connect(context.Context) (int, error) { return 1, nil }
func (f *renaming) Close() error                         { return nil }
func (f *renaming) String() string                       { return "fake" }
func (f *renaming) ByName(string, string) bool           { return false }
func (f *renaming) Target() *rosconn.Target {
	return &rosconn.Target{Host: "192.0.2.1", Port: 1, Service: "fake"}
}

func (f *renaming) Print(_ context.Context, q Query) ([]rosdata.Row, error) {
	if q.Menu == "/system/resource" {
		return []rosdata.Row{{"uptime": "1w"}}, nil
	}
	var rows []rosdata.Row
	for _, id := range f.order {
		rows = append(rows, f.copy(id))
	}
	return rows, nil
}

func (f *renaming) copy(id string) rosdata.Row {
	r := rosdata.Row{}
	for k, v := range f.rows[id] {
		r[k] = v
	}
	return r
}

func (f *renaming) Change(_ context.Context, changes ...Change) []Outcome {
	outcomes := make([]Outcome, len(changes))
	for i, c := range changes {
		if f.rename != nil {
			f.rename(f.rows)
			f.rename, f.again = f.again, nil
		}
		if f.stuck && len(f.sets) > 0 {
			outcomes[i].Err = f.Target().Fail(router.ErrDenied, "not enough permissions (9)", "")
			continue
		}
		f.rows[c.ID]["max-limit"] = c.Set["max-limit"]
		f.sets = append(f.sets, c.ID+"="+c.Set["max-limit"])
		if !f.silent {
			outcomes[i].Row = f.copy(c.ID)
		}
	}
	return outcomes
}

// A limit that reached a queue of another name is taken back, and the queues after
// it are looked up again.
func TestWrongRowIsPutBack(t *testing.T) {
	other := func(rows map[string]rosdata.Row) { rows["*1"]["name"] = "Other" }
	exchanged := func(rows map[string]rosdata.Row) { rows["*1"]["name"], rows["*2"]["name"] = "up", "down" }
	for _, tt := range []struct {
		name   string
		rename func(map[string]rosdata.Row)
		silent bool
		stuck  bool
		sets   []string
		want   []string // parts of the error
	}{
		{"renamed", other, false, false, []string{"*1=100", "*1=500000000", "*2=10"},
			[]string{`queue "Other" instead of "down"`, `put back max-limit="500000000"`}},
		{"renamed, and the answer has no row", other, true, false, []string{"*1=100", "*2=10", "*1=500000000"},
			[]string{`queue "Other" instead of "down"`, `put back max-limit="500000000"`}},
		{"exchanged", exchanged, false, false, []string{"*1=100", "*1=500000000", "*1=10"},
			[]string{`queue "up" instead of "down"`, `put back max-limit="500000000"`}},
		{"cannot be put back", other, false, true, []string{"*1=100"},
			[]string{`could not put back max-limit="500000000"`, "not enough permissions", `check queue "Other"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newRenaming()
			c := New(Config{Transport: f, User: "u"})
			if _, err := c.Queues(t.Context()); err != nil {
				t.Fatal(err)
			}
			f.rename, f.silent, f.stuck = tt.rename, tt.silent, tt.stuck
			_, err := c.SetQueues(t.Context(), limit("down", 100), limit("up", 10))
			if !errors.Is(err, router.ErrNotApplied) {
				t.Errorf("error is %v", err)
			}
			for _, part := range tt.want {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("error does not say %q: %v", part, err)
				}
			}
			if diff := cmp.Diff(tt.sets, f.sets); diff != "" {
				t.Errorf("changes: -want +got\n%s", diff)
			}
		})
	}
}

// Without a comparison by the router, each change follows a read.
func TestChangeByIDFollowsARead(t *testing.T) {
	f := newRenaming()
	c := New(Config{Transport: f, User: "u"})
	if _, err := c.Queues(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.rows["*1"]["name"] = "Other"
	if _, err := c.SetQueues(t.Context(), limit("down", 100)); !errors.Is(err, router.ErrNotFound) {
		t.Errorf("error is %v", err)
	}
	f.rows["*1"]["name"], f.rows["*2"]["name"] = "up", "down"
	if _, err := c.SetQueues(t.Context(), limit("down", bitrate.Mbps)); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"*2=1000000"}, f.sets); diff != "" {
		t.Errorf("changes: -want +got\n%s", diff)
	}
}

// A row that has its old name again when the change is taken back keeps the change.
func TestWrongRowThatIsRenamedBack(t *testing.T) {
	f := newRenaming()
	c := New(Config{Transport: f, User: "u"})
	if _, err := c.Queues(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.rename = func(rows map[string]rosdata.Row) { rows["*1"]["name"] = "Other" }
	f.again = func(rows map[string]rosdata.Row) { rows["*1"]["name"] = "down" }
	_, err := c.SetQueues(t.Context(), limit("down", 100))
	if !errors.Is(err, router.ErrNotApplied) || !strings.Contains(err.Error(), "it has the name again and was written") {
		t.Errorf("error is %v", err)
	}
	if diff := cmp.Diff([]string{"*1=100", "*1=500000000", "*1=100"}, f.sets); diff != "" {
		t.Errorf("changes: -want +got\n%s", diff)
	}
}

// A table of many rows does not stay in memory.
func TestManyRowsAreNotKept(t *testing.T) {
	f := newRenaming()
	for i := range 2 * maxNoted {
		id := fmt.Sprintf("*%X", i+16)
		f.order = append(f.order, id)
		f.rows[id] = rosdata.Row{".id": id, "name": "q" + id, "max-limit": "1"}
	}
	c := New(Config{Transport: f, User: "u"})
	if _, err := c.SetQueues(t.Context(), limit("down", 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Queues(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(c.seen[queueTree.menu]); n != 1 || c.seen[queueTree.menu]["down"]["max-limit"] != "100" {
		t.Errorf("%d rows are kept", n)
	}
}
