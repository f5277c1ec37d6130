package routeros

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAddressList(t *testing.T) {
	f := newFixture(t, Config{}, "")
	for in, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "10.0.0.2/32": "10.0.0.2", "10.1.2.3/16": "10.1.0.0/16",
		"192.168.0.0-192.168.1.255": "192.168.0.0/23", "192.168.2.1-192.168.2.9": "192.168.2.1-192.168.2.9",
		"example.net": "example.net", "0.0.0.0-255.255.255.255": "0.0.0.0/0",
	} {
		ref := f.must("/ip/firewall/address-list", "add", "list=L", "address="+in).Ret
		row, _ := f.m.Row("/ip/firewall/address-list", ".id", ref)
		res, err := f.do(nil, "/ip/firewall/address-list", "get", ".id="+ref, "value-name=address")
		if err != nil || res.Ret != want {
			t.Errorf("%s became %q, %v; want %q (%v)", in, res.Ret, err, want, row)
		}
	}
	sectors := f.m.WriteSectors()
	ref := f.must("/ip/firewall/address-list", "add", "list=T", "address=10.9.9.9", "timeout=1h").Ret
	f.now = f.now.Add(10 * time.Minute)
	row, _ := f.m.Row("/ip/firewall/address-list", "list", "T")
	want := map[string]string{
		".id": ref, "list": "T", "address": "10.9.9.9", "disabled": "false", "dynamic": "true", "timeout": "50m",
		"creation-time": "2026-11-23 12:00:00",
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if n := f.m.WriteSectors() - sectors; n != 0 {
		t.Errorf("%d sectors for a dynamic row", n)
	}
	f.now = f.now.Add(time.Hour)
	if _, err := f.do(nil, "/ip/firewall/address-list", "set", ".id="+ref, "comment=late"); err == nil {
		t.Error("a row outlived its timeout")
	}
	f.must("/ip/firewall/address-list", "add", "list=T", "address=10.9.9.9", "timeout=1h")
	f.m.Reboot(false)
	if got := f.column("/ip/firewall/address-list", "list", "list=T"); got != nil {
		t.Errorf("dynamic rows survived a reboot: %v", got)
	}
	if n := len(f.column("/ip/firewall/address-list", "list", "dynamic=false")); n != 7 {
		t.Errorf("%d static rows after a reboot, want 7", n)
	}
}

// Setting a timeout starts it anew, also to the value that it had.
func TestTimeoutThatIsSetAgain(t *testing.T) {
	const path = "/ip/firewall/address-list"
	for _, tt := range []struct {
		keeps bool
		want  string
	}{{false, "50m"}, {true, "30m"}} {
		f := newFixture(t, Config{Quirks: Quirks{KeepsTimeout: tt.keeps}}, "")
		ref := f.must(path, "add", "list=T", "address=10.9.9.9", "timeout=1h").Ret
		f.now = f.now.Add(20 * time.Minute)
		f.must(path, "set", ".id="+ref, "timeout=60m")
		f.must(path, "set", ".id="+ref, "comment=x") // starts nothing
		f.now = f.now.Add(10 * time.Minute)
		f.wantColumn(path, "timeout", tt.want)
		f.must(path, "set", ".id="+ref, "timeout=2h")
		f.wantColumn(path, "timeout", "2h")
	}
}

// From 7.16 on each change is a line of /log.
func TestChangesAreLogged(t *testing.T) {
	const path = "/ip/firewall/address-list"
	u := &User{Name: "u", policies: []string{"read", "write"}}
	for _, tt := range []struct {
		version Version
		want    []string
	}{
		{Version{7, 15, 3}, nil},
		{Version{7, 16, 0}, []string{"address list entry changed by u", "address list entry changed by u", "address list entry changed by u"}},
	} {
		f := newFixture(t, Config{Version: tt.version}, "")
		for _, args := range [][]string{{"add", "list=T", "address=10.9.9.9", "timeout=1h"}, {"set", "numbers=*1", "timeout=1h"}, {"print"}, {"remove", "numbers=*1"}} {
			if _, err := f.do(u, path, args[0], args[1:]...); err != nil {
				t.Fatal(args, err)
			}
		}
		f.wantColumn("/log", "message", tt.want...)
	}
}

func TestAddressListIPv6(t *testing.T) {
	f := newFixture(t, Config{}, `/ipv6 firewall address-list add list=L address=2001:db8::1`)
	const path = "/ipv6/firewall/address-list"
	f.must(path, "add", "list=L", "address=2001:db8:1::5/48", "timeout=1h")
	f.wantColumn(path, "address", "2001:db8::1/128", "2001:db8:1::/48")
	f.now = f.now.Add(2 * time.Hour)
	f.wantColumn(path, "address", "2001:db8::1/128")
	f.wantColumn("/ip/firewall/address-list", "address")

	without := newFixture(t, Config{Quirks: Quirks{NoIPv6: true}}, "")
	if _, err := without.do(nil, path, "print"); err == nil || err.Error() != "no such command prefix" {
		t.Errorf("printing a menu that is missing: %v", err)
	}
}
