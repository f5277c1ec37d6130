package routeros

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/router"
)

// fixture is a router with its own clock.
type fixture struct {
	*testing.T
	m   *Router
	now time.Time
}

func newFixture(t *testing.T, cfg Config, script string) *fixture {
	t.Helper()
	f := &fixture{T: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	cfg.Now = func() time.Time { return f.now }
	f.m = New(cfg)
	f.load(script)
	return f
}

func (f *fixture) load(script string) {
	f.Helper()
	if err := f.m.Load("script", strings.NewReader(script)); err != nil {
		f.Fatal(err)
	}
}

// do runs "PATH COMMAND key=value ..." as a user, with spaces allowed in the
// last value alone.
func (f *fixture) do(u *User, path, command string, args ...string) (Result, error) {
	c := Command{Path: path, Name: command, Args: map[string]string{}}
	for _, a := range args {
		key, value, _ := strings.Cut(a, "=")
		c.Args[key] = value
	}
	return f.m.Run(u, c)
}

func (f *fixture) must(path, command string, args ...string) Result {
	f.Helper()
	res, err := f.do(nil, path, command, args...)
	if err != nil {
		f.Fatalf("%s %s %v: %v", path, command, args, err)
	}
	return res
}

// column prints one property of a menu.
func (f *fixture) column(path, prop string, query ...string) []string {
	f.Helper()
	res, err := f.m.Run(nil, Command{Path: path, Name: "print", Query: query})
	if err != nil {
		f.Fatal(err)
	}
	var values []string
	for _, r := range res.Rows {
		values = append(values, r[prop])
	}
	return values
}

func (f *fixture) wantColumn(path, prop string, want ...string) {
	f.Helper()
	if diff := cmp.Diff(want, f.column(path, prop)); diff != "" {
		f.Errorf("%s of %s: -want +got\n%s", prop, path, diff)
	}
}

const twoQueues = `/interface add name=bridge1
/queue tree
add name=a parent=bridge1 max-limit=500M
add name=b parent=global limit-at=1M max-limit=40M
`

func TestErrors(t *testing.T) {
	f := newFixture(t, Config{}, twoQueues+`
/ip firewall address-list add list=L address=10.0.0.1
/user add name=admin group=full
/ip firewall mangle add chain=prerouting comment=x
`)
	for _, tt := range []struct {
		path, command string
		args          []string
		category      Category
		want          string
	}{
		{"/queue/nope", "print", nil, MissingItem, "no such command prefix"},
		{"/queue/tree", "frobnicate", nil, MissingItem, "no such command or directory (frobnicate)"},
		{"/system/identity", "remove", nil, MissingItem, "no such command or directory (remove)"},
		{"/queue/tree", "move", nil, MissingItem, "no such command or directory (move)"},
		{"/queue/tree", "set", []string{".id=*77", "max-limit=1"}, MissingItem, "no such item"},
		{"/queue/tree", "remove", []string{".id=*1000000,*77"}, MissingItem, "no such item"},
		{"/queue/tree", "set", []string{".id=a", "max-limt=1"}, BadArgument, "unknown parameter max-limt"},
		{"/queue/tree", "set", []string{".id=a", "bytes=0"}, BadArgument, "unknown parameter bytes"},
		{"/queue/tree", "set", []string{"max-limit=1"}, BadArgument, "missing =.id="},
		{"/queue/tree", "add", []string{"name=c"}, BadArgument, "missing =parent="},
		{"/queue/tree", "add", []string{"name=c", "parent=nope"}, BadArgument, "input does not match any value of parent"},
		{"/queue/tree", "set", []string{".id=a", "queue=nope"}, BadArgument, "input does not match any value of queue"},
		{"/queue/tree", "set", []string{".id=a", "max-limit=fast"}, BadArgument, "invalid value for argument max-limit"},
		{"/queue/tree", "set", []string{".id=a", "disabled=maybe"}, BadArgument, "invalid value for argument disabled"},
		{"/queue/tree", "set", []string{".id=a", "priority=9"}, BadArgument, "value of priority is out of range (1 .. 8)"},
		{"/queue/tree", "set", []string{".id=a", "bucket-size=NaN"}, BadArgument, "invalid value for argument bucket-size"},
		{"/queue/tree", "set", []string{".id=b", "max-limit=500k"}, Failure, "failure: max-limit must not be less than limit-at"},
		{"/queue/tree", "add", []string{"name=a", "parent=global"}, Failure, "failure: already have such name"},
		{"/queue/tree", "set", []string{".id=b", "name=a"}, Failure, "failure: already have such name"},
		{"/queue/type", "remove", []string{".id=default-small"}, Failure, "failure: cannot remove default queue type"},
		{"/queue/type", "set", []string{".id=default-small", "name=x"}, Failure, "failure: cannot rename default queue type"},
		{"/queue/tree", "unset", []string{".id=a", "value-name=max-limit"}, Failure, "failure: value cannot be unset"},
		{"/queue/tree", "get", []string{".id=a", "value-name=nope"}, BadArgument, "input does not match any value of value-name"},
		{"/ip/firewall/address-list", "add", []string{"list=L", "address=10.0.0.1/32"}, Failure, "failure: already have such entry"},
		{"/ip/firewall/address-list", "add", []string{"list=L", "address=2001:db8::1"}, BadArgument, "invalid value for argument address"},
		{"/ipv6/firewall/address-list", "add", []string{"list=L", "address=10.0.0.1"}, BadArgument, "invalid value for argument address"},
		{"/ip/firewall/address-list", "add", []string{"list=L", "address=10.0.0"}, BadArgument, "invalid value for argument address"},
		{"/ip/firewall/mangle", "set", []string{".id=*1", "place-before=*1"}, BadArgument, "unknown parameter place-before"},
		{"/user", "add", []string{"name=admin", "group=full"}, Failure, "failure: user with the same name already exists"},
		{"/user", "remove", []string{".id=admin"}, Failure, "failure: last user cannot be removed"},
		{"/user/group", "add", []string{"name=g", "policy=read,fly"}, BadArgument, "input does not match any value of policy"},
		{"/", "execute", nil, BadArgument, "missing =script="},
	} {
		t.Run(tt.command+" "+tt.want, func(t *testing.T) {
			_, err := f.do(nil, tt.path, tt.command, tt.args...)
			var e *Error
			if !errors.As(err, &e) || e.Text != tt.want || e.Category != tt.category {
				t.Errorf("got %#v, want %q in category %d", err, tt.want, tt.category)
			}
		})
	}
	if n := f.m.WriteSectors(); n != 0 {
		t.Errorf("%d flash sectors written by commands that failed", n)
	}
	f.wantColumn("/queue/tree", "name", "a", "b")
}

func TestFlash(t *testing.T) {
	commands := []struct {
		command string
		args    []string
		sectors int
	}{
		{"set", []string{".id=a", "max-limit=400M"}, 1},
		{"set", []string{".id=a", "max-limit=400000k"}, 0},
		{"set", []string{".id=a", "max-limit=400000000", "disabled=no"}, 0},
		{"disable", []string{".id=a,b"}, 2},
		{"disable", []string{"numbers=a"}, 0},
		{"enable", []string{".id=a"}, 1},
		{"set", []string{".id=a", "comment=x"}, 1},
		{"unset", []string{".id=a", "value-name=comment"}, 1},
		{"unset", []string{".id=a", "value-name=comment"}, 0},
		{"reset-counters", []string{".id=a"}, 0},
		{"set", []string{"numbers=", "max-limit=1"}, 0}, // what an empty [find] names
		{"add", []string{"name=c", "parent=a"}, 1},
		{"remove", []string{".id=c"}, 1},
	}
	for _, equal := range []bool{false, true} {
		f := newFixture(t, Config{Quirks: Quirks{EqualWritesFlash: equal}}, twoQueues)
		for _, c := range commands {
			before := f.m.WriteSectors()
			f.must("/queue/tree", c.command, c.args...)
			got := f.m.WriteSectors() - before
			if want := c.sectors; !equal && got != want || equal && got < want {
				t.Errorf("%s %v: %d sectors, want %d (equal values cost: %v)", c.command, c.args, got, want, equal)
			}
		}
		if n := f.m.Writes(); n != len(commands) {
			t.Errorf("%d writes counted, want %d", n, len(commands))
		}
	}
}

func TestQueries(t *testing.T) {
	f := newFixture(t, Config{}, twoQueues+"/queue tree add name=c parent=a disabled=yes comment=\"with space\" max-limit=9M")
	for _, tt := range []struct{ query, want string }{
		{"name=a", "a"}, {"=name=a", "a"}, {"comment", "c"}, {"-comment", "a b"}, {"nope", ""},
		{"comment=with space", "c"}, {"max-limit=500000000", "a"}, {"max-limit=500M", ""},
		{">max-limit=20000000", "a b"}, {"<max-limit=20000000", "c"}, {"<name=b", "a"},
		{"disabled=true", "c"}, {"name=a;name=c;#|", "a c"}, {"name=a;name=b", ""}, {"name=a;#!", "b c"},
		{"disabled=false;max-limit=40000000;#&", "b"}, {"name=a;name=b;name=c;#||", "a b c"},
	} {
		got := strings.Join(f.column("/queue/tree", "name", strings.Split(tt.query, ";")...), " ")
		if got != tt.want {
			t.Errorf("query %s: got %q, want %q", tt.query, got, tt.want)
		}
	}
	if _, err := f.m.Run(nil, Command{Path: "/queue/tree", Name: "print", Query: []string{"name=a", "#|"}}); err == nil {
		t.Error("an operator without operands was accepted")
	}
	if res := f.must("/queue/tree", "find"); res.Ret != strings.Join(f.column("/queue/tree", ".id"), ",") {
		t.Errorf("find = %q", res.Ret)
	}
	if res := f.must("/queue/tree", "get", ".id=c", "value-name=max-limit"); res.Ret != "9000000" {
		t.Errorf("get = %q", res.Ret)
	}
	if res := f.must("/queue/tree", "print", "count-only="); res.Ret != "3" {
		t.Errorf("count-only = %q", res.Ret)
	}
}

func TestRepresentation(t *testing.T) {
	f := newFixture(t, Config{}, twoQueues+`
/queue type add name=cake1 kind=cake cake-rtt=50ms cake-nat=yes
/queue simple add name=s target=10.0.0.0/24 max-limit=10M/30M limit-at=1M burst-time=1m30s
/ip firewall mangle add chain=prerouting action=mark-routing new-routing-mark=x
`)
	for _, tt := range []struct {
		path, name string
		want       map[string]string // "-" is absent
	}{
		{"/queue/tree", "a", map[string]string{"max-limit": "500000000", "disabled": "false", "priority": "8", "comment": "-", ".id": "*1000000"}},
		{"/queue/type", "cake1", map[string]string{"cake-rtt": "50ms", "cake-nat": "true", "cake-diffserv": "diffserv3", "pcq-rate": "-", "cake-bandwidth": "-", ".id": "*A"}},
		{"/queue/type", "pcq-upload-default", map[string]string{".id": "*FFFFFFFA", "pcq-burst-rate": "0", "cake-rtt": "-"}},
		{"/queue/simple", "s", map[string]string{"max-limit": "10000000/30000000", "limit-at": "1000000/1000000", "burst-time": "1m30s/1m30s", "rate": "0/0", "total-bytes": "0"}},
	} {
		row, ok := f.m.Row(tt.path, "name", tt.name)
		if !ok {
			t.Errorf("%s has no %s", tt.path, tt.name)
		}
		for prop, want := range tt.want {
			got, present := row[prop]
			if want == "-" && present || want != "-" && got != want {
				t.Errorf("%s %s: %s=%q (present: %v), want %q", tt.path, tt.name, prop, got, present, want)
			}
		}
	}
	row, _ := f.m.Row("/ip/firewall/mangle", "chain", "prerouting")
	for _, prop := range []string{"src-address", "log", "log-prefix", "disabled"} {
		if _, ok := row[prop]; ok {
			t.Errorf("mangle rule is %v: what was not set must be absent", row)
		}
	}
}

// From 7.23 on, what was never set is absent, and so is most of a disabled route.
func TestAbsentProperties(t *testing.T) {
	const script = `/ip firewall mangle add chain=prerouting comment=bare
/ip firewall filter add chain=forward comment=set log=no disabled=yes
/ip route add dst-address=10.0.0.0/8 blackhole
/ip route add dst-address=10.1.0.0/16 gateway=10.0.0.1 disabled=yes
`
	keys := func(f *fixture, path, prop, value string) []string {
		row, _ := f.m.Row(path, prop, value)
		return slices.Sorted(maps.Keys(row))
	}
	f := newFixture(t, Config{Version: Version{7, 23, 2}}, script)
	for _, tt := range []struct {
		path, prop, value string
		want              []string
	}{
		{"/ip/firewall/mangle", "comment", "bare", []string{".id", "action", "bytes", "chain", "comment", "dynamic", "invalid", "packets"}},
		{"/ip/firewall/filter", "comment", "set", []string{".id", "action", "bytes", "chain", "comment", "disabled", "dynamic", "invalid", "log", "packets"}},
		{"/ip/route", "dst-address", "10.1.0.0/16", []string{".id", "disabled", "dst-address", "gateway", "inactive", "static"}},
	} {
		if diff := cmp.Diff(tt.want, keys(f, tt.path, tt.prop, tt.value)); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.path, diff)
		}
	}
	if row, _ := f.m.Row("/ip/route", "dst-address", "10.0.0.0/8"); !slices.Contains(keys(f, "/ip/route", "dst-address", "10.0.0.0/8"), "blackhole") || row["blackhole"] != "" {
		t.Errorf("blackhole is %q", row["blackhole"])
	}
	sectors := f.m.WriteSectors()
	f.must("/ip/firewall/mangle", "enable", "numbers=*1")
	if n := f.m.WriteSectors() - sectors; n != 0 {
		t.Errorf("enabling an enabled rule costs %d sectors", n)
	}

	f = newFixture(t, Config{Version: Version{7, 22, 1}}, script)
	if row, _ := f.m.Row("/ip/firewall/mangle", "comment", "bare"); row["disabled"] != "false" || row["log"] != "false" {
		t.Errorf("before 7.23: %v", row)
	}
}

func TestInterfaceQueues(t *testing.T) {
	const path = "/queue/interface"
	f := newFixture(t, Config{}, `/interface
add name=ether1 type=ether
add name=bridge
/queue type add name=cake kind=cake
/queue interface set ether1 queue=cake
`)
	f.wantColumn(path, "active-queue", "cake", "no-queue")
	if _, err := f.do(nil, "/queue/type", "remove", "numbers=cake"); err == nil {
		t.Error("the type in use was removed")
	}
	f.must("/interface", "set", "numbers=ether1", "name=wan")
	f.must("/interface", "add", "name=ether2", "type=ether")
	f.wantColumn(path, "interface", "wan", "bridge", "ether2")
	f.wantColumn(path, "queue", "cake", "no-queue", "only-hardware-queue")
	if _, err := f.do(nil, path, "add", "interface=x"); err == nil {
		t.Error("a row was added")
	}
	f.must("/interface", "remove", "numbers=wan")
	f.wantColumn(path, "interface", "bridge", "ether2")
}

func TestIDs(t *testing.T) {
	f := newFixture(t, Config{}, twoQueues)
	first := f.column("/queue/tree", ".id")
	if first[0] == first[1] || first[1] == "*1000001" {
		t.Errorf("ids %v are contiguous", first)
	}
	f.must("/queue/tree", "remove", ".id="+strings.ToLower(first[0]))
	f.must("/queue/tree", "add", "name=a", "parent=global")
	f.wantColumn("/queue/tree", "name", "b", "a")
	if again := f.column("/queue/tree", ".id"); again[1] == first[0] {
		t.Errorf("id %s was used again", first[0])
	}
	before := f.column("/queue/tree", ".id")
	f.m.Reboot(true)
	after := f.column("/queue/tree", ".id")
	if before[0] != after[1] || before[1] != after[0] {
		t.Errorf("ids were %v and are %v after renumbering", before, after)
	}
}

// TestUniqueAfterChanges: rows that were renamed, removed or expired neither
// block their old key nor free their new one.
func TestUniqueAfterChanges(t *testing.T) {
	f := newFixture(t, Config{}, twoQueues)
	taken := func(name string) bool {
		_, err := f.do(nil, "/queue/tree", "add", "name="+name, "parent=global")
		return err != nil
	}
	f.must("/queue/tree", "set", ".id=a", "name=z")
	if !taken("z") || taken("a") {
		t.Error("renaming a queue did not move its name")
	}
	f.must("/queue/tree", "remove", ".id=b")
	if taken("b") || !taken("b") {
		t.Error("removing a queue did not free its name")
	}
	entry := []string{"list=L", "address=10.0.0.1", "timeout=1m"}
	f.must("/ip/firewall/address-list", "add", entry...)
	if _, err := f.do(nil, "/ip/firewall/address-list", "add", entry...); err == nil {
		t.Error("an entry was added twice")
	}
	f.now = f.now.Add(time.Hour)
	f.must("/ip/firewall/address-list", "add", entry...)
	f.m.Reboot(false)
	f.must("/ip/firewall/address-list", "add", entry...)
}

func TestOrder(t *testing.T) {
	f := newFixture(t, Config{}, `/ip firewall mangle
add chain=c comment=1
add chain=c comment=2
add chain=c comment=3
`)
	ids := f.column("/ip/firewall/mangle", ".id")
	f.must("/ip/firewall/mangle", "add", "chain=c", "comment=0", "place-before="+ids[0])
	f.wantColumn("/ip/firewall/mangle", "comment", "0", "1", "2", "3")
	before := f.m.WriteSectors()
	f.must("/ip/firewall/mangle", "move", "numbers="+ids[2], "destination="+ids[0])
	f.wantColumn("/ip/firewall/mangle", "comment", "0", "3", "1", "2")
	f.must("/ip/firewall/mangle", "move", "numbers="+ids[2], "destination="+ids[0]) // where it is already
	f.must("/ip/firewall/mangle", "move", "numbers="+ids[0])
	f.wantColumn("/ip/firewall/mangle", "comment", "0", "3", "2", "1")
	if n := f.m.WriteSectors() - before; n != 2 {
		t.Errorf("%d sectors for two real moves", n)
	}
}

func TestReboot(t *testing.T) {
	f := newFixture(t, Config{}, twoQueues)
	if err := f.m.SetCounters("a", router.Counters{Bytes: 5, QueuedBytes: 1}); err != nil {
		t.Fatal(err)
	}
	f.must("/queue/tree", "set", ".id=a", "max-limit=1M")
	f.m.Log("test", "before")
	f.m.Reboot(false)
	f.now = f.now.Add(90 * time.Second)
	row, _ := f.m.Row("/queue/tree", "name", "a")
	if row["bytes"] != "0" || row["queued-bytes"] != "0" || row["max-limit"] != "1000000" {
		t.Errorf("after the reboot: %v", row)
	}
	res := f.must("/system/resource", "print").Rows[0]
	if res["uptime"] != "1m30s" || res["write-sect-since-reboot"] != "0" || res["write-sect-total"] != fmt.Sprint(sectorsBefore+1) {
		t.Errorf("after the reboot: %v", res)
	}
	f.wantColumn("/log", "message", "router rebooted")
}

func TestVersions(t *testing.T) {
	for _, tt := range []struct {
		version Version
		stamp   string
	}{
		{Version{7, 9, 0}, "nov/23/2026 12:00:00"},
		{Version{7, 12, 2}, "2026-11-23 12:00:00"},
	} {
		f := newFixture(t, Config{Version: tt.version}, "")
		f.m.Log("x", "y")
		f.wantColumn("/log", "time", tt.stamp)
		if v := f.must("/system/resource", "print").Rows[0]["version"]; v != tt.version.String()+" (stable)" {
			t.Errorf("version %q", v)
		}
	}
	for _, s := range []string{"7", "7.x", "7.1.2.3", "", "-7.1"} {
		if v, err := ParseVersion(s); err == nil {
			t.Errorf("ParseVersion(%q) = %v", s, v)
		}
	}
}

func TestLogIsBounded(t *testing.T) {
	f := newFixture(t, Config{}, "")
	for i := range maxLog + 10 {
		f.m.Log("x", fmt.Sprint(i))
	}
	log := f.column("/log", "message")
	if len(log) != maxLog || log[0] != "10" {
		t.Errorf("%d lines from %s on", len(log), log[0])
	}
}

func TestRoutingRules(t *testing.T) {
	f := newFixture(t, Config{}, "/routing table add name=w fib\n/interface add name=vlan20")
	for _, line := range []string{
		`/routing rule add src-address=10.0.0.9/32 action=lookup min-prefix=0 table=main comment=a`,
		`/routing rule add interface=vlan20 action=lookup-only-in-table table=w`,
		`/ipv6 route add gateway=fe80::1%vlan20 routing-table=w`,
	} {
		if out := f.exec(line); out != "" {
			t.Errorf("%s: %s", line, out)
		}
	}
	if got, want := f.exec(`:put [/ipv6 route get [find routing-table=w] dst-address]; :put [/routing rule get [find comment=a] min-prefix]`), "::/0\n0\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for line, want := range map[string]string{
		`/routing rule add table=nope`:     "input does not match any value of table",
		`/routing rule add interface=nope`: "input does not match any value of interface",
		`/routing rule add action=go`:      "input does not match any value of action",
	} {
		if got := f.exec(line); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
