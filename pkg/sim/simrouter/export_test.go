package simrouter

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const exports = "../../../testdata/routers/"

// loadExport loads one file of testdata/routers as the export of a real router
// and returns the warnings without their line.
func loadExport(t *testing.T, file string) (*Router, []string) {
	t.Helper()
	src, err := os.ReadFile(exports + file)
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	r, err := New(Config{Script: string(src), ScriptName: file, Warn: func(line int, text string) {
		if line < 1 || line > strings.Count(string(src), "\n") {
			t.Errorf("line %d: %s", line, text)
		}
		warnings = append(warnings, text)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, warnings
}

// TestExportsOfRealRouters: what real routers export loads, with a warning for
// each menu that is not simulated.
func TestExportsOfRealRouters(t *testing.T) {
	type row struct {
		menu, name string
		want       map[string]string
	}
	type expectation struct {
		warnings []string
		rows     []row
	}
	skipped := func(menu string) string { return "menu " + menu + " is not simulated: skipped" }
	tests := map[string]expectation{
		"tree-on-interfaces.rsc": {
			[]string{skipped("/interface/bridge"), skipped("/interface/ethernet")},
			[]row{
				{"/queue/tree", "cable-down", map[string]string{"max-limit": "180000000", "parent": "lan-bridge", "packet-mark": "no-mark", "invalid": "false"}},
				{"/queue/tree", "cable-up", map[string]string{"max-limit": "17000000", "parent": "wan-port", "queue": "home-up", "invalid": "false"}},
				{"/queue/type", "home-up", map[string]string{"cake-nat": "true", "cake-overhead-scheme": "docsis"}},
			},
		},
		"simple-wan-port.rsc": {
			[]string{skipped("/interface/ethernet")},
			[]row{{"/queue/simple", "line", map[string]string{"max-limit": "260000000/24000000", "queue": "line-rx/line-tx", "target": "wan-port", "total-queue": "default"}}},
		},
		"simple-lan.rsc": {nil, []row{
			{"/queue/simple", "house", map[string]string{"max-limit": "15000000/80000000", "target": "192.168.30.0/24,fd00:30::/64", "dst": "sfp1"}},
			{"/queue/type", "vlan-cake", map[string]string{"cake-overhead-scheme": "ethernet,ether-vlan"}},
		}},
		"interface-queue.rsc": {
			[]string{skipped("/interface/ethernet")},
			[]row{{"/queue/type", "uplink-cake", map[string]string{"cake-autorate-ingress": "true"}}},
		},
		"ipv6-marks.rsc": {nil, []row{{"/queue/tree", "upload", map[string]string{"packet-mark": "to-wan"}}}},
		"types-verbose.rsc": {nil, []row{
			{"/queue/type", "pcq-upload-default", map[string]string{"pcq-limit": "50", "pcq-total-limit": "2000", "pcq-classifier": "src-address"}},
			{"/queue/type", "vdsl-up", map[string]string{"cake-bandwidth": "0", "cake-atm": "ptm"}},
			{"/queue/type", "red1", map[string]string{"red-limit": "60"}},
			{"/queue/tree", "vdsl-up", map[string]string{"max-limit": "9500000", "burst-time": "0s", "comment": "VDSL up"}},
		}},
		"types-sizes.rsc": {
			[]string{"queue type fq-codel-ethernet-default is not in this export: taken for a pfifo"},
			[]row{
				{"/queue/type", "rx", map[string]string{"cake-memlimit": "33554432"}},
				{"/queue/type", "other", map[string]string{"fq-codel-memlimit": "16777216"}},
				{"/queue/tree", "up", map[string]string{"parent": "pppoe-out1", "invalid": "false"}},
			},
		},
		"two-wans.rsc": {nil, []row{{"/routing/table", "to-b", map[string]string{"fib": ""}}}},
		"users.rsc": {
			[]string{
				"/ip/service has no reverse-proxy: skipped",
				skipped("/ip/ssh"), skipped("/system/scheduler"),
			},
			[]row{
				{"/user/group", "monitor", map[string]string{"skin": "default"}},
				{"/ip/service", "www-ssl", map[string]string{"address": "192.168.30.0/24", "certificate": "local"}},
				{"/system/script", "nightly", map[string]string{"owner": "admin", "source": ":local n 0\r\n:while ($n < 3) do={ :set n ($n + 1) }\r\n"}},
			},
		},
	}
	tests["whole-v6.rsc"] = expectation{
		[]string{
			skipped("/interface/bridge"), skipped("/interface/ethernet"), skipped("/interface/wireless"), skipped("/interface/pppoe-client"),
			skipped("/interface/wireless/security-profiles"), skipped("/ip/dhcp-client/option"), skipped("/ip/firewall/layer7-protocol"),
			skipped("/ip/route/rule"), skipped("/ip/ssh"), skipped("/ipv6/nd"), skipped("/system/clock"),
			skipped("/system/note"), skipped("/tool/mac-server"), skipped("/tool/netwatch"), skipped("/user/aaa"), skipped("/user/ssh-keys"),
		},
		[]row{
			{"/queue/simple", "Guest WiFi", map[string]string{"burst-time": "8s/8s", "time": "8h-18h,mon,tue", "max-limit": "5000000/10000000"}},
			{"/queue/simple", "child", map[string]string{"parent": "Guest WiFi", "disabled": "true"}},
			{"/queue/type", "default-small", map[string]string{"pfifo-limit": "20"}},
			{"/queue/tree", "Download gesamt", map[string]string{"comment": "T\xfcr", "invalid": "false"}},
			{"/queue/tree", "web", map[string]string{"parent": "Download gesamt", "priority": "3"}},
			{"/ip/service", "api", map[string]string{"address": "192.168.1.0/24,10.0.0.1", "max-sessions": "30"}},
			{"/ip/service", "ssh", map[string]string{"disabled": "true"}},
			{"/user", "ops", map[string]string{"group": "full", "disabled": "false"}},
			{"/system/script", "ddns", map[string]string{"dont-require-permissions": "false"}},
		},
	}
	files, err := filepath.Glob(exports + "*.rsc")
	if err != nil || len(files) != len(tests) {
		t.Fatalf("%d files for %d tests, %v", len(files), len(tests), err)
	}
	for file, tt := range tests {
		t.Run(file, func(t *testing.T) {
			r, warnings := loadExport(t, file)
			if diff := cmp.Diff(tt.warnings, warnings, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("warnings: -want +got\n%s", diff)
			}
			for _, want := range tt.rows {
				row, ok := r.State().Row(want.menu, "name", want.name)
				if !ok {
					t.Errorf("%s has no %s", want.menu, want.name)
				}
				for prop, v := range want.want {
					if row[prop] != v {
						t.Errorf("%s %s: %s=%q, want %q", want.menu, want.name, prop, row[prop], v)
					}
				}
			}
		})
	}
	t.Run("queue of an interface", func(t *testing.T) {
		r, _ := loadExport(t, "interface-queue.rsc")
		if row, _ := r.State().Row("/queue/interface", "interface", "uplink"); row["active-queue"] != "uplink-cake" {
			t.Errorf("row is %v", row)
		}
	})
	t.Run("rules", func(t *testing.T) {
		r, _ := loadExport(t, "two-wans.rsc")
		rule, _ := r.State().Row("/ip/firewall/mangle", "new-connection-mark", "via-b")
		if rule["per-connection-classifier"] != "both-addresses:2/1" || rule["dst-address-type"] != "!local" {
			t.Errorf("rule is %v", rule)
		}
		route, _ := r.State().Row("/ip/route", "routing-table", "to-b")
		if route["suppress-hw-offload"] != "no" {
			t.Errorf("route is %v", route)
		}
		r, _ = loadExport(t, "ipv6-marks.rsc")
		if _, ok := r.State().Row("/ipv6/firewall/mangle", "comment", "upload"); !ok {
			t.Error("no IPv6 rule")
		}
	})
}

// TestExportsStrictly: without Warn, what is not simulated is a mistake.
func TestExportsStrictly(t *testing.T) {
	for file, want := range map[string]string{
		"tree-on-interfaces.rsc": "x:3: bad command name bridge",
		"types-sizes.rsc":        "x:6: input does not match any value of parent",
		"two-wans.rsc":           "x:8: bad parameter connection-rate",
		"users.rsc":              "x:3: bad parameter skin",
	} {
		src, err := os.ReadFile(exports + file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(Config{Script: string(src), ScriptName: "x"})
		var at *ScriptError
		if !errors.As(err, &at) || at.Error() != want {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}

// TestMistakesInExports: wrong values, and syntax, stop an export as well.
func TestMistakesInExports(t *testing.T) {
	for src, want := range map[string]string{
		"/ip pool\nadd name=a\n/queue tree\nadd name=x parent=global max-limit=fast": "x:4: invalid value for argument max-limit",
		"/queue tree\nfrob":                                 "x:2: bad command name frob",
		"/queue tree\nadd name=x parent=global bytes=1":     "x:2: bad parameter bytes",
		"/ip pool add name=\"x":                             "x:1: missing closing quote",
		"/ip pool\n:while (true) do={}":                     "x:2: bad command name while",
		"/queue tree remove nope":                           "x:1: no such item",
		"/ip pool add name=a\nadd name=b\n/queue tree\nadd": "x:4: missing value(s) of argument(s) name",
	} {
		_, err := New(Config{Script: src, ScriptName: "x", Warn: func(int, string) {}})
		var at *ScriptError
		if !errors.As(err, &at) || at.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}
