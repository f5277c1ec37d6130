package failover

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

// half confirms the first of two changes before the connection is gone.
type half struct{ *fake }

func (h half) SetQueues(ctx context.Context, changes ...router.QueueChange) ([]router.Queue, error) {
	queues := make([]router.Queue, len(changes))
	first, err := h.fake.SetQueues(ctx, changes[0])
	copy(queues, first)
	return queues, errors.Join(err, router.ErrUnreachable)
}

func TestConfirmedChangeIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &box{queues: map[string]bitrate.Rate{}}
		first, second := &service{name: "api r:8729", box: b}, &service{name: "rest r:443", box: b}
		c := New(Config{Endpoints: []Endpoint{
			{Label: first.name, Open: func() (router.Client, error) { return half{&fake{s: first}}, nil }}, second.endpoint(),
		}})
		defer c.Close()
		queues, err := c.SetQueues(t.Context(), change1("down", bitrate.Mbps), change1("up", bitrate.Kbps))
		want := []router.Queue{{Name: "down", MaxLimit: bitrate.Mbps}, {Name: "up", MaxLimit: bitrate.Kbps}}
		if diff := cmp.Diff(want, queues); diff != "" || err != nil {
			t.Errorf("%v -want +got\n%s", err, diff)
		}
		if diff := cmp.Diff([]string{"SetQueues up"}, second.seen()); diff != "" || b.writes != 2 {
			t.Errorf("%d writes -want +got\n%s", b.writes, diff)
		}
	})
}
