package twoway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// fake is a router with the simple queue "line".
type fake struct {
	router.Client
	queue  router.SimpleQueue
	lowest [2]bitrate.Rate // limits below are refused, by side
	err    error           // of every call
	writes int
	reads  int // of routes
}

func (f *fake) SimpleQueue(context.Context, string) (router.SimpleQueue, error) {
	return f.queue, f.err
}

func (f *fake) DefaultRoutes(context.Context) ([]router.Route, error) {
	f.reads++
	return []router.Route{{Destination: "0.0.0.0/0", Interface: "ether1", Active: true}}, f.err
}
func (f *fake) Interfaces(context.Context) ([]router.Interface, error) { return nil, f.err }

func (f *fake) SetSimpleQueue(_ context.Context, _ string, set router.SimpleSettings) (router.SimpleQueue, error) {
	f.writes++
	if f.err != nil {
		return router.SimpleQueue{}, f.err
	}
	for side, limit := range set.MaxLimit {
		if limit != nil && *limit < f.lowest[side] {
			return router.SimpleQueue{}, &router.ItemError{Name: "line", Err: fmt.Errorf("side %d: %w", side, router.ErrInvalid)}
		}
	}
	for side := range 2 {
		if set.MaxLimit[side] != nil {
			f.queue.MaxLimit[side] = *set.MaxLimit[side]
		}
		if set.Type[side] != nil {
			f.queue.Type[side] = *set.Type[side]
		}
	}
	return f.queue, nil
}

func (f *fake) SimpleCounters(context.Context, string) ([2]router.Counters, error) {
	return f.queue.Counters, f.err
}

func (f *fake) Counters(_ context.Context, names ...string) ([]router.Counters, error) {
	return make([]router.Counters, len(names)), nil
}

func newFake(target string) *fake {
	return &fake{queue: router.SimpleQueue{
		Name: "line", Target: []string{target}, MaxLimit: [2]bitrate.Rate{300, 30}, Type: [2]string{"rx", "tx"},
		Counters: [2]router.Counters{{Bytes: 1}, {Bytes: 2}},
	}}
}

func TestDirections(t *testing.T) {
	down, up := Names("line")[0], Names("line")[1]
	for _, tt := range []struct {
		name, routerTarget, target string
		down, up                   bitrate.Rate
		bytes                      [2]uint64
		bad                        string
	}{
		{"port to the provider", "ether1", "", 300, 30, [2]uint64{1, 2}, ""},
		{"LAN", "10.0.0.0/8", "", 30, 300, [2]uint64{2, 1}, ""},
		{"no telling", "ether5", "", 0, 0, [2]uint64{}, "write queues.target"},
		{"said to be the LAN", "ether5", "lan", 30, 300, [2]uint64{2, 1}, ""},
		{"said to be the port", "ether5", "wan", 300, 30, [2]uint64{1, 2}, ""},
		{"configuration goes first", "ether1", "lan", 30, 300, [2]uint64{2, 1}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(tt.routerTarget)
			c := New(f, Queue{Name: "line", Target: tt.target})
			counters, err := c.Counters(t.Context(), up, down)
			if tt.bad != "" {
				_, err2 := c.Queue(t.Context(), down)
				_, err3 := c.SetQueues(t.Context(), router.QueueChange{Name: down})
				for _, err := range []error{err, err2, err3} {
					if err == nil || !strings.Contains(err.Error(), tt.bad) {
						t.Errorf("error is %v", err)
					}
				}
				if f.writes != 0 {
					t.Error("something was written")
				}
				return
			}
			if err != nil || counters[1].Bytes != tt.bytes[0] || counters[0].Bytes != tt.bytes[1] {
				t.Errorf("counters %v, %v", counters, err)
			}
			for name, want := range map[string]bitrate.Rate{down: tt.down, up: tt.up} {
				if q, err := c.Queue(t.Context(), name); err != nil || q.Name != name || q.MaxLimit != want {
					t.Errorf("%s: %+v, %v", name, q, err)
				}
			}
			if f.reads > 1 {
				t.Errorf("routes read %d times", f.reads)
			}
		})
	}
}

// A target that changes is looked at again.
func TestTargetChanges(t *testing.T) {
	f := newFake("ether1")
	c := New(f, Queue{Name: "line"})
	down := Names("line")[0]
	for _, want := range []struct {
		target string
		limit  bitrate.Rate
	}{{"ether1", 300}, {"10.0.0.0/8", 30}, {"ether1", 300}} {
		f.queue.Target[0] = want.target
		if q, err := c.Queue(t.Context(), down); err != nil || q.MaxLimit != want.limit {
			t.Errorf("%s: %v, %v", want.target, q.MaxLimit, err)
		}
	}
	f.queue.Target[0] = "ether5"
	if _, err := c.Queue(t.Context(), down); err == nil {
		t.Error("a target that does not tell was guessed")
	}
	if _, err := c.SetQueues(t.Context(), router.QueueChange{Name: down, QueueSettings: router.QueueSettings{MaxLimit: new(bitrate.Rate(1))}}); err == nil || f.writes != 0 {
		t.Errorf("%d writes, %v", f.writes, err)
	}
}

func TestSetQueues(t *testing.T) {
	down, up := Names("line")[0], Names("line")[1]
	denied := fmt.Errorf("x: %w", router.ErrDenied)
	for _, tt := range []struct {
		name           string
		lowest         [2]bitrate.Rate
		err            error
		want           [2]bitrate.Rate // on the router
		writes         int
		badDown, badUp error
	}{
		{"both in one write", [2]bitrate.Rate{}, nil, [2]bitrate.Rate{200, 20}, 1, nil, nil},
		{"one is refused", [2]bitrate.Rate{0, 25}, nil, [2]bitrate.Rate{200, 30}, 3, nil, router.ErrInvalid},
		{"both are refused", [2]bitrate.Rate{250, 25}, nil, [2]bitrate.Rate{300, 30}, 3, router.ErrInvalid, router.ErrInvalid},
		{"no policy", [2]bitrate.Rate{}, denied, [2]bitrate.Rate{300, 30}, 1, router.ErrDenied, router.ErrDenied},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake("ether1")
			c := New(f, Queue{Name: "line", Target: "wan"})
			f.lowest, f.err = tt.lowest, tt.err
			set := func(r bitrate.Rate, typ string) router.QueueSettings {
				return router.QueueSettings{MaxLimit: &r, Type: &typ}
			}
			queues, err := c.SetQueues(t.Context(), router.QueueChange{Name: down, QueueSettings: set(200, "a")}, router.QueueChange{Name: up, QueueSettings: set(20, "b")})
			if diff := cmp.Diff(tt.want, f.queue.MaxLimit); diff != "" || f.writes != tt.writes {
				t.Errorf("%d writes -want +got\n%s", f.writes, diff)
			}
			for i, want := range []error{tt.badDown, tt.badUp} {
				own := router.ErrorOf(err, c.names[i])
				if !errors.Is(own, want) || (own == nil) != (want == nil) || (queues[i].Name == "") != (want != nil) {
					t.Errorf("direction %d: %+v, %v", i, queues[i], own)
				}
			}
		})
	}
}

func TestOtherQueuesPass(t *testing.T) {
	f := newFake("ether5")
	c := New(f, Queue{Name: "line"})
	if got, err := c.Counters(t.Context(), "down", "up"); len(got) != 2 || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	if c.Unwrap() != router.Client(f) {
		t.Error("another client below")
	}
}
