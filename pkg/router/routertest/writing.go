package routertest

import (
	"context"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/simrouter"
)

var writing = []test{
	{name: "limit", run: func(b *bench) {
		q, err := b.c.SetQueue(b.ctx(), Download, limit(480_500*bitrate.Kbps))
		if err != nil || q.Name != Download || q.MaxLimit != 480_500*bitrate.Kbps || q.Type != "cake-down-1" {
			b.Errorf("got %+v, %v", q, err)
		}
		b.wantLimit(Download, 480_500*bitrate.Kbps)
		b.wantLimit(Upload, 40*bitrate.Mbps)
		if c := b.r.Counts(); c.Writes != 1 || c.WriteSectors != 1 {
			b.Errorf("%d writes, %d sectors, want 1 of each", c.Writes, c.WriteSectors)
		}
	}},
	{name: "one request a write", run: func(b *bench) {
		b.warm()
		before := b.r.Requests()
		for i := range 10 {
			if _, err := b.c.SetQueue(b.ctx(), Download, limit(bitrate.Rate(i+1)*bitrate.Mbps)); err != nil {
				b.Fatal(err)
			}
		}
		if n := b.r.Requests() - before; n != 10 {
			b.Errorf("%d requests for 10 writes", n)
		}
	}},
	{name: "type and limit together", run: func(b *bench) {
		set := limit(100 * bitrate.Mbps)
		set.Type = queueType("cake-up-1").Type
		q, err := b.c.SetQueue(b.ctx(), Download, set)
		if err != nil || q.Type != "cake-up-1" || q.MaxLimit != 100*bitrate.Mbps {
			b.Errorf("got %+v, %v", q, err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes, want 1", n)
		}
	}},
	{name: "nothing to set is a read", run: func(b *bench) {
		q, err := b.c.SetQueue(b.ctx(), Download, router.QueueSettings{})
		if err != nil || q.MaxLimit != 500*bitrate.Mbps || b.r.Writes() != 0 {
			b.Errorf("got %+v, %v with %d writes", q, err, b.r.Writes())
		}
	}},
	{name: "an equal value costs no flash", run: func(b *bench) {
		for range 3 {
			if _, err := b.c.SetQueue(b.ctx(), Download, limit(500*bitrate.Mbps)); err != nil {
				b.Fatal(err)
			}
		}
		if n := b.r.WriteSectors(); n != 0 {
			b.Errorf("%d sectors written", n)
		}
	}},
	{name: "unknown queue type", run: func(b *bench) {
		_, err := b.c.SetQueue(b.ctx(), Download, queueType("cake-nope"))
		b.wantError(err, router.ErrInvalid)
	}},
	{name: "absent queue", run: func(b *bench) {
		_, err := b.c.SetQueue(b.ctx(), "nope", limit(bitrate.Mbps))
		b.wantError(err, router.ErrNotFound)
		if b.r.Writes() != 0 {
			b.Error("something was written")
		}
	}},
	{name: "queue removed and added again", run: func(b *bench) {
		b.warm()
		if err := b.r.Run(`/queue tree remove ` + Download + `; /queue tree add name=` + Download + ` parent=global`); err != nil {
			b.Fatal(err)
		}
		if _, err := b.c.SetQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		b.wantLimit(Download, 123*bitrate.Mbps)
	}},
	{name: "queue removed for good", run: func(b *bench) {
		b.warm()
		if err := b.r.Run(`/queue tree remove ` + Download); err != nil {
			b.Fatal(err)
		}
		_, err := b.c.SetQueue(b.ctx(), Download, limit(123*bitrate.Mbps))
		b.wantError(err, router.ErrNotFound)
	}},
	{name: "ids mean other queues after a reboot", run: func(b *bench) {
		b.warm()
		b.r.Reboot(simrouter.Reboot{Renumber: true})
		if _, err := b.c.SetQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		b.wantLimit(Download, 123*bitrate.Mbps)
		b.wantLimit(Upload, 40*bitrate.Mbps)
	}},
	{name: "success without effect", run: func(b *bench) {
		b.r.Inject(simrouter.Fault{Kind: simrouter.Ignore, Method: "PATCH"})
		_, err := b.c.SetQueue(b.ctx(), Download, limit(123*bitrate.Mbps))
		b.wantError(err, router.ErrNotApplied)
	}},
	{name: "connection reset before the write took effect", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Method: "PATCH", Times: 1})
		if _, err := b.c.SetQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		b.wantLimit(Download, 123*bitrate.Mbps)
	}},
	{name: "connection reset after the write took effect", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Method: "PATCH", Times: 1, Applied: true})
		q, err := b.c.SetQueue(b.ctx(), Download, limit(123*bitrate.Mbps))
		if err != nil || q.MaxLimit != 123*bitrate.Mbps {
			b.Fatalf("got %+v, %v", q, err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes: the outcome was not read back before repeating", n)
		}
	}},
	{name: "write that was never answered is read back first", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Method: "PATCH", Times: 1, Applied: true})
		ctx, cancel := context.WithCancel(b.ctx())
		defer cancel()
		go func() {
			b.eventually(func() bool { return b.r.Writes() > 0 })
			cancel()
		}()
		_, err := b.c.SetQueue(ctx, Download, limit(123*bitrate.Mbps))
		b.wantError(err, router.ErrOutcomeUnknown)
		if _, err = b.c.SetQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes, want the first one found to have succeeded", n)
		}
		if _, err = b.c.SetQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil || b.r.Writes() != 2 {
			b.Errorf("a later write was skipped: %v, %d writes", err, b.r.Writes())
		}
	}},
	{name: "answer cut off in the middle", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Cut, Method: "PATCH", Times: 1})
		if _, err := b.c.SetQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes, want 1", n)
		}
	}},
}
