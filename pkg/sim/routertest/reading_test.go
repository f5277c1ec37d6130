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
	{name: "info", run: func(f *fixture) {
		got, err := f.c.Info(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		if got.Uptime < 68*time.Hour || got.Uptime > 69*time.Hour {
			f.Errorf("uptime %s, want 68 h", got.Uptime)
		}
		got.Uptime = 0
		want := router.Info{
			Identity: "simrouter", Version: f.r.State().Version().String() + " (stable)", Board: "RB5009UG+S+", Arch: "arm64",
			CPULoad: 3, CPUCount: 4, FreeMemory: 871366656, TotalMemory: 1073741824,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("-want +got\n%s", diff)
		}
	}},
	{name: "queues in the router's order", run: func(f *fixture) {
		got, err := f.c.Queues(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		want := []router.Queue{
			{Name: Download, Parent: "bridge1", Type: "cake-down-1", MaxLimit: 500 * bitrate.Mbps},
			{Name: Upload, Parent: "ether1-wan", Type: "cake-up-1", MaxLimit: 40 * bitrate.Mbps},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("-want +got\n%s", diff)
		}
	}},
	{name: "name is compared exactly", run: func(f *fixture) {
		if err := f.r.Run(`/queue tree add name=WAN-Download-10 parent=global`); err != nil {
			f.Fatal(err)
		}
		q, err := f.c.Queue(f.ctx(), "WAN-Download-10")
		if err != nil || q.Name != "WAN-Download-10" {
			f.Errorf("got %v, %v", q.Name, err)
		}
		_, err = f.c.Queue(f.ctx(), "WAN-Download")
		f.wantError(err, router.ErrNotFound)
	}},
	{name: "absent queue names the nearest", run: func(f *fixture) {
		_, err := f.c.Queue(f.ctx(), "wan-downlaod-1")
		f.wantError(err, router.ErrNotFound)
		if err != nil && !strings.Contains(err.Error(), Download) {
			f.Errorf("error does not name %s: %v", Download, err)
		}
	}},
	{name: "duplicated queue", configure: func(c *simrouter.Config) { c.Quirks.DuplicateQueueNames = true }, run: func(f *fixture) {
		if err := f.r.Run(`/queue tree add name=` + Download + ` parent=global`); err != nil {
			f.Fatal(err)
		}
		_, err := f.c.Queue(f.ctx(), Download)
		f.wantError(err, router.ErrAmbiguous)
		_, err = f.c.Counters(f.ctx(), Download)
		f.wantError(err, router.ErrAmbiguous)
		_, err = f.setQueue(f.ctx(), Download, limit(bitrate.Mbps))
		f.wantError(err, router.ErrAmbiguous)
		if n := f.r.Writes(); n != 0 {
			f.Errorf("%d writes to an ambiguous queue", n)
		}
	}},
	{name: "counters of several queues in one request", configure: func(c *simrouter.Config) { c.Quirks.CountsLeafDrops = true }, run: func(f *fixture) {
		down := router.Counters{Bytes: 272603902153, Packets: 184614358, Dropped: 12, QueuedBytes: 1500, QueuedPackets: 1, Rate: 480 * bitrate.Mbps}
		if err := f.r.SetCounters(Download, down); err != nil {
			f.Fatal(err)
		}
		f.warm()
		before := f.r.Requests()
		got, err := f.c.Counters(f.ctx(), Upload, Download)
		if err != nil {
			f.Fatal(err)
		}
		if diff := cmp.Diff([]router.Counters{{}, down}, got); diff != "" {
			f.Errorf("-want +got\n%s", diff)
		}
		if n := f.r.Requests() - before; n != 1 {
			f.Errorf("took %d requests, want 1", n)
		}
	}},
	{name: "counters in a long queue tree", run: func(f *fixture) {
		var script strings.Builder
		for i := range 200 {
			fmt.Fprintf(&script, "/queue tree add name=q%d parent=global\n", i)
		}
		if err := f.r.Run(script.String()); err != nil {
			f.Fatal(err)
		}
		f.warm()
		before := f.r.Requests()
		for range 3 {
			if _, err := f.c.Counters(f.ctx(), "q199", Download); err != nil {
				f.Fatal(err)
			}
		}
		if n := f.r.Requests() - before; n != 3 {
			f.Errorf("took %d requests, want 3", n)
		}
		_, err := f.c.Counters(f.ctx(), "q200")
		f.wantError(err, router.ErrNotFound)
	}},
	{name: "counters of no queue", run: func(f *fixture) {
		got, err := f.c.Counters(f.ctx())
		if err != nil || len(got) != 0 || f.r.Requests() != 0 {
			f.Errorf("got %v, %v with %d requests", got, err, f.r.Requests())
		}
	}},
	{name: "queue types", run: func(f *fixture) {
		types, err := f.c.QueueTypes(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		for _, q := range types {
			if q.Name == "cake-up-1" {
				if q.Kind != "cake" || q.Default || q.Params["cake-rtt"] != "50ms" || q.Params["cake-nat"] != "true" {
					f.Errorf("got %+v", q)
				}
				return
			}
		}
		f.Errorf("cake-up-1 is not among %v", types)
	}},
	{name: "invalid and disabled queue", run: func(f *fixture) {
		if err := f.r.Run(`/queue tree set ` + Upload + ` disabled=yes; /interface remove ether1-wan`); err != nil {
			f.Fatal(err)
		}
		q, err := f.c.Queue(f.ctx(), Upload)
		if err != nil || !q.Invalid || !q.Disabled {
			f.Errorf("got %+v, %v; want invalid and disabled", q, err)
		}
	}},
	{name: "comment in another encoding", run: func(f *fixture) {
		comment := "Tür \xe4\xf6\xfc \x80, a \"quote\" and \\, \r\n$x;;;\x01\x1f end"
		set := routeros.Command{Path: "/queue/tree", Name: "set", Args: map[string]string{"numbers": Download, "comment": comment}}
		if _, err := f.r.State().Run(nil, set); err != nil {
			f.Fatal(err)
		}
		q, err := f.c.Queue(f.ctx(), Download)
		if err != nil || q.Comment != comment {
			f.Errorf("comment %q, %v\nwant    %q", q.Comment, err, comment)
		}
		if _, err := f.setQueue(f.ctx(), Download, limit(bitrate.Mbps)); err != nil {
			f.Errorf("writing a queue with that comment: %v", err)
		}
	}},
	{name: "odd characters in a name", run: func(f *fixture) {
		for _, name := range []string{"with space", "a+b%20c", "ümläut", `q"uote`, "a=b", "#|", "*1000000"} {
			add := routeros.Command{Path: "/queue/tree", Name: "add", Args: map[string]string{"name": name, "parent": "global"}}
			if _, err := f.r.State().Run(nil, add); err != nil {
				f.Fatal(err)
			}
			if q, err := f.c.Queue(f.ctx(), name); err != nil || q.Name != name {
				f.Errorf("queue %q: got %q, %v", name, q.Name, err)
			}
			if q, err := f.setQueue(f.ctx(), name, limit(bitrate.Mbps)); err != nil || q.Name != name {
				f.Errorf("setting queue %q: got %q, %v", name, q.Name, err)
			}
		}
		f.wantLimit(Download, 500*bitrate.Mbps)
	}},
	{name: "one session for many calls", run: func(f *fixture) {
		for range 50 {
			if _, err := f.c.Counters(f.ctx(), Download, Upload); err != nil {
				f.Fatal(err)
			}
		}
		if c := f.r.Counts(); c.Logins != 1 || c.Connections != 1 {
			f.Errorf("%d logins on %d connections, want 1 of each", c.Logins, c.Connections)
		}
	}},
	{name: "concurrent calls take turns", configure: func(c *simrouter.Config) { c.Latency = 5 * time.Millisecond }, run: func(f *fixture) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if _, err := f.setQueue(f.ctx(), Download, limit(bitrate.Rate(i+1)*bitrate.Mbps)); err != nil {
					f.Errorf("writing: %v", err)
				}
				if _, err := f.c.Counters(f.ctx(), Upload); err != nil {
					f.Errorf("reading: %v", err)
				}
			})
		}
		wg.Wait()
		if c := f.r.Counts(); c.Connections != 1 {
			f.Errorf("%d connections, want 1", c.Connections)
		}
	}},
}
