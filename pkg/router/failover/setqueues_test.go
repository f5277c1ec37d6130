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

// A change whose outcome is unknown is read back before it is repeated, also
// when that happens on another way.
func TestUnknownOutcomeIsReadBackAcrossWays(t *testing.T) {
	for _, tt := range []struct {
		name string
		took bool // the change without an answer took effect
		want []string
	}{
		{"took effect", true, []string{"Queue down"}},
		{"did not", false, []string{"Queue down", "SetQueues down"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			run(t, func(b *bench) {
				b.endpoints[0].set(func(s *service) { s.mute, s.lost = true, tt.took })
				if err := b.setQueue("down", 400*bitrate.Mbps); !errors.Is(err, router.ErrOutcomeUnknown) {
					b.Fatal(err)
				}
				b.endpoints[0].set(func(s *service) { up(s); down(s) })
				queues, err := b.c.SetQueues(b.Context(), change1("down", 400*bitrate.Mbps))
				if err != nil || queues[0].MaxLimit != 400*bitrate.Mbps {
					b.Errorf("got %v, %v", queues, err)
				}
				if diff := cmp.Diff(tt.want, b.endpoints[1].seen()); diff != "" {
					b.Errorf("-want +got\n%s", diff)
				}
				if b.box.writes != 1 {
					b.Errorf("%d writes", b.box.writes)
				}
				// Then there is no doubt any more.
				if err := b.setQueue("down", 300*bitrate.Mbps); err != nil {
					b.Error(err)
				}
				if diff := cmp.Diff([]string{"SetQueues down"}, b.endpoints[1].seen()); diff != "" {
					b.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
	t.Run("only the queue in doubt", func(t *testing.T) {
		run(t, func(b *bench) {
			b.endpoints[0].set(mute)
			_ = b.setQueue("down", bitrate.Mbps)
			b.endpoints[0].set(func(s *service) { up(s); down(s) })
			queues, err := b.c.SetQueues(b.Context(), change1("up", bitrate.Mbps), change1("down", 2*bitrate.Mbps))
			if err != nil || queues[0].Name != "up" || queues[1].MaxLimit != 2*bitrate.Mbps {
				b.Errorf("got %v, %v", queues, err)
			}
			if diff := cmp.Diff([]string{"Queue down", "SetQueues up down"}, b.endpoints[1].seen()); diff != "" {
				b.Errorf("-want +got\n%s", diff)
			}
		})
	})
	for name, look := range map[string]func(context.Context, *Client) error{
		"Queue":  func(ctx context.Context, c *Client) error { _, err := c.Queue(ctx, "down"); return err },
		"Queues": func(ctx context.Context, c *Client) error { _, err := c.Queues(ctx); return err },
	} {
		t.Run("not after a read with "+name, func(t *testing.T) {
			run(t, func(b *bench) {
				b.box.queues["down"] = 0
				b.endpoints[0].set(mute)
				_ = b.setQueue("down", bitrate.Mbps)
				b.endpoints[0].set(func(s *service) { up(s); down(s) })
				if err := look(b.Context(), b.c); err != nil {
					b.Fatal(err)
				}
				b.endpoints[1].seen()
				_ = b.setQueue("down", bitrate.Mbps)
				if diff := cmp.Diff([]string{"SetQueues down"}, b.endpoints[1].seen()); diff != "" {
					b.Errorf("-want +got\n%s", diff)
				}
			})
		})
	}
	t.Run("the same session sees to it itself", func(t *testing.T) {
		run(t, func(b *bench) {
			b.endpoints[0].set(mute)
			_ = b.setQueue("down", bitrate.Mbps)
			b.endpoints[0].set(up)
			_ = b.setQueue("down", bitrate.Mbps)
			if diff := cmp.Diff([]string{"SetQueues down", "SetQueues down"}, b.endpoints[0].seen()); diff != "" {
				b.Errorf("-want +got\n%s", diff)
			}
			b.endpoints[0].set(down)
			_ = b.setQueue("down", bitrate.Mbps)
			if diff := cmp.Diff([]string{"SetQueues down"}, b.endpoints[1].seen()); diff != "" {
				b.Errorf("there is no doubt any more: -want +got\n%s", diff)
			}
		})
	})
}

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
