package owner

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/ha/etcd"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/api"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/ssh"
	"github.com/wanctl/wanctl/pkg/sim/etcdserver"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// from returns a function that dials from an address of the loopback network, as the node of
// that number.
func from(node int) (Dial, string) {
	self := fmt.Sprintf("127.0.0.%d", 11+node)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(self)}}
	return d.DialContext, self
}

func startRouter(t *testing.T, service simrouter.Service, quirks ...string) *simrouter.Router {
	t.Helper()
	cfg := simrouter.Config{Script: strings.Replace(simrouter.DefaultScript(), "/user\n", Rules+"/user\n", 1)}
	if err := cfg.Quirks.Switch(quirks...); err != nil {
		t.Fatal(err)
	}
	r, err := simrouter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if err := r.StartService(t.Context(), service, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return r
}

// client returns a client of the router over one of its services.
func client(r *simrouter.Router, service simrouter.Service, dial Dial) (router.Client, error) {
	host, port := r.HostPortOf(service)
	password := func() string { return "wanctl" }
	switch service {
	case simrouter.WWW:
		return rest.New(rest.Config{Host: host, Port: port, User: "wanctl", Password: password, Plain: true, Dial: dial})
	case simrouter.SSH:
		return ssh.New(ssh.Config{Host: host, Port: port, User: "wanctl", Password: password, Fingerprint: r.SSHFingerprint(), Dial: dial})
	default:
		return api.New(api.Config{Host: host, Port: port, User: "wanctl", Password: password, Plain: true, Dial: dial})
	}
}

func routerClaims(t *testing.T, r *simrouter.Router, service simrouter.Service, node int) RouterClaims {
	t.Helper()
	dial, _ := from(node)
	c, err := NewRouterClaims(dial, func(d Dial) (router.Client, error) { return client(r, service, d) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Router claims over each protocol, and with whatever the router may be like.
func TestRouterClaims(t *testing.T) {
	for _, service := range []simrouter.Service{simrouter.API, simrouter.WWW, simrouter.SSH} {
		t.Run(string(service), func(t *testing.T) {
			testClaims(t, func(t *testing.T) func(node int) Claims {
				r := startRouter(t, service)
				return func(node int) Claims { return routerClaims(t, r, service, node) }
			})
		})
	}
	for _, quirk := range []string{"duplicate-addresses", "keeps-timeout", "late-counters", "no-ipv6", "resolves-names"} {
		t.Run(quirk, func(t *testing.T) {
			testClaims(t, func(t *testing.T) func(node int) Claims {
				r := startRouter(t, simrouter.API, quirk)
				return func(node int) Claims { return routerClaims(t, r, simrouter.API, node) }
			})
		})
	}
}

// Claims in a real etcd.
func TestEtcdClaims(t *testing.T) {
	server := etcdserver.Start(t)
	logs := 0
	testClaims(t, func(t *testing.T) func(node int) Claims {
		r := startRouter(t, simrouter.API)
		logs++
		name := fmt.Sprint("router", logs)
		return func(node int) Claims { return etcdClaims(t, server, r, name, node) }
	})
}

func etcdClaims(t *testing.T, server *etcdserver.Server, r *simrouter.Router, name string, node int) *EtcdClaims {
	t.Helper()
	dial, _ := from(node)
	e := etcd.New(etcd.Config{Endpoints: []string{server.URL}, Prefix: "wanctl", Silence: 2 * time.Second})
	c, err := NewEtcdClaims(e.Log(name), dial, func(d Dial) (router.Client, error) { return client(r, simrouter.API, d) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); e.Close() })
	return c
}

// testClaims is the conformance suite of Claims. start returns a new log, of which the function
// returns the nodes' views.
func testClaims(t *testing.T, start func(t *testing.T) func(node int) Claims) {
	do := func(t *testing.T, c Claims, a ha.Action) ha.Event {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		e, err := c.Do(ctx, a)
		if err != nil {
			t.Fatalf("%+v: %v", a, err)
		}
		return e
	}
	read := func(t *testing.T, c Claims) ha.View {
		t.Helper()
		return do(t, c, ha.Action{Op: ha.Read}).View
	}
	own := func(v ha.View, epoch uint64, kind ha.Kind) ha.Entry {
		return ha.Entry{Epoch: epoch, Kind: kind, Format: ha.Format, Node: "node-" + v.Self, Address: v.Self}
	}

	t.Run("what one appends all read", func(t *testing.T) {
		log := start(t)
		a, b := log(0), log(1)
		v := read(t, a)
		if len(v.Log) > 0 || !v.Guarded || v.Self == "" || v.Self == read(t, b).Self {
			t.Fatalf("%+v", v)
		}
		want := ha.Log{own(v, 1, ha.Claimed), own(v, 2, ha.Running), own(v, 3, ha.Released)}
		want[2].For = "node-b"
		for _, e := range want {
			if got := do(t, a, ha.Action{Op: ha.Append, Entry: e}); got.Outcome != ha.Done {
				t.Fatalf("%+v", got)
			}
		}
		for _, c := range []Claims{a, b} {
			if got := read(t, c).Log; !slices.Equal(got, want) {
				t.Errorf("%+v, want %+v", got, want)
			}
		}
	})
	t.Run("each epoch has one entry", func(t *testing.T) {
		log := start(t)
		nodes := []Claims{log(0), log(1), log(2)}
		for epoch := uint64(1); epoch <= 5; epoch++ {
			type result struct {
				node    int
				outcome ha.Outcome
				err     error
			}
			results := make(chan result)
			for i, c := range nodes {
				go func() {
					e, err := c.Do(t.Context(), ha.Action{Op: ha.Append, Entry: own(ha.View{Self: fmt.Sprintf("127.0.0.%d", 11+i)}, epoch, ha.Claimed)})
					results <- result{i, e.Outcome, err}
				}()
			}
			refused := map[int]bool{}
			for range nodes {
				r := <-results
				if r.err != nil {
					t.Error(r.err)
				}
				refused[r.node] = r.outcome == ha.Refused
			}
			seen := read(t, nodes[0]).Log
			if len(seen) != int(epoch) {
				t.Fatalf("%d entries of epochs up to %d", len(seen), epoch)
			}
			for i, c := range nodes {
				v := read(t, c)
				if !slices.Equal(v.Log, seen) {
					t.Errorf("node %d reads %+v, node 0 %+v", i, v.Log, seen)
				}
				if v.Log.Latest().Address == v.Self && refused[i] {
					t.Errorf("node %d was refused what it has", i)
				}
			}
		}
	})
	t.Run("an old epoch is refused", func(t *testing.T) {
		log := start(t)
		a, b := log(0), log(1)
		v := read(t, a)
		for epoch := range uint64(3) {
			do(t, a, ha.Action{Op: ha.Append, Entry: own(v, epoch+1, ha.Claimed)})
		}
		before := read(t, a).Log
		do(t, b, ha.Action{Op: ha.Append, Entry: own(read(t, b), 2, ha.Running)})
		if after := read(t, a).Log; !slices.Equal(before, after) {
			t.Errorf("%+v became %+v", before, after)
		}
	})
	t.Run("signs of life", func(t *testing.T) {
		log := start(t)
		a, b := log(0), log(1)
		alive := func(before ha.View) bool {
			v := read(t, b)
			return v.Lease == ha.LeaseHeld || v.Beats != before.Beats
		}
		still := func() bool {
			time.Sleep(20 * time.Millisecond)
			before := read(t, b)
			for range 5 {
				read(t, b)
			}
			return !alive(before)
		}
		if !still() {
			t.Error("a sign of life though nobody has marked itself")
		}
		do(t, a, ha.Action{Op: ha.Unmark})
		e := own(read(t, a), 1, ha.Claimed)
		do(t, a, ha.Action{Op: ha.Append, Entry: e})
		do(t, a, ha.Action{Op: ha.Mark, Entry: e})
		do(t, a, ha.Action{Op: ha.Mark, Entry: e})
		before := read(t, b)
		for deadline := time.Now().Add(3 * time.Second); !alive(before); {
			read(t, a)
			if time.Now().After(deadline) {
				t.Fatal("the owner's requests are no sign of life")
			}
		}
		do(t, a, ha.Action{Op: ha.Unmark})
		time.Sleep(5 * time.Millisecond)
		read(t, a)
		if !still() {
			t.Error("a sign of life though the mark was taken back")
		}
	})
	t.Run("a fenced node is not answered", func(t *testing.T) {
		log := start(t)
		a, b := log(0), log(1)
		v := read(t, a)
		for range 2 {
			do(t, b, ha.Action{Op: ha.Fence, Address: v.Self})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		if _, err := a.Do(ctx, ha.Action{Op: ha.Read}); err == nil {
			t.Error("a fenced node was answered")
		}
		if e, err := a.Do(ctx, ha.Action{Op: ha.Append, Entry: own(v, 1, ha.Claimed)}); err == nil || e.Outcome != ha.Failed {
			t.Errorf("%+v, %v", e, err)
		}
		if got := read(t, b).Log; len(got) > 0 {
			t.Errorf("a fenced node has appended %+v", got)
		}
	})
	t.Run("requests to the owner", func(t *testing.T) {
		log := start(t)
		a, b := log(0), log(1)
		do(t, b, ha.Action{Op: ha.Request, Ask: ha.Ask{From: "node-a", To: "node-b"}})
		do(t, b, ha.Action{Op: ha.Request, Ask: ha.Ask{From: "node-a", To: "node-b"}})
		do(t, b, ha.Action{Op: ha.Request, Ask: ha.Ask{From: "node-a", To: "node-c"}})
		if v := read(t, a); v.Ask != (ha.Ask{From: "node-a", To: "node-c"}) || len(v.Log) > 0 {
			t.Errorf("%+v", v)
		}
	})
}

// What somebody else or a newer version has written must not be misread.
func TestEntriesOfOthers(t *testing.T) {
	for _, tt := range []struct {
		address, comment string
		format           int // 0: no entry
	}{
		{address(1), "wanctl/1 running a 192.0.2.10 -", 1},
		{address(70000), "wanctl/1 claimed a 192.0.2.10 b", 1},
		{address(2), "wanctl/2 running a 192.0.2.10 - x", 2},
		{address(2), "wanctl/1 leaning a 192.0.2.10 -", 2},
		{address(2), "wanctl/1 running a", 2},
		{address(2), "", 2},
		{address(2), "wanctl/0 running a 192.0.2.10 -", 2},
		{"192.0.2.7", "wanctl/1 running a 192.0.2.10 -", 0},
		{"198.20.0.1", "", 0},
		{"example.net", "", 0},
		{"2001:db8::1", "", 0},
	} {
		e, ok := entry(router.Address{Address: tt.address, Comment: tt.comment}, 1)
		if ok != (tt.format > 0) || ok && e.Format != tt.format {
			t.Errorf("%s %q: %+v, %v", tt.address, tt.comment, e, ok)
		}
		if ok && address(e.Epoch) != tt.address {
			t.Errorf("epoch %d of %s", e.Epoch, tt.address)
		}
	}
}

// Rules that are absent, disabled or changed are found.
func TestRules(t *testing.T) {
	for _, command := range []string{
		`/ip firewall raw remove [find comment="` + FenceRule + `"]`,
		`/ip firewall raw disable [find comment="` + FenceRule + `"]`,
		`/ip firewall raw set [find comment="` + FenceRule + `"] src-address-list=other`,
		`/ip firewall mangle remove [find comment="` + OwnerRule + `"]`,
		`/ip firewall mangle disable [find comment="` + OwnerRule + `"]`,
		`/ip firewall mangle set [find comment="` + OwnerRule + `"] src-address-list=other`,
	} {
		r := startRouter(t, simrouter.API)
		if err := r.Run(command); err != nil {
			t.Fatal(err)
		}
		e, err := routerClaims(t, r, simrouter.API, 0).Do(t.Context(), ha.Action{Op: ha.Read})
		if err != nil || e.View.Guarded {
			t.Errorf("%s: %+v, %v", command, e.View, err)
		}
	}
}
