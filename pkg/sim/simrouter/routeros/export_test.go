package routeros

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const exportScript = `/system identity set name="a b"
/interface add name=ether1 type=ether; /interface add name=bridge1
/queue type add name=cake kind=cake cake-nat=yes cake-rtt=50ms
/queue type set default-small pfifo-limit=20
/queue interface set ether1 queue=cake
/queue tree add name="d \"\$x" parent=bridge1 queue=cake max-limit=500M burst-time=1s comment="T\FCr"
/queue simple add name=s target=bridge1,10.0.0.0/8 max-limit=1M/20500k disabled=yes
/routing table add name=t fib
/ip service set api disabled=no max-sessions=5
/user group add name=g policy=read,write
/user add name=u group=g password=secret
/ip firewall mangle add chain=forward action=mark-packet new-packet-mark=m passthrough=no comment="a; b"
/ip firewall address-list add list=L address=10.0.0.1
/ip firewall address-list add list=L address=10.0.0.2 timeout=1h
/ip route add dst-address=10.0.0.0/8 blackhole
`

const exportedScript = `# 2026-11-23 12:00:00 by RouterOS 7.24.4
/interface
add name=ether1 type=ether
add name=bridge1
/queue type
set default-small pfifo-limit=20
add name=cake kind=cake cake-nat=yes cake-rtt=50ms
/queue tree
add name="d \"\$x" parent=bridge1 queue=cake max-limit=500M burst-time=1s comment="T\FCr"
/queue simple
add name=s target=bridge1,10.0.0.0/8 max-limit=1M/20500k disabled=yes
/queue interface
set ether1 queue=cake
/routing table
add name=t fib
/ip service
set api disabled=no max-sessions=5
/user group
add name=g policy=read,write
/system identity
set name="a b"
/ip firewall mangle
add chain=forward action=mark-packet passthrough=no comment="a; b" new-packet-mark=m
/ip firewall address-list
add list=L address=10.0.0.1
/ip route
add dst-address=10.0.0.0/8 blackhole
`

func (f *fixture) export(line string) string {
	f.Helper()
	x := f.m.Exec(Exec{Line: line})
	if x.Failed {
		f.Fatal(x.Output)
	}
	return strings.ReplaceAll(x.Output, "\r\n", "\n")
}

func TestExport(t *testing.T) {
	f := newFixture(t, Config{}, exportScript)
	got := f.export("/export")
	if diff := cmp.Diff(exportedScript, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	again := newFixture(t, Config{}, got)
	if diff := cmp.Diff(got, again.export("/export compact")); diff != "" {
		t.Errorf("-once +loaded\n%s", diff)
	}
	if got := f.export("/queue export"); !strings.Contains(got, "/queue type\n") || strings.Contains(got, "/ip") {
		t.Errorf("of one menu: %s", got)
	}
}

// TestExportOfRealRouters: what was loaded from a real router loads again, strictly
// but for arguments that have no meaning here.
func TestExportOfRealRouters(t *testing.T) {
	files, err := filepath.Glob("../../../../testdata/routers/*.rsc")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		load := func(src string) *fixture {
			f := newFixture(t, Config{}, "")
			if err := f.m.LoadExport(file, strings.NewReader(src), func(int, string) {}); err != nil {
				t.Fatal(err)
			}
			return f
		}
		first := load(string(src)).export("/export")
		if diff := cmp.Diff(first, load(first).export("/export")); diff != "" {
			t.Errorf("%s: -once +loaded\n%s", file, diff)
		}
	}
}

func TestExportToAFile(t *testing.T) {
	f := newFixture(t, Config{}, exportScript)
	f.export("/export file=backup")
	if got, there := f.m.File("backup.rsc"); !there || !strings.Contains(got, "/queue tree") {
		t.Errorf("the file is %q", got)
	}
	reader := &User{Name: "r", policies: []string{"read"}}
	if x := f.m.Exec(Exec{User: reader, Line: "/export file=x"}); !x.Failed {
		t.Error("a user without the policy ftp wrote a file")
	}
	if x := f.m.Exec(Exec{User: &User{Name: "w", policies: []string{"write"}}, Line: "/export"}); !x.Failed || strings.Contains(x.Output, "cake") {
		t.Errorf("a user who may not read got %s", x.Output)
	}
}
