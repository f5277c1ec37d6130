package routeros

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHostNamesInAddressLists(t *testing.T) {
	f := newFixture(t, Config{Quirks: Quirks{ResolvesNames: true}}, `/ip firewall address-list add list=L address=10.0.0.1-10.0.0.3`)
	const path = "/ip/firewall/address-list"
	f.wantColumn(path, "address", "10.0.0.1-10.0.0.3")
	f.must(path, "add", "list=L", "address=example.com")
	f.wantColumn(path, "address", "10.0.0.1-10.0.0.3", "example.com", "192.0.2.4")
	f.wantColumn(path, "dynamic", "false", "false", "true")
	f.wantColumn(path, "comment", "", "", "example.com")
	id := f.column(path, ".id")[2]
	for _, command := range [][]string{{"set", "comment=x"}, {"remove"}} {
		if _, err := f.do(nil, path, command[0], append([]string{".id=" + id}, command[1:]...)...); err == nil || err.Error() != "failure: cannot change dynamic item" {
			t.Errorf("%s of a resolved row: %v", command[0], err)
		}
	}
	before := f.m.WriteSectors()
	f.must(path, "disable", "numbers="+f.column(path, ".id")[1])
	f.wantColumn(path, "address", "10.0.0.1-10.0.0.3", "example.com")
	f.must(path, "enable", "numbers="+f.column(path, ".id")[1])
	f.m.Reboot(false)
	f.wantColumn(path, "dynamic", "false", "false", "true")
	f.must(path, "remove", "numbers="+f.column(path, ".id")[1])
	f.wantColumn(path, "address", "10.0.0.1-10.0.0.3")
	if n := f.m.WriteSectors() - before; n != 3 {
		t.Errorf("%d sectors written, want 3: resolving writes none", n)
	}
}

func TestServices(t *testing.T) {
	f := newFixture(t, Config{}, "")
	f.m.ServiceStarted("api-ssl", 8729)
	ended := f.m.AddConnection("api-ssl", "127.0.0.1:8729", "127.0.0.1:4711")
	running := func() []string { return f.column("/ip/service", "name", "disabled=false") }
	if diff := cmp.Diff([]string{"api-ssl", "api-ssl"}, running()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got := f.column("/ip/service", "remote", "dynamic=true"); !cmp.Equal(got, []string{"127.0.0.1:4711"}) {
		t.Errorf("connections %q", got)
	}
	ended()
	f.must("/ip/service", "set", "numbers=api-ssl", "port=18729", "tls-version=only-1.2")
	f.must("/ip/service", "enable", "numbers=ssh")
	want := map[string]string{".id": f.column("/ip/service", ".id", "name=api-ssl")[0], "name": "api-ssl", "port": "18729", "proto": "tcp", "available-from": "",
		"certificate": "simrouter", "tls-version": "only-1.2", "vrf": "main", "disabled": "false", "invalid": "false", "dynamic": "false", "max-sessions": "20"}
	if got, _ := f.m.Row("/ip/service", "name", "api-ssl"); !cmp.Equal(want, got) {
		t.Errorf("-want +got\n%s", cmp.Diff(want, got))
	}
	if _, err := f.do(nil, "/ip/service", "remove", "numbers=ssh"); err == nil {
		t.Error("a service was removed")
	}

	old := newFixture(t, Config{Version: Version{7, 15, 3}}, "")
	old.m.AddConnection("ssh", "a", "b")()
	if row, ok := old.m.Row("/ip/service", "name", "www"); !ok || row["max-sessions"] != "" || row["certificate"] != "" {
		t.Errorf("before 7.16: %v, %v", row, ok)
	}
}
