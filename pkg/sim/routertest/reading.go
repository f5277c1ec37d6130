package routertest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

var reading = []test{
	{name: "info", run: func(b *bench) {
		got, err := b.c.Info(b.ctx())
		if err != nil {
			b.Fatal(err)
		}
		if got.Uptime < 68*time.Hour || got.Uptime > 69*time.Hour {
			b.Errorf("uptime %s, want 68 h", got.Uptime)
		}
		got.Uptime = 0
		want := router.Info{
			Identity: "simrouter", Version: b.r.State().Version().String() + " (stable)", Board: "RB5009UG+S+", Arch: "arm64",
			CPULoad: 3, CPUCount: 4, FreeMemory: 871366656, TotalMemory: 1073741824,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			b.Errorf("-want +got\n%s", diff)
		}
	}},
	{name: "queues in the router's order", run: func(b *bench) {
		got, err := b.c.Queues(b.ctx())
		if err != nil {
			b.Fatal(err)
		}
		want := []router.Queue{
			{Name: Download, Parent: "bridge1", Type: "cake-down-1", MaxLimit: 500 * bitrate.Mbps},
			{Name: Upload, Parent: "ether1-wan", Type: "cake-up-1", MaxLimit: 40 * bitrate.Mbps},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			b.Errorf("-want +got\n%s", diff)
		}
	}},
	{name: "name is compared exactly", run: func(b *bench) {
		if err := b.r.Run(`/queue tree add name=WAN-Download-10 parent=global`); err != nil {
			b.Fatal(err)
		}
		q, err := b.c.Queue(b.ctx(), "WAN-Download-10")
		if err != nil || q.Name != "WAN-Download-10" {
			b.Errorf("got %v, %v", q.Name, err)
		}
		_, err = b.c.Queue(b.ctx(), "WAN-Download")
		b.wantError(err, router.ErrNotFound)
	}},
	{name: "absent queue names the nearest", run: func(b *bench) {
		_, err := b.c.Queue(b.ctx(), "wan-downlaod-1")
		b.wantError(err, router.ErrNotFound)
		if err != nil && !strings.Contains(err.Error(), Download) {
			b.Errorf("error does not name %s: %v", Download, err)
		}
	}},
	{name: "duplicated queue", router: func(c *simrouter.Config) { c.Quirks.DuplicateQueueNames = true }, run: func(b *bench) {
		if err := b.r.Run(`/queue tree add name=` + Download + ` parent=global`); err != nil {
			b.Fatal(err)
		}
		_, err := b.c.Queue(b.ctx(), Download)
		b.wantError(err, router.ErrAmbiguous)
		_, err = b.c.Counters(b.ctx(), Download)
		b.wantError(err, router.ErrAmbiguous)
		_, err = b.setQueue(b.ctx(), Download, limit(bitrate.Mbps))
		b.wantError(err, router.ErrAmbiguous)
		if n := b.r.Writes(); n != 0 {
			b.Errorf("%d writes to an ambiguous queue", n)
		}
	}},
	{name: "counters of several queues in one request", run: func(b *bench) {
		down := router.Counters{Bytes: 272603902153, Packets: 184614358, Dropped: 12, QueuedBytes: 1500, QueuedPackets: 1, Rate: 480 * bitrate.Mbps}
		if err := b.r.SetCounters(Download, down); err != nil {
			b.Fatal(err)
		}
		b.warm()
		before := b.r.Requests()
		got, err := b.c.Counters(b.ctx(), Upload, Download)
		if err != nil {
			b.Fatal(err)
		}
		if diff := cmp.Diff([]router.Counters{{}, down}, got); diff != "" {
			b.Errorf("-want +got\n%s", diff)
		}
		if n := b.r.Requests() - before; n != 1 {
			b.Errorf("took %d requests, want 1", n)
		}
	}},
	{name: "counters in a long queue tree", run: func(b *bench) {
		var script strings.Builder
		for i := range 200 {
			fmt.Fprintf(&script, "/queue tree add name=q%d parent=global\n", i)
		}
		if err := b.r.Run(script.String()); err != nil {
			b.Fatal(err)
		}
		b.warm()
		before := b.r.Requests()
		for range 3 {
			if _, err := b.c.Counters(b.ctx(), "q199", Download); err != nil {
				b.Fatal(err)
			}
		}
		if n := b.r.Requests() - before; n != 3 {
			b.Errorf("took %d requests, want 3", n)
		}
		_, err := b.c.Counters(b.ctx(), "q200")
		b.wantError(err, router.ErrNotFound)
	}},
	{name: "counters of no queue", run: func(b *bench) {
		got, err := b.c.Counters(b.ctx())
		if err != nil || len(got) != 0 || b.r.Requests() != 0 {
			b.Errorf("got %v, %v with %d requests", got, err, b.r.Requests())
		}
	}},
	{name: "queue types", run: func(b *bench) {
		types, err := b.c.QueueTypes(b.ctx())
		if err != nil {
			b.Fatal(err)
		}
		for _, q := range types {
			if q.Name == "cake-up-1" {
				if q.Kind != "cake" || q.Default || q.Params["cake-rtt"] != "50ms" || q.Params["cake-nat"] != "true" {
					b.Errorf("got %+v", q)
				}
				return
			}
		}
		b.Errorf("cake-up-1 is not among %v", types)
	}},
	{name: "invalid and disabled queue", run: func(b *bench) {
		if err := b.r.Run(`/queue tree set ` + Upload + ` disabled=yes; /interface remove ether1-wan`); err != nil {
			b.Fatal(err)
		}
		q, err := b.c.Queue(b.ctx(), Upload)
		if err != nil || !q.Invalid || !q.Disabled {
			b.Errorf("got %+v, %v; want invalid and disabled", q, err)
		}
	}},
	{name: "comment in another encoding", run: func(b *bench) {
		comment := "Tür \xe4\xf6\xfc \x80, a \"quote\" and \\, \r\n$x;;;\x01\x1f end"
		set := routeros.Command{Path: "/queue/tree", Name: "set", Args: map[string]string{"numbers": Download, "comment": comment}}
		if _, err := b.r.State().Run(nil, set); err != nil {
			b.Fatal(err)
		}
		q, err := b.c.Queue(b.ctx(), Download)
		if err != nil || q.Comment != comment {
			b.Errorf("comment %q, %v\nwant    %q", q.Comment, err, comment)
		}
		if _, err := b.setQueue(b.ctx(), Download, limit(bitrate.Mbps)); err != nil {
			b.Errorf("writing a queue with that comment: %v", err)
		}
	}},
	{name: "odd characters in a name", run: func(b *bench) {
		for _, name := range []string{"with space", "a+b%20c", "ümläut", `q"uote`, "a=b", "#|", "*1000000"} {
			add := routeros.Command{Path: "/queue/tree", Name: "add", Args: map[string]string{"name": name, "parent": "global"}}
			if _, err := b.r.State().Run(nil, add); err != nil {
				b.Fatal(err)
			}
			if q, err := b.c.Queue(b.ctx(), name); err != nil || q.Name != name {
				b.Errorf("queue %q: got %q, %v", name, q.Name, err)
			}
			if q, err := b.setQueue(b.ctx(), name, limit(bitrate.Mbps)); err != nil || q.Name != name {
				b.Errorf("setting queue %q: got %q, %v", name, q.Name, err)
			}
		}
		b.wantLimit(Download, 500*bitrate.Mbps)
	}},
	{name: "one session for many calls", run: func(b *bench) {
		for range 50 {
			if _, err := b.c.Counters(b.ctx(), Download, Upload); err != nil {
				b.Fatal(err)
			}
		}
		if c := b.r.Counts(); c.Logins != 1 || c.Connections != 1 {
			b.Errorf("%d logins on %d connections, want 1 of each", c.Logins, c.Connections)
		}
	}},
	{name: "concurrent calls take turns", router: func(c *simrouter.Config) { c.Latency = 5 * time.Millisecond }, run: func(b *bench) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if _, err := b.setQueue(b.ctx(), Download, limit(bitrate.Rate(i+1)*bitrate.Mbps)); err != nil {
					b.Errorf("writing: %v", err)
				}
				if _, err := b.c.Counters(b.ctx(), Upload); err != nil {
					b.Errorf("reading: %v", err)
				}
			})
		}
		wg.Wait()
		if c := b.r.Counts(); c.Connections != 1 {
			b.Errorf("%d connections, want 1", c.Connections)
		}
	}},
}
