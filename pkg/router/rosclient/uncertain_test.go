package rosclient

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// fakeRouter has two queues, up and down.
type fakeRouter struct{ limits map[string]string }

func newFakeRouter() *fakeRouter {
	return &fakeRouter{limits: map[string]string{"*1": "0", "*2": "0"}}
}

var fakeNames = map[string]string{"*1": "up", "*2": "down"}

func (r *fakeRouter) row(id string) rosdata.Row {
	return rosdata.Row{".id": id, "name": fakeNames[id], "max-limit": r.limits[id]}
}

// fakeTransport leads to a fakeRouter.
type fakeTransport struct {
	router *fakeRouter
	mute   bool // changes are not answered
	lost   bool // and take no effect either
	calls  []string
}

func (f *fakeTransport) Connect(context.Context) (int, error) { return 1, nil }
func (f *fakeTransport) Close() error                         { return nil }
func (f *fakeTransport) ByName(string, string) bool           { return true }
func (f *fakeTransport) String() string                       { return "fake" }
func (f *fakeTransport) Target() *rosconn.Target {
	return &rosconn.Target{Host: "192.0.2.1", Port: 1, Service: "fake"}
}

func (f *fakeTransport) Print(_ context.Context, q Query) ([]rosdata.Row, error) {
	f.calls = append(f.calls, "print")
	if f.mute {
		return nil, f.Target().Fail(router.ErrUnreachable, "gone", "")
	}
	return []rosdata.Row{f.router.row("*1"), f.router.row("*2")}, nil
}

func (f *fakeTransport) Change(_ context.Context, changes ...Change) []Outcome {
	outcomes := make([]Outcome, len(changes))
	var names []string
	for i, c := range changes {
		names = append(names, fakeNames[c.ID])
		if !f.lost {
			f.router.limits[c.ID] = c.Set["max-limit"]
		}
		if outcomes[i].Row = f.router.row(c.ID); f.mute {
			outcomes[i] = Outcome{Err: f.Target().Fail(router.ErrOutcomeUnknown, "silent", "")}
		}
	}
	f.calls = append(f.calls, "set "+strings.Join(names, " "))
	return outcomes
}

// seen returns the calls since the last time.
func (f *fakeTransport) seen() []string {
	defer func() { f.calls = nil }()
	return f.calls
}

func newSharing(r *fakeRouter, u *Uncertain) (*Client, *fakeTransport) {
	f := &fakeTransport{router: r}
	c := New(Config{Transport: f, User: "u"})
	if u != nil {
		c.ShareUncertain(u)
	}
	return c, f
}

func limit(name string, rate bitrate.Rate) router.QueueChange {
	return router.QueueChange{Name: name, QueueSettings: router.QueueSettings{MaxLimit: &rate}}
}

// A change of unknown outcome is read back before it is repeated, also by another
// client of the same router.
func TestUnknownOutcomeIsReadBackFirst(t *testing.T) {
	read := func(look func(context.Context, *Client) error) func(*testing.T, *Client) {
		return func(t *testing.T, c *Client) {
			if err := look(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name         string
		lost         bool                      // the change without an answer took no effect
		alone        bool                      // the second client shares nothing with the first
		before       func(*testing.T, *Client) // what the second client does first
		change       []router.QueueChange      // what it changes then
		want         []string                  // the calls that takes
		stillUnknown bool                      // the outcome for down, after that
	}{
		{name: "took effect", change: []router.QueueChange{limit("down", 400)}, want: []string{"print"}},
		{name: "took no effect", lost: true, change: []router.QueueChange{limit("down", 400)}, want: []string{"print", "set down"}},
		{name: "only the row in doubt", change: []router.QueueChange{limit("up", 1), limit("down", 400)}, want: []string{"print", "set up"}},
		{name: "another limit by now", change: []router.QueueChange{limit("down", 500)}, want: []string{"print", "set down"}},
		{name: "another row", change: []router.QueueChange{limit("up", 1)}, want: []string{"print", "set up"}, stillUnknown: true},
		{name: "not after Queue", change: []router.QueueChange{limit("down", 400)}, want: []string{"set down"},
			before: read(func(ctx context.Context, c *Client) error { _, err := c.Queue(ctx, "down"); return err })},
		{name: "not after Queues", change: []router.QueueChange{limit("down", 400)}, want: []string{"set down"},
			before: read(func(ctx context.Context, c *Client) error { _, err := c.Queues(ctx); return err })},
		{name: "nothing shared", alone: true, change: []router.QueueChange{limit("down", 400)}, want: []string{"print", "set down"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, u := newFakeRouter(), new(Uncertain)
			first, f := newSharing(r, u)
			if _, err := first.Queue(t.Context(), "down"); err != nil {
				t.Fatal(err)
			}
			f.mute, f.lost = true, tt.lost
			if _, err := first.SetQueues(t.Context(), limit("down", 400)); err == nil {
				t.Fatal("no error without an answer")
			}
			if tt.alone {
				u = nil
			}
			second, g := newSharing(r, u)
			if tt.before != nil {
				tt.before(t, second)
				g.seen()
			}
			queues, err := second.SetQueues(t.Context(), tt.change...)
			if err != nil {
				t.Fatal(err)
			}
			for i, ch := range tt.change {
				if queues[i].Name != ch.Name || queues[i].MaxLimit != *ch.MaxLimit {
					t.Errorf("got %+v, want %s at %v", queues[i], ch.Name, *ch.MaxLimit)
				}
			}
			if diff := cmp.Diff(tt.want, g.seen()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			g.seen()
			if _, err := second.SetQueues(t.Context(), limit("down", 300)); err != nil {
				t.Error(err)
			}
			want := []string{"set down"}
			if tt.stillUnknown {
				want = []string{"print", "set down"}
			}
			if diff := cmp.Diff(want, g.seen()); diff != "" {
				t.Errorf("the next change: -want +got\n%s", diff)
			}
		})
	}
}
