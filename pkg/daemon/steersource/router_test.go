package steersource

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/steering"
)

// device is a router that has one rule and two queues.
type device struct {
	router.Client
	rule router.Rule
	err  error
	set  []bool
}

func (d *device) Rule(_ context.Context, comment string) (router.Rule, error) {
	if d.err == nil && comment != d.rule.Comment {
		return router.Rule{}, router.ErrNotFound
	}
	return d.rule, d.err
}

func (d *device) SetRule(_ context.Context, comment string, enabled bool) (router.Rule, error) {
	if d.err == nil && comment != d.rule.Comment {
		return router.Rule{}, router.ErrNotFound
	}
	d.set = append(d.set, enabled)
	return d.rule, d.err
}

func (d *device) Counters(_ context.Context, names ...string) ([]router.Counters, error) {
	if d.err != nil {
		return nil, d.err
	}
	var all []router.Counters
	for i := range names {
		all = append(all, router.Counters{Dropped: uint64(10 * (i + 1)), QueuedPackets: uint64(i + 1), Bytes: 99})
	}
	return all, nil
}

func TestRule(t *testing.T) {
	for _, tt := range []struct {
		name    string
		device  device
		enabled bool
		err     error
	}{
		{"enabled", device{rule: router.Rule{Comment: "steer"}}, true, nil},
		{"disabled", device{rule: router.Rule{Comment: "steer", Disabled: true}}, false, nil},
		{"dynamic", device{rule: router.Rule{Comment: "steer", Dynamic: true}}, false, router.ErrDynamic},
		{"absent", device{rule: router.Rule{Comment: "steer us"}}, false, router.ErrNotFound},
		{"ambiguous", device{err: router.ErrAmbiguous}, false, router.ErrAmbiguous},
		{"router away", device{err: router.ErrUnreachable}, false, router.ErrUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Rule{Router: &tt.device, Comment: "steer"}
			if got, err := r.Enabled(t.Context()); got != tt.enabled || !errors.Is(err, tt.err) {
				t.Errorf("%v, %v; want %v, %v", got, err, tt.enabled, tt.err)
			}
		})
	}
}

func TestRuleSet(t *testing.T) {
	d := device{rule: router.Rule{Comment: "steer"}}
	for _, enabled := range []bool{true, false} {
		if err := (Rule{&d, "steer"}).Set(t.Context(), enabled); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]bool{true, false}, d.set); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	d.err = router.ErrNotApplied
	if err := (Rule{&d, "steer"}).Set(t.Context(), true); !errors.Is(err, router.ErrNotApplied) {
		t.Errorf("%v", err)
	}
}

func TestQueues(t *testing.T) {
	d := device{}
	q := Queues{Router: &d, Names: [2]string{"down", "up"}}
	first := steering.Counters{Dropped: 10, QueuedPackets: 1, Bytes: 99}
	for _, tt := range []struct {
		name  string
		names [2]string
		want  [2]steering.Counters
	}{
		{"both", q.Names, [2]steering.Counters{first, {Dropped: 20, QueuedPackets: 2, Bytes: 99}}},
		{"download alone", [2]string{"down", ""}, [2]steering.Counters{first, {}}},
		{"upload alone", [2]string{"", "up"}, [2]steering.Counters{{}, first}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Queues{Router: &d, Names: tt.names}.Counters(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	d.err = router.ErrUnreachable
	if _, err := q.Counters(t.Context()); !errors.Is(err, router.ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

func TestEntry(t *testing.T) {
	for _, tt := range []struct {
		name    string
		address router.Address
		want    string
	}{
		{"address alone", router.Address{Address: "10.0.0.7"}, "10.0.0.7"},
		{"all there is", router.Address{
			Address: "10.0.0.0/24", Comment: "console", Timeout: 90*time.Second + 300*ms, Disabled: true,
		}, "10.0.0.0/24 (console) for 1m30s disabled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Entry(tt.address); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
