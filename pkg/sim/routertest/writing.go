package routertest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

var writing = []test{
	{name: "limit", run: func(b *bench) {
		q, err := b.setQueue(b.ctx(), Download, limit(480_500*bitrate.Kbps))
		if err != nil || q.Name != Download || q.MaxLimit != 480_500*bitrate.Kbps || q.Type != "cake-down-1" {
			b.Errorf("got %+v, %v", q, err)
		}
		b.wantLimit(Download, 480_500*bitrate.Kbps)
		b.wantLimit(Upload, 40*bitrate.Mbps)
		if c := b.r.Counts(); c.Writes != 1 || c.WriteSectors != 1 {
			b.Errorf("%d writes, %d sectors, want 1 of each", c.Writes, c.WriteSectors)
		}
	}},
	{name: "one round trip a write", run: func(b *bench) {
		b.warm()
		before := b.r.Requests()
		for i := range 10 {
			if _, err := b.setQueue(b.ctx(), Download, limit(bitrate.Rate(i+1)*bitrate.Mbps)); err != nil {
				b.Fatal(err)
			}
		}
		if n := b.r.Requests() - before; n != 10*b.suite.RequestsPerWrite {
			b.Errorf("%d requests for 10 writes, want %d for each", n, b.suite.RequestsPerWrite)
		}
	}},
	{name: "type and limit together", run: func(b *bench) {
		set := limit(100 * bitrate.Mbps)
		set.Type = queueType("cake-up-1").Type
		q, err := b.setQueue(b.ctx(), Download, set)
		if err != nil || q.Type != "cake-up-1" || q.MaxLimit != 100*bitrate.Mbps {
			b.Errorf("got %+v, %v", q, err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes, want 1", n)
		}
	}},
	{name: "two queues at once", run: func(b *bench) {
		queues, err := b.setBoth(100*bitrate.Mbps, 10*bitrate.Mbps)
		if err != nil || queues[0].MaxLimit != 100*bitrate.Mbps || queues[1].MaxLimit != 10*bitrate.Mbps {
			b.Errorf("got %+v, %v", queues, err)
		}
		b.wantLimit(Download, 100*bitrate.Mbps)
		b.wantLimit(Upload, 10*bitrate.Mbps)
		if n := b.r.Writes(); n != 2 {
			b.Errorf("%d writes, want 2", n)
		}
	}},
	{name: "two queues, one of them absent", run: func(b *bench) {
		b.warm()
		_, err := b.c.SetQueues(b.ctx(), router.QueueChange{Name: Upload, QueueSettings: limit(bitrate.Mbps)}, router.QueueChange{Name: "nope", QueueSettings: limit(bitrate.Mbps)})
		b.wantError(err, router.ErrNotFound)
		if b.r.Writes() != 0 {
			b.Error("something was written")
		}
	}},
	{name: "two queues, one of them refused", run: func(b *bench) {
		bad := limit(100 * bitrate.Mbps)
		bad.Type = queueType("cake-nope").Type
		for _, refused := range []int{0, 1} {
			changes := []router.QueueChange{
				{Name: Download, QueueSettings: limit(bitrate.Rate(77+refused) * bitrate.Mbps)},
				{Name: Upload, QueueSettings: limit(bitrate.Rate(7+refused) * bitrate.Mbps)},
			}
			changes[refused].QueueSettings = bad
			queues, err := b.c.SetQueues(b.ctx(), changes...)
			b.wantError(err, router.ErrInvalid)
			fine := 1 - refused
			if queues[refused].Name != "" || queues[fine].Name != changes[fine].Name || queues[fine].MaxLimit != *changes[fine].MaxLimit {
				b.Errorf("the change of queue %d is refused; got %+v", refused, queues)
			}
			b.wantLimit(changes[fine].Name, *changes[fine].MaxLimit)
		}
	}},
	{name: "two queues, connection reset before the first took effect", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1})
		if _, err := b.setBoth(100*bitrate.Mbps, 10*bitrate.Mbps); err != nil {
			b.Error(err)
		}
		b.wantLimit(Download, 100*bitrate.Mbps)
		b.wantLimit(Upload, 10*bitrate.Mbps)
	}},
	{name: "two queues, both renumbered", run: func(b *bench) {
		b.warm()
		if err := b.r.Run(`/queue tree remove ` + Download + `; /queue tree add name=` + Download + ` parent=global; ` +
			`/queue tree remove ` + Upload + `; /queue tree add name=` + Upload + ` parent=global`); err != nil {
			b.Fatal(err)
		}
		if _, err := b.setBoth(100*bitrate.Mbps, 10*bitrate.Mbps); err != nil {
			b.Error(err)
		}
		b.wantLimit(Download, 100*bitrate.Mbps)
		b.wantLimit(Upload, 10*bitrate.Mbps)
	}},
	{name: "slow router that does one thing at a time", router: func(c *simrouter.Config) { c.Latency = 30 * time.Millisecond; c.Quirks.SerialiseAll = true }, run: func(b *bench) {
		poller := b.again()
		var wg sync.WaitGroup
		defer wg.Wait()
		ctx, stop := context.WithCancel(b.ctx())
		defer stop()
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := poller.Counters(ctx, Download, Upload); err != nil && ctx.Err() == nil {
					b.Errorf("reading: %v", err)
				}
			}
		})
		for i := range 5 {
			want := bitrate.Rate(i+1) * bitrate.Mbps
			if _, err := b.setBoth(want, want); err != nil {
				b.Errorf("writing: %v", err)
			}
			b.wantLimit(Upload, want)
		}
	}},
	{name: "changed by somebody else", run: func(b *bench) {
		b.warm()
		if err := b.r.Run(`/queue tree set ` + Download + ` max-limit=77M`); err != nil {
			b.Fatal(err)
		}
		if q, err := b.c.Queue(b.ctx(), Download); err != nil || q.MaxLimit != 77*bitrate.Mbps {
			b.Errorf("read %s, %v; want what somebody else has set", q.MaxLimit, err)
		}
		if _, err := b.setQueue(b.ctx(), Download, limit(78*bitrate.Mbps)); err != nil {
			b.Error(err)
		}
	}},
	{name: "renamed by somebody else", run: func(b *bench) {
		b.warm()
		if err := b.r.Run(`/queue tree set ` + Download + ` name=other`); err != nil {
			b.Fatal(err)
		}
		_, err := b.setQueue(b.ctx(), Download, limit(78*bitrate.Mbps))
		if !errors.Is(err, router.ErrNotApplied) && !errors.Is(err, router.ErrNotFound) {
			b.Errorf("error is %v", err)
		}
		_, err = b.setQueue(b.ctx(), Download, limit(79*bitrate.Mbps))
		b.wantError(err, router.ErrNotFound)
		if q, ok := b.r.Queue("other"); !ok || q.MaxLimit == 79*bitrate.Mbps {
			b.Error("the renamed queue was written to again")
		}
	}},
	{name: "nothing to set is a read", run: func(b *bench) {
		q, err := b.setQueue(b.ctx(), Download, router.QueueSettings{})
		if err != nil || q.MaxLimit != 500*bitrate.Mbps || b.r.Writes() != 0 {
			b.Errorf("got %+v, %v with %d writes", q, err, b.r.Writes())
		}
	}},
	{name: "an equal value costs no flash", run: func(b *bench) {
		for range 3 {
			if _, err := b.setQueue(b.ctx(), Download, limit(500*bitrate.Mbps)); err != nil {
				b.Fatal(err)
			}
		}
		if n := b.r.WriteSectors(); n != 0 {
			b.Errorf("%d sectors written", n)
		}
	}},
	{name: "unknown queue type", run: func(b *bench) {
		_, err := b.setQueue(b.ctx(), Download, queueType("cake-nope"))
		b.wantError(err, router.ErrInvalid)
	}},
	{name: "absent queue", run: func(b *bench) {
		_, err := b.setQueue(b.ctx(), "nope", limit(bitrate.Mbps))
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
		if _, err := b.setQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		b.wantLimit(Download, 123*bitrate.Mbps)
	}},
	{name: "queue removed for good", run: func(b *bench) {
		b.warm()
		if err := b.r.Run(`/queue tree remove ` + Download); err != nil {
			b.Fatal(err)
		}
		_, err := b.setQueue(b.ctx(), Download, limit(123*bitrate.Mbps))
		b.wantError(err, router.ErrNotFound)
	}},
	{name: "ids mean other queues after a reboot", run: func(b *bench) {
		b.warm()
		b.r.Reboot(simrouter.Reboot{Renumber: true})
		if _, err := b.setQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		b.wantLimit(Download, 123*bitrate.Mbps)
		b.wantLimit(Upload, 40*bitrate.Mbps)
	}},
	{name: "success without effect", run: func(b *bench) {
		b.r.Inject(simrouter.Fault{Kind: simrouter.Ignore, Command: "set"})
		_, err := b.setQueue(b.ctx(), Download, limit(123*bitrate.Mbps))
		b.wantError(err, router.ErrNotApplied)
	}},
	{name: "connection reset before the write took effect", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1})
		if _, err := b.setQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		b.wantLimit(Download, 123*bitrate.Mbps)
	}},
	{name: "connection reset after the write took effect", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1, Applied: true})
		q, err := b.setQueue(b.ctx(), Download, limit(123*bitrate.Mbps))
		if err != nil || q.MaxLimit != 123*bitrate.Mbps {
			b.Fatalf("got %+v, %v", q, err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes: the outcome was not read back before repeating", n)
		}
	}},
	{name: "write that was never answered is read back first", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Command: "set", Times: 1, Applied: true})
		ctx, cancel := context.WithCancel(b.ctx())
		defer cancel()
		go func() {
			b.eventually(func() bool { return b.r.Writes() > 0 })
			cancel()
		}()
		_, err := b.setQueue(ctx, Download, limit(123*bitrate.Mbps))
		b.wantError(err, router.ErrOutcomeUnknown)
		if _, err = b.setQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes, want the first one found to have succeeded", n)
		}
		if _, err = b.setQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil || b.r.Writes() != 2 {
			b.Errorf("a later write was skipped: %v, %d writes", err, b.r.Writes())
		}
	}},
	{name: "answer cut off in the middle", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Cut, Command: "set", Times: 1})
		if _, err := b.setQueue(b.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			b.Fatal(err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes, want 1", n)
		}
	}},
}
