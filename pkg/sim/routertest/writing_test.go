package routertest

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

var writing = []test{
	{name: "limit", run: func(f *fixture) {
		q, err := f.setQueue(f.ctx(), Download, limit(480_500*bitrate.Kbps))
		if err != nil || q.Name != Download || q.MaxLimit != 480_500*bitrate.Kbps || q.Type != "cake-down-1" {
			f.Errorf("got %+v, %v", q, err)
		}
		f.wantLimit(Download, 480_500*bitrate.Kbps)
		f.wantLimit(Upload, 40*bitrate.Mbps)
		if c := f.r.Counts(); c.Writes != 1 || c.WriteSectors != 1 {
			f.Errorf("%d writes, %d sectors, want 1 of each", c.Writes, c.WriteSectors)
		}
	}},
	{name: "one round trip a write", run: func(f *fixture) {
		f.warm()
		before := f.r.Requests()
		for i := range 10 {
			if _, err := f.setQueue(f.ctx(), Download, limit(bitrate.Rate(i+1)*bitrate.Mbps)); err != nil {
				f.Fatal(err)
			}
		}
		if n := f.r.Requests() - before; n != 10*f.protocol.requestsPerWrite {
			f.Errorf("%d requests for 10 writes, want %d for each", n, f.protocol.requestsPerWrite)
		}
	}},
	{name: "type and limit together", run: func(f *fixture) {
		set := limit(100 * bitrate.Mbps)
		set.Type = queueType("cake-up-1").Type
		q, err := f.setQueue(f.ctx(), Download, set)
		if err != nil || q.Type != "cake-up-1" || q.MaxLimit != 100*bitrate.Mbps {
			f.Errorf("got %+v, %v", q, err)
		}
		if n := f.r.Writes(); n != 1 {
			f.Errorf("%d writes, want 1", n)
		}
	}},
	{name: "two queues at once", run: func(f *fixture) {
		queues, err := f.setBoth(100*bitrate.Mbps, 10*bitrate.Mbps)
		if err != nil || queues[0].MaxLimit != 100*bitrate.Mbps || queues[1].MaxLimit != 10*bitrate.Mbps {
			f.Errorf("got %+v, %v", queues, err)
		}
		f.wantLimit(Download, 100*bitrate.Mbps)
		f.wantLimit(Upload, 10*bitrate.Mbps)
		if n := f.r.Writes(); n != 2 {
			f.Errorf("%d writes, want 2", n)
		}
	}},
	{name: "two queues, one of them absent", run: func(f *fixture) {
		f.warm()
		_, err := f.c.SetQueues(f.ctx(), router.QueueChange{Name: Upload, QueueSettings: limit(bitrate.Mbps)}, router.QueueChange{Name: "nope", QueueSettings: limit(bitrate.Mbps)})
		f.wantError(err, router.ErrNotFound)
		if f.r.Writes() != 0 {
			f.Error("something was written")
		}
	}},
	{name: "two queues, one of them refused", run: func(f *fixture) {
		bad := limit(100 * bitrate.Mbps)
		bad.Type = queueType("cake-nope").Type
		for _, refused := range []int{0, 1} {
			changes := []router.QueueChange{
				{Name: Download, QueueSettings: limit(bitrate.Rate(77+refused) * bitrate.Mbps)},
				{Name: Upload, QueueSettings: limit(bitrate.Rate(7+refused) * bitrate.Mbps)},
			}
			changes[refused].QueueSettings = bad
			queues, err := f.c.SetQueues(f.ctx(), changes...)
			f.wantError(err, router.ErrInvalid)
			fine := 1 - refused
			if queues[refused].Name != "" || queues[fine].Name != changes[fine].Name || queues[fine].MaxLimit != *changes[fine].MaxLimit {
				f.Errorf("the change of queue %d is refused; got %+v", refused, queues)
			}
			f.wantLimit(changes[fine].Name, *changes[fine].MaxLimit)
		}
	}},
	{name: "limit-at above the limit of one queue", run: func(f *fixture) {
		f.run(`/queue tree set ` + Upload + ` limit-at=30M`)
		_, err := f.setBoth(100*bitrate.Mbps, 10*bitrate.Mbps)
		f.wantError(err, router.ErrInvalid)
		if err == nil || !strings.Contains(err.Error(), "max-limit=10M is below its limit-at=30M") {
			f.Errorf("error does not name limit-at: %v", err)
		}
		f.wantLimit(Download, 100*bitrate.Mbps)
		f.wantLimit(Upload, 40*bitrate.Mbps)
	}},
	{name: "two queues, connection reset before the first took effect", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1})
		if _, err := f.setBoth(100*bitrate.Mbps, 10*bitrate.Mbps); err != nil {
			f.Error(err)
		}
		f.wantLimit(Download, 100*bitrate.Mbps)
		f.wantLimit(Upload, 10*bitrate.Mbps)
	}},
	{name: "two queues, both renumbered", run: func(f *fixture) {
		f.warm()
		if err := f.r.Run(`/queue tree remove ` + Download + `; /queue tree add name=` + Download + ` parent=global; ` +
			`/queue tree remove ` + Upload + `; /queue tree add name=` + Upload + ` parent=global`); err != nil {
			f.Fatal(err)
		}
		if _, err := f.setBoth(100*bitrate.Mbps, 10*bitrate.Mbps); err != nil {
			f.Error(err)
		}
		f.wantLimit(Download, 100*bitrate.Mbps)
		f.wantLimit(Upload, 10*bitrate.Mbps)
	}},
	{name: "slow router that serialises requests", configure: func(c *simrouter.Config) { c.Latency = 30 * time.Millisecond; c.Quirks.SerialiseAll = true }, run: func(f *fixture) {
		poller := f.newClient()
		var wg sync.WaitGroup
		defer wg.Wait()
		ctx, stop := context.WithCancel(f.ctx())
		defer stop()
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, err := poller.Counters(ctx, Download, Upload); err != nil && ctx.Err() == nil {
					f.Errorf("reading: %v", err)
				}
			}
		})
		for i := range 5 {
			want := bitrate.Rate(i+1) * bitrate.Mbps
			if _, err := f.setBoth(want, want); err != nil {
				f.Errorf("writing: %v", err)
			}
			f.wantLimit(Upload, want)
		}
	}},
	{name: "changed by another client", run: func(f *fixture) {
		f.warm()
		if err := f.r.Run(`/queue tree set ` + Download + ` max-limit=77M`); err != nil {
			f.Fatal(err)
		}
		if q, err := f.c.Queue(f.ctx(), Download); err != nil || q.MaxLimit != 77*bitrate.Mbps {
			f.Errorf("read %s, %v; want the other client's value", q.MaxLimit, err)
		}
		if _, err := f.setQueue(f.ctx(), Download, limit(78*bitrate.Mbps)); err != nil {
			f.Error(err)
		}
	}},
	{name: "nothing to set is a read", run: func(f *fixture) {
		q, err := f.setQueue(f.ctx(), Download, router.QueueSettings{})
		if err != nil || q.MaxLimit != 500*bitrate.Mbps || f.r.Writes() != 0 {
			f.Errorf("got %+v, %v with %d writes", q, err, f.r.Writes())
		}
	}},
	{name: "an equal value costs no flash", run: func(f *fixture) {
		for range 3 {
			if _, err := f.setQueue(f.ctx(), Download, limit(500*bitrate.Mbps)); err != nil {
				f.Fatal(err)
			}
		}
		if n := f.r.WriteSectors(); n != 0 {
			f.Errorf("%d sectors written", n)
		}
	}},
	{name: "unknown queue type", run: func(f *fixture) {
		_, err := f.setQueue(f.ctx(), Download, queueType("cake-nope"))
		f.wantError(err, router.ErrInvalid)
	}},
	{name: "absent queue", run: func(f *fixture) {
		_, err := f.setQueue(f.ctx(), "nope", limit(bitrate.Mbps))
		f.wantError(err, router.ErrNotFound)
		if f.r.Writes() != 0 {
			f.Error("something was written")
		}
	}},
	{name: "queue removed and added again", run: func(f *fixture) {
		f.warm()
		if err := f.r.Run(`/queue tree remove ` + Download + `; /queue tree add name=` + Download + ` parent=global`); err != nil {
			f.Fatal(err)
		}
		if _, err := f.setQueue(f.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			f.Fatal(err)
		}
		f.wantLimit(Download, 123*bitrate.Mbps)
	}},
	{name: "queue removed for good", run: func(f *fixture) {
		f.warm()
		if err := f.r.Run(`/queue tree remove ` + Download); err != nil {
			f.Fatal(err)
		}
		_, err := f.setQueue(f.ctx(), Download, limit(123*bitrate.Mbps))
		f.wantError(err, router.ErrNotFound)
	}},
	{name: "ids belong to other queues after a reboot", run: func(f *fixture) {
		f.warm()
		f.r.Reboot(simrouter.Reboot{Renumber: true})
		if _, err := f.setQueue(f.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			f.Fatal(err)
		}
		f.wantLimit(Download, 123*bitrate.Mbps)
		f.wantLimit(Upload, 40*bitrate.Mbps)
	}},
	{name: "success without effect", run: func(f *fixture) {
		f.r.Inject(simrouter.Fault{Kind: simrouter.Ignore, Command: "set"})
		_, err := f.setQueue(f.ctx(), Download, limit(123*bitrate.Mbps))
		f.wantError(err, router.ErrNotApplied)
	}},
	{name: "connection reset before the write took effect", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1})
		if _, err := f.setQueue(f.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			f.Fatal(err)
		}
		f.wantLimit(Download, 123*bitrate.Mbps)
	}},
	{name: "connection reset after the write took effect", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1, Applied: true})
		q, err := f.setQueue(f.ctx(), Download, limit(123*bitrate.Mbps))
		if err != nil || q.MaxLimit != 123*bitrate.Mbps {
			f.Fatalf("got %+v, %v", q, err)
		}
		if n := f.r.Writes(); n != 1 {
			f.Errorf("%d writes: the outcome was not read back before repeating", n)
		}
	}},
	{name: "write that was never answered is read back first", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Stall, Command: "set", Times: 1, Applied: true})
		ctx, cancel := context.WithCancel(f.ctx())
		defer cancel()
		go func() {
			f.eventually(func() bool { return f.r.Writes() > 0 })
			cancel()
		}()
		_, err := f.setQueue(ctx, Download, limit(123*bitrate.Mbps))
		f.wantError(err, router.ErrOutcomeUnknown)
		if _, err = f.setQueue(f.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			f.Fatal(err)
		}
		if n := f.r.Writes(); n != 1 {
			f.Errorf("%d writes, want the first one found to have succeeded", n)
		}
		if _, err = f.setQueue(f.ctx(), Download, limit(123*bitrate.Mbps)); err != nil || f.r.Writes() != 2 {
			f.Errorf("a later write was skipped: %v, %d writes", err, f.r.Writes())
		}
	}},
	{name: "answer cut off in the middle", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Cut, Command: "set", Times: 1})
		if _, err := f.setQueue(f.ctx(), Download, limit(123*bitrate.Mbps)); err != nil {
			f.Fatal(err)
		}
		if n := f.r.Writes(); n != 1 {
			f.Errorf("%d writes, want 1", n)
		}
	}},
}
