package routertest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

const forcedList = "FORCE_OUT_ALT"

// entries returns the entries of a list as "address comment".
func (f *fixture) entries(list string) []string {
	f.Helper()
	all, err := f.c.Addresses(f.ctx(), list)
	if err != nil {
		f.Fatal(err)
	}
	var got []string
	for _, a := range all {
		got = append(got, strings.TrimSpace(a.Address+" "+a.Comment))
	}
	return got
}

func (f *fixture) wantEntries(list string, want ...string) {
	f.Helper()
	if diff := cmp.Diff(want, f.entries(list)); diff != "" {
		f.Errorf("list %s, -want +got\n%s", list, diff)
	}
}

var addresses = []test{
	{name: "one list and all", run: func(f *fixture) {
		f.run(`/ip firewall address-list add list=other address=10.0.0.0/8; /ip firewall address-list add list="FORCE_OUT_ALT 2" address=10.1.0.1`)
		f.wantEntries(forcedList, "192.168.88.50 game console")
		f.wantEntries("", "192.168.88.50 game console", "10.0.0.0/8", "10.1.0.1")
		f.wantEntries("nope")
		a, err := f.c.Addresses(f.ctx(), forcedList)
		if err != nil || len(a) != 1 || a[0].Created == "" || a[0].Dynamic || a[0].Timeout != 0 || a[0].List != forcedList {
			f.Errorf("got %+v, %v", a, err)
		}
	}},
	{name: "add, in the router's spelling", run: func(f *fixture) {
		for in, want := range map[string]string{
			"10.0.0.1/32": "10.0.0.1", "10.2.0.0-10.2.255.255": "10.2.0.0/16", "10.3.0.1-10.3.0.9": "10.3.0.1-10.3.0.9",
			"host.example": "host.example",
		} {
			list := "list " + want
			a, err := f.c.AddAddress(f.ctx(), router.Address{List: list, Address: in, Comment: `c "$x"`})
			if err != nil || a.Address != want || a.List != list || a.Comment != `c "$x"` {
				f.Errorf("adding %s: got %+v, %v; want address %s", in, a, err, want)
			}
			f.wantEntries(list, want+` c "$x"`)
		}
	}},
	{name: "add with a timeout", run: func(f *fixture) {
		sectors := f.r.WriteSectors()
		a, err := f.c.AddAddress(f.ctx(), router.Address{List: forcedList, Address: "10.0.0.1", Timeout: time.Hour})
		if err != nil || !a.Dynamic || a.Timeout < 59*time.Minute || a.Timeout > time.Hour {
			f.Errorf("got %+v, %v", a, err)
		}
		if n := f.r.WriteSectors() - sectors; n != 0 {
			f.Errorf("%d sectors written for an entry with a timeout", n)
		}
		f.r.Reboot(simrouter.Reboot{})
		f.wantEntries(forcedList, "192.168.88.50 game console")
	}},
	{name: "add an existing entry", run: func(f *fixture) {
		a, err := f.c.AddAddress(f.ctx(), router.Address{List: forcedList, Address: "192.168.88.50/32", Comment: "other"})
		f.wantError(err, router.ErrExists)
		if a.Comment != "game console" {
			f.Errorf("got %+v, want the existing entry", a)
		}
		if f.r.Writes() != 0 {
			f.Error("something was written")
		}
	}},
	{name: "add an invalid address", run: func(f *fixture) {
		for _, bad := range []string{"", "10.0.0.300", "-x", "a b", "10.0.0.9-10.0.0.1"} {
			_, err := f.c.AddAddress(f.ctx(), router.Address{List: forcedList, Address: bad})
			f.wantError(err, router.ErrInvalid)
		}
		if n := f.r.Requests(); n != 0 {
			f.Errorf("%d requests", n)
		}
	}},
	{name: "connection reset after it was added", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "add", Times: 1, Applied: true})
		if a, err := f.c.AddAddress(f.ctx(), router.Address{List: forcedList, Address: "10.0.0.1"}); err != nil || a.Address != "10.0.0.1" {
			f.Errorf("got %+v, %v", a, err)
		}
		if n := f.r.Writes(); n != 1 {
			f.Errorf("%d writes, want the first one found to have succeeded", n)
		}
	}},
	{name: "remove", run: func(f *fixture) {
		f.run(`/ip firewall address-list add list=other address=192.168.88.50`)
		if err := f.c.RemoveAddress(f.ctx(), forcedList, "192.168.88.50"); err != nil {
			f.Error(err)
		}
		f.wantEntries("", "192.168.88.50")
		f.wantError(f.c.RemoveAddress(f.ctx(), forcedList, "192.168.88.50"), router.ErrNotFound)
		f.wantEntries("other", "192.168.88.50")
	}},
	{name: "connection reset after it was removed", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Reset, Command: "remove", Times: 1, Applied: true})
		if err := f.c.RemoveAddress(f.ctx(), forcedList, "192.168.88.50"); err != nil {
			f.Error(err)
		}
		f.wantEntries(forcedList)
	}},
	{name: "IPv6 has a menu of its own", run: func(f *fixture) {
		for in, want := range map[string]string{
			"2001:DB8::1": "2001:db8::1/128", "2001:db8:1::5/48": "2001:db8:1::/48",
		} {
			a, err := f.c.AddAddress(f.ctx(), router.Address{List: want, Address: in, Comment: "six"})
			if err != nil || a.Address != want || a.List != want || a.Comment != "six" {
				f.Errorf("adding %s: got %+v, %v", in, a, err)
			}
			f.wantEntries(want, want+" six")
			_, err = f.c.AddAddress(f.ctx(), router.Address{List: want, Address: in})
			f.wantError(err, router.ErrExists)
		}
		f.run("/ipv6 firewall address-list add list=" + forcedList + " address=fd00::/8")
		f.wantEntries(forcedList, "192.168.88.50 game console", "fd00::/8")
		if err := f.c.RemoveAddress(f.ctx(), forcedList, "fd00::/8"); err != nil {
			f.Error(err)
		}
		f.wantError(f.c.RemoveAddress(f.ctx(), forcedList, "fd00::/8"), router.ErrNotFound)
		f.wantEntries(forcedList, "192.168.88.50 game console")
	}},
	{name: "no IPv6", configure: func(cfg *simrouter.Config) { cfg.Quirks.NoIPv6 = true }, run: func(f *fixture) {
		f.wantEntries(forcedList, "192.168.88.50 game console")
		requests := f.r.Requests()
		f.wantEntries("", "192.168.88.50 game console")
		if n := f.r.Requests() - requests; n != 1 {
			f.Errorf("%d requests, want the missing menu remembered", n)
		}
		_, err := f.c.AddAddress(f.ctx(), router.Address{List: forcedList, Address: "2001:db8::1"})
		f.wantError(err, router.ErrUnsupported)
		f.wantError(f.c.RemoveAddress(f.ctx(), forcedList, "2001:db8::1"), router.ErrUnsupported)
	}},
	{name: "another client adds it first", run: func(f *fixture) {
		f.warm()
		f.r.Inject(simrouter.Fault{Kind: simrouter.Empty, Command: "print", Path: "/ip/firewall/address-list", Times: 1})
		a, err := f.c.AddAddress(f.ctx(), router.Address{List: forcedList, Address: "192.168.88.50", Comment: "mine"})
		f.wantError(err, router.ErrExists)
		if a.Comment != "game console" {
			f.Errorf("got %+v, want the existing entry", a)
		}
	}},
	{name: "bytes of another encoding, and characters that JSON encoders escape", run: func(f *fixture) {
		const list, comment = "B\xfcro & <Co>", "caf\xe9 \"a\\b\" & <x> \u2028 $y ?z\ttab"
		a, err := f.c.AddAddress(f.ctx(), router.Address{List: list, Address: "10.0.0.1", Comment: comment})
		if err != nil || a.List != list || a.Comment != comment {
			f.Errorf("got %q in %q, %v", a.Comment, a.List, err)
		}
		if r, ok := f.r.State().Row("/ip/firewall/address-list", "list", list); !ok || r["comment"] != comment {
			f.Errorf("the router holds %q", r)
		}
		f.wantEntries(list, "10.0.0.1 "+comment)
		if err := f.c.RemoveAddress(f.ctx(), list, "10.0.0.1"); err != nil {
			f.Error(err)
		}
	}},
	{name: "thousands of entries", run: func(f *fixture) {
		var script strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&script, "/ip firewall address-list add list=block address=10.%d.%d.0/24\n", i/256, i%256)
		}
		f.run(script.String())
		f.wantEntries(forcedList, "192.168.88.50 game console")
		if n := len(f.entries("block")); n != 2000 {
			f.Errorf("%d entries, want 2000", n)
		}
		if err := f.c.RemoveAddress(f.ctx(), "block", "10.7.7.0/24"); err != nil {
			f.Error(err)
		}
		if n := len(f.entries("block")); n != 1999 {
			f.Errorf("%d entries left, want 1999", n)
		}
	}},
}
