package routertest

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/remote"
)

// line is a simple queue whose target is the port to the provider.
const line = "Glasfaser 1"

// simple is a test on a router that has the simple queue line and a guest below it.
func simple(name string, run func(*fixture)) test {
	return test{name: name, run: func(f *fixture) {
		f.run(`/queue simple add name="` + line + `" target=ether1-wan max-limit=300M/30M queue=cake-down-1/cake-up-1 comment="the line"
/queue simple add name=guest target=192.168.20.0/24,bridge1 parent="` + line + `" max-limit=10M/20M limit-at=1M/2M burst-limit=12M/25M burst-threshold=8M/16M burst-time=8s/16s packet-marks=guests`)
		if _, err := f.c.SimpleQueue(f.ctx(), "guest"); err != nil {
			f.Fatal(err)
		}
		run(f)
	}}
}

func simpleLimits(a, b bitrate.Rate) router.SimpleSettings {
	return router.SimpleSettings{MaxLimit: [2]*bitrate.Rate{&a, &b}}
}

// wantPair checks the limits of a simple queue on the router itself.
func (f *fixture) wantPair(queue, want string) {
	f.Helper()
	r, _ := f.r.State().Row("/queue/simple", "name", queue)
	if r["max-limit"] != want {
		f.Errorf("router holds max-limit=%s for %s, want %s", r["max-limit"], queue, want)
	}
}

var simpleQueues = []test{
	simple("list", func(f *fixture) {
		got, err := f.c.SimpleQueues(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		want := []router.SimpleQueue{
			{
				Name: line, Target: []string{"ether1-wan"}, Type: [2]string{"cake-down-1", "cake-up-1"},
				MaxLimit: [2]bitrate.Rate{300 * bitrate.Mbps, 30 * bitrate.Mbps}, Comment: "the line",
			},
			{
				Name: "guest", Target: []string{"192.168.20.0/24", "bridge1"}, Parent: line, Type: [2]string{"default-small", "default-small"},
				MaxLimit: [2]bitrate.Rate{10 * bitrate.Mbps, 20 * bitrate.Mbps}, LimitAt: [2]bitrate.Rate{1 * bitrate.Mbps, 2 * bitrate.Mbps},
				BurstLimit: [2]bitrate.Rate{12 * bitrate.Mbps, 25 * bitrate.Mbps}, BurstThreshold: [2]bitrate.Rate{8 * bitrate.Mbps, 16 * bitrate.Mbps},
				BurstTime: [2]time.Duration{8 * time.Second, 16 * time.Second}, PacketMarks: "guests",
			},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			f.Errorf("-want +got\n%s", diff)
		}
	}),
	simple("both limits in one write", func(f *fixture) {
		q, err := f.c.SetSimpleQueue(f.ctx(), line, simpleLimits(250_500*bitrate.Kbps, 25*bitrate.Mbps))
		if err != nil || q.MaxLimit != [2]bitrate.Rate{250_500 * bitrate.Kbps, 25 * bitrate.Mbps} {
			f.Errorf("got %+v, %v", q, err)
		}
		f.wantPair(line, "250500000/25000000")
		f.wantPair("guest", "10000000/20000000")
		if n := f.r.Writes(); n != 1 {
			f.Errorf("%d writes, want 1", n)
		}
	}),
	simple("one side keeps the other", func(f *fixture) {
		f.run(`/queue simple set [find name="` + line + `"] max-limit=300M/33M`)
		f.clock.advance(2 * time.Second) // what was read is old
		up, down := 20*bitrate.Mbps, 200*bitrate.Mbps
		if _, err := f.c.SetSimpleQueue(f.ctx(), line, router.SimpleSettings{MaxLimit: [2]*bitrate.Rate{router.SideA: &down}}); err != nil {
			f.Error(err)
		}
		f.wantPair(line, "200000000/33000000")
		before := f.r.Writes()
		if _, err := f.c.SetSimpleQueue(f.ctx(), line, router.SimpleSettings{MaxLimit: [2]*bitrate.Rate{router.SideB: &up}, Type: [2]*string{router.SideA: new("cake-up-1")}}); err != nil {
			f.Error(err)
		}
		f.wantPair(line, "200000000/20000000")
		q, err := f.c.SimpleQueue(f.ctx(), line)
		if err != nil || q.Type != [2]string{"cake-up-1", "cake-up-1"} {
			f.Errorf("got %+v, %v", q, err)
		}
		if n := f.r.Writes() - before; n != 1 {
			f.Errorf("%d writes, want 1", n)
		}
	}),
	simple("counters of both sides in one request", func(f *fixture) {
		want := [2]router.Counters{
			{Bytes: 272603902153, Packets: 184614358, QueuedBytes: 1500, QueuedPackets: 1, Rate: 480 * bitrate.Mbps},
			{Bytes: 81203902, Packets: 61614, QueuedBytes: 9000, QueuedPackets: 6, Rate: 4 * bitrate.Mbps},
		}
		if err := f.r.SetSimpleCounters(line, want); err != nil {
			f.Fatal(err)
		}
		if _, err := f.c.SimpleCounters(f.ctx(), line); err != nil { // a console may show them only one by one
			f.Fatal(err)
		}
		before := f.r.Requests()
		got, err := f.c.SimpleCounters(f.ctx(), line)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			f.Errorf("%v -want +got\n%s", err, diff)
		}
		if n := f.r.Requests() - before; n != 1 {
			f.Errorf("took %d requests, want 1", n)
		}
	}),
	simple("absent", func(f *fixture) {
		_, err := f.c.SimpleQueue(f.ctx(), Download)
		f.wantError(err, router.ErrNotFound)
		if err != nil && !strings.Contains(err.Error(), "simple queue") {
			f.Errorf("error does not name the kind: %v", err)
		}
		_, err = f.c.SetSimpleQueue(f.ctx(), "nope", simpleLimits(bitrate.Mbps, bitrate.Mbps))
		f.wantError(err, router.ErrNotFound)
		_, err = f.c.SimpleCounters(f.ctx(), "nope")
		f.wantError(err, router.ErrNotFound)
		if n := f.r.Writes(); n != 0 {
			f.Errorf("%d writes", n)
		}
	}),
	simple("limit-at above one side", func(f *fixture) {
		_, err := f.c.SetSimpleQueue(f.ctx(), "guest", simpleLimits(5*bitrate.Mbps, bitrate.Mbps))
		f.wantError(err, router.ErrInvalid)
		for _, part := range []string{"max-limit=1M", "limit-at=2M", `/queue simple set [find name="guest"] limit-at=0`} {
			if err == nil || !strings.Contains(err.Error(), part) {
				f.Errorf("error does not say %q: %v", part, err)
			}
		}
		f.wantPair("guest", "10000000/20000000")
	}),
	simple("names exchanged", func(f *fixture) {
		f.run(`/queue simple set guest name=x; /queue simple set [find name="` + line + `"] name=guest; /queue simple set x name="` + line + `"`)
		if _, err := f.c.SetSimpleQueue(f.ctx(), "guest", simpleLimits(100*bitrate.Mbps, 11*bitrate.Mbps)); err != nil {
			f.Error(err)
		}
		f.wantPair("guest", "100000000/11000000")
		f.wantPair(line, "10000000/20000000")
	}),
	simple("renamed", func(f *fixture) {
		f.run(`/queue simple set guest name=Other`)
		_, err := f.c.SetSimpleQueue(f.ctx(), "guest", simpleLimits(100*bitrate.Mbps, 11*bitrate.Mbps))
		f.wantError(err, router.ErrNotFound)
		f.wantPair("Other", "10000000/20000000")
	}),
	simple("connection reset after the write took effect", func(f *fixture) {
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "set", Times: 1, Applied: true})
		if _, err := f.c.SetSimpleQueue(f.ctx(), line, simpleLimits(100*bitrate.Mbps, 11*bitrate.Mbps)); err != nil {
			f.Error(err)
		}
		f.wantPair(line, "100000000/11000000")
		if n := f.r.Writes(); n != 1 {
			f.Errorf("%d writes: the outcome was not read back before repeating", n)
		}
	}),
	simple("bytes of an interface", func(f *fixture) {
		if err := remote.Do(f.r, "counters ether1-wan rx-byte=5000000000 tx-byte=7"); err != nil {
			f.Fatal(err)
		}
		interfaces, err := f.c.Interfaces(f.ctx())
		want := router.Interface{Name: "ether1-wan", Type: "ether", Running: true, Received: 5000000000, Sent: 7}
		if err != nil || !slices.Contains(interfaces, want) {
			f.Errorf("%+v, %v", interfaces, err)
		}
	}),
	simple("which side is the download", func(f *fixture) {
		routes, err := f.c.DefaultRoutes(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		interfaces, err := f.c.Interfaces(f.ctx())
		if err != nil {
			f.Fatal(err)
		}
		for name, want := range map[string]int{line: router.SideA, "guest": router.SideB} {
			q, err := f.c.SimpleQueue(f.ctx(), name)
			if err != nil {
				f.Fatal(err)
			}
			if side, why, err := q.DownloadSide(routes, interfaces); side != want || err != nil {
				f.Errorf("%s: side %d (%s), %v", name, side, why, err)
			}
		}
	}),
}
