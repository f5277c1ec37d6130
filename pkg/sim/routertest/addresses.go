package routertest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

const forced = "FORCE_OUT_ALT"

// entries lists a list as "address comment".
func (b *bench) entries(list string) []string {
	b.Helper()
	all, err := b.c.Addresses(b.ctx(), list)
	if err != nil {
		b.Fatal(err)
	}
	var got []string
	for _, a := range all {
		got = append(got, strings.TrimSpace(a.Address+" "+a.Comment))
	}
	return got
}

func (b *bench) wantEntries(list string, want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, b.entries(list)); diff != "" {
		b.Errorf("list %s, -want +got\n%s", list, diff)
	}
}

var addresses = []test{
	{name: "one list and all", run: func(b *bench) {
		b.run(`/ip firewall address-list add list=other address=10.0.0.0/8; /ip firewall address-list add list="FORCE_OUT_ALT 2" address=10.1.0.1`)
		b.wantEntries(forced, "192.168.88.50 game console")
		b.wantEntries("", "192.168.88.50 game console", "10.0.0.0/8", "10.1.0.1")
		b.wantEntries("nope")
		a, err := b.c.Addresses(b.ctx(), forced)
		if err != nil || len(a) != 1 || a[0].Created == "" || a[0].Dynamic || a[0].Timeout != 0 || a[0].List != forced {
			b.Errorf("got %+v, %v", a, err)
		}
	}},
	{name: "add, in the router's spelling", run: func(b *bench) {
		for in, want := range map[string]string{
			"10.0.0.1/32": "10.0.0.1", "10.2.0.0-10.2.255.255": "10.2.0.0/16", "10.3.0.1-10.3.0.9": "10.3.0.1-10.3.0.9",
			"host.example": "host.example",
		} {
			list := "list " + want
			a, err := b.c.AddAddress(b.ctx(), router.Address{List: list, Address: in, Comment: `c "$x"`})
			if err != nil || a.Address != want || a.List != list || a.Comment != `c "$x"` {
				b.Errorf("adding %s: got %+v, %v; want address %s", in, a, err, want)
			}
			b.wantEntries(list, want+` c "$x"`)
		}
	}},
	{name: "add with a timeout", run: func(b *bench) {
		sectors := b.r.WriteSectors()
		a, err := b.c.AddAddress(b.ctx(), router.Address{List: forced, Address: "10.0.0.1", Timeout: time.Hour})
		if err != nil || !a.Dynamic || a.Timeout < 59*time.Minute || a.Timeout > time.Hour {
			b.Errorf("got %+v, %v", a, err)
		}
		if n := b.r.WriteSectors() - sectors; n != 0 {
			b.Errorf("%d sectors written for an entry with a timeout", n)
		}
		b.r.Reboot(simrouter.Reboot{})
		b.wantEntries(forced, "192.168.88.50 game console")
	}},
	{name: "add what is there", run: func(b *bench) {
		a, err := b.c.AddAddress(b.ctx(), router.Address{List: forced, Address: "192.168.88.50/32", Comment: "other"})
		b.wantError(err, router.ErrExists)
		if a.Comment != "game console" {
			b.Errorf("got %+v, want the entry that is there", a)
		}
		if b.r.Writes() != 0 {
			b.Error("something was written")
		}
	}},
	{name: "add what is no address", run: func(b *bench) {
		for _, bad := range []string{"", "10.0.0.300", "-x", "a b", "10.0.0.9-10.0.0.1"} {
			_, err := b.c.AddAddress(b.ctx(), router.Address{List: forced, Address: bad})
			b.wantError(err, router.ErrInvalid)
		}
		if n := b.r.Requests(); n != 0 {
			b.Errorf("%d requests", n)
		}
	}},
	{name: "connection reset after it was added", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "add", Times: 1, Applied: true})
		if a, err := b.c.AddAddress(b.ctx(), router.Address{List: forced, Address: "10.0.0.1"}); err != nil || a.Address != "10.0.0.1" {
			b.Errorf("got %+v, %v", a, err)
		}
		if n := b.r.Writes(); n != 1 {
			b.Errorf("%d writes, want the first one found to have succeeded", n)
		}
	}},
	{name: "remove", run: func(b *bench) {
		b.run(`/ip firewall address-list add list=other address=192.168.88.50`)
		if err := b.c.RemoveAddress(b.ctx(), forced, "192.168.88.50"); err != nil {
			b.Error(err)
		}
		b.wantEntries("", "192.168.88.50")
		b.wantError(b.c.RemoveAddress(b.ctx(), forced, "192.168.88.50"), router.ErrNotFound)
		b.wantEntries("other", "192.168.88.50")
	}},
	{name: "connection reset after it was removed", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "remove", Times: 1, Applied: true})
		if err := b.c.RemoveAddress(b.ctx(), forced, "192.168.88.50"); err != nil {
			b.Error(err)
		}
		b.wantEntries(forced)
	}},
	{name: "IPv6 has a menu of its own", run: func(b *bench) {
		for in, want := range map[string]string{
			"2001:DB8::1": "2001:db8::1/128", "2001:db8:1::5/48": "2001:db8:1::/48",
		} {
			a, err := b.c.AddAddress(b.ctx(), router.Address{List: want, Address: in, Comment: "six"})
			if err != nil || a.Address != want || a.List != want || a.Comment != "six" {
				b.Errorf("adding %s: got %+v, %v", in, a, err)
			}
			b.wantEntries(want, want+" six")
			_, err = b.c.AddAddress(b.ctx(), router.Address{List: want, Address: in})
			b.wantError(err, router.ErrExists)
		}
		b.run("/ipv6 firewall address-list add list=" + forced + " address=fd00::/8")
		b.wantEntries(forced, "192.168.88.50 game console", "fd00::/8")
		if err := b.c.RemoveAddress(b.ctx(), forced, "fd00::/8"); err != nil {
			b.Error(err)
		}
		b.wantError(b.c.RemoveAddress(b.ctx(), forced, "fd00::/8"), router.ErrNotFound)
		b.wantEntries(forced, "192.168.88.50 game console")
	}},
	{name: "no IPv6", router: func(cfg *simrouter.Config) { cfg.Quirks.NoIPv6 = true }, run: func(b *bench) {
		b.wantEntries(forced, "192.168.88.50 game console")
		requests := b.r.Requests()
		b.wantEntries("", "192.168.88.50 game console")
		if n := b.r.Requests() - requests; n != 1 {
			b.Errorf("%d requests, want the missing menu remembered", n)
		}
		_, err := b.c.AddAddress(b.ctx(), router.Address{List: forced, Address: "2001:db8::1"})
		b.wantError(err, router.ErrUnsupported)
		b.wantError(b.c.RemoveAddress(b.ctx(), forced, "2001:db8::1"), router.ErrUnsupported)
	}},
	{name: "somebody else adds it first", run: func(b *bench) {
		b.warm()
		b.r.Inject(simrouter.Fault{Kind: simrouter.Empty, Command: "print", Path: "/ip/firewall/address-list", Times: 1})
		a, err := b.c.AddAddress(b.ctx(), router.Address{List: forced, Address: "192.168.88.50", Comment: "mine"})
		b.wantError(err, router.ErrExists)
		if a.Comment != "game console" {
			b.Errorf("got %+v, want the entry that is there", a)
		}
	}},
	{name: "bytes of another encoding, and signs that JSON writers like to escape", run: func(b *bench) {
		const list, comment = "B\xfcro & <Co>", "caf\xe9 \"a\\b\" & <x> \u2028 $y ?z\ttab"
		a, err := b.c.AddAddress(b.ctx(), router.Address{List: list, Address: "10.0.0.1", Comment: comment})
		if err != nil || a.List != list || a.Comment != comment {
			b.Errorf("got %q in %q, %v", a.Comment, a.List, err)
		}
		if r, ok := b.r.State().Row("/ip/firewall/address-list", "list", list); !ok || r["comment"] != comment {
			b.Errorf("the router holds %q", r)
		}
		b.wantEntries(list, "10.0.0.1 "+comment)
		if err := b.c.RemoveAddress(b.ctx(), list, "10.0.0.1"); err != nil {
			b.Error(err)
		}
	}},
	{name: "thousands of entries", run: func(b *bench) {
		var script strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&script, "/ip firewall address-list add list=block address=10.%d.%d.0/24\n", i/256, i%256)
		}
		b.run(script.String())
		b.wantEntries(forced, "192.168.88.50 game console")
		if n := len(b.entries("block")); n != 2000 {
			b.Errorf("%d entries, want 2000", n)
		}
		if err := b.c.RemoveAddress(b.ctx(), "block", "10.7.7.0/24"); err != nil {
			b.Error(err)
		}
		if n := len(b.entries("block")); n != 1999 {
			b.Errorf("%d entries left, want 1999", n)
		}
	}},
}
