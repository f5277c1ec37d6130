package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/config/schema"
)

// minimal holds the required keys and nothing else.
const minimal = `wan_name: spectrum
router:
  host: 192.168.88.1
  user: wanctl
  password: hunter2
queues:
  download: WAN-Download
  upload: WAN-Upload
continuous_monitoring:
  baseline_rtt_initial: 24
  download:
    ceiling_mbps: 940
    floor_mbps: 200
  upload:
    ceiling_mbps: 38
    floor_mbps: 8
`

// edit applies line-wise changes to minimal: "old" => "new"; new may have
// several lines. An old that does not occur fails the test.
func edit(t *testing.T, changes ...string) string {
	t.Helper()
	text := minimal
	for i := 0; i < len(changes); i += 2 {
		if strings.Count(text, changes[i]) == 0 {
			t.Fatalf("no %q to change", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return text
}

func environment(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := pairs[name]
		return v, ok
	}
}

// load parses text and returns its problems and warnings as lines.
func load(text string, opts Options) (wan *WAN, problems, warnings []string) {
	opts.Secrets = "/not/there/secrets" // this host may have a wanctl in use
	wan, warned, err := Parse(strings.NewReader(text), "f", opts)
	var invalid *Error
	if errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			problems = append(problems, p.String())
		}
	}
	for _, p := range warned {
		warnings = append(warnings, p.String())
	}
	return wan, problems, warnings
}

func TestDefaults(t *testing.T) {
	wan, problems, warnings := load(minimal, Options{})
	if problems != nil || warnings != nil {
		t.Fatalf("problems %q, warnings %q", problems, warnings)
	}
	floors := func(ceiling, floor bitrate.Rate) Direction {
		return Direction{Ceiling: ceiling, FloorGreen: floor, FloorYellow: floor, FloorSoftRed: floor, FloorRed: floor}
	}
	want := &WAN{
		Base: Base{
			Path: "f",
			Name: "spectrum",
			Router: Router{Transport: REST, Host: "192.168.88.1", User: "wanctl",
				Password: NewSecret("hunter2"), Port: 443, TLS: true},
			Logging:   Logging{Main: "/var/log/wanctl/spectrum.log"},
			LockFile:  "/run/wanctl/spectrum.lock",
			StateFile: "/var/lib/wanctl/spectrum_state.json",
			Timeouts:  Timeouts{Command: 15 * time.Second, Ping: time.Second},
			Health:    Endpoint{Enabled: true, Host: "127.0.0.1", Port: 9101},
			Metrics:   Endpoint{Host: "127.0.0.1", Port: 9100},
			Notify:    notifyDefaults,
		},
		Queues:          Queues{Download: "WAN-Download", Upload: "WAN-Upload"},
		Enabled:         true,
		BaselineInitial: 24 * time.Millisecond,
		Interval:        50 * time.Millisecond,
		Download:        floors(940*bitrate.Mbps, 200*bitrate.Mbps),
		Upload:          floors(38*bitrate.Mbps, 8*bitrate.Mbps),
		Thresholds: Thresholds{
			TargetBloat: 15 * time.Millisecond, WarnBloat: 45 * time.Millisecond, HardRedBloat: 80 * time.Millisecond,
			LoadTimeConstant: 250 * time.Millisecond,
			BaselineMin:      time.Millisecond, BaselineMax: 500 * time.Millisecond,
		},
		PingHosts:     []string{"1.1.1.1", "8.8.8.8", "9.9.9.9", "208.67.222.222", "94.140.14.14", "64.6.64.6", "185.228.168.9"},
		MetricsDetail: FullMetrics,
		Fallback: Fallback{Enabled: true, CheckGateway: true, CheckTCP: true,
			TCPTargets: []string{"1.1.1.1:443", "8.8.8.8:443"}, Mode: GracefulDegradation},
	}
	if diff := cmp.Diff(want, wan); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestProblems(t *testing.T) {
	for _, tt := range []struct {
		name string
		text string
		want []string
	}{
		{"empty", "", []string{"f: is empty; write one with 'wanctl config init'"}},
		{"comments only", "# nothing\n", []string{"f: is empty; write one with 'wanctl config init'"}},
		{"null document", "---\n", []string{"f: is empty; write one with 'wanctl config init'"}},
		{"scalar document", "hello\n", []string{"f:1: must consist of keys and values, such as 'wan_name: spectrum'"}},
		{"second document", minimal + "---\na: b\n", []string{"f:17: a second document begins here; write one file for each configuration"}},
		{"steering file", "wan_name: x\ntopology:\n  primary_wan: a\n", []string{
			"f:2: topology: this is a steering configuration, for 'wanctl steer --config f'; that of a WAN has queues and continuous_monitoring instead"}},
		{"all missing", "router: {}\n", []string{
			"f: wan_name: is missing: Name of the WAN in logs, metrics and file names.",
			"f: router.host: is missing: Address or name of the router.",
			"f: router.user: is missing: User on the router; it needs the policies read, write and that of the transport.",
			"f: router.password: is missing: transport rest needs one; write ${ROUTER_PASSWORD} and set that in the environment or in /etc/wanctl/secrets, or name a password_file",
			"f: queues: names no queue; write download and upload, queues of the router's queue tree, or simple, one simple queue; 'wanctl router queue get' lists both kinds",
			"f: continuous_monitoring.download.ceiling_mbps: is missing: the limit needs a ceiling, what the line carries on a good day",
			"f: continuous_monitoring.download.floor_mbps: is missing: the limit needs a floor; write floor_mbps, or floor_green_mbps, floor_yellow_mbps, floor_soft_red_mbps and floor_red_mbps",
			"f: continuous_monitoring.upload.ceiling_mbps: is missing: the limit needs a ceiling, what the line carries on a good day",
			"f: continuous_monitoring.upload.floor_mbps: is missing: the limit needs a floor; write floor_mbps, or floor_green_mbps, floor_yellow_mbps, floor_soft_red_mbps and floor_red_mbps",
		}},
		{"unknown keys", edit(t, "host:", "hots: x\n  host:", "ceiling_mbps: 940", "ceiling_mbps: 940\n    ceilling_mbps: 940",
			"queues:", "ping_hosts: [x]\nqueues:", "upload: WAN", "frobnicate: 1\n  upload: WAN"), []string{
			"f:3: router.hots: unknown key; did you mean host?",
			"f:7: ping_hosts: unknown key; did you mean continuous_monitoring.ping_hosts?",
			"f:10: queues.frobnicate: unknown key; 'wanctl config explain' lists all",
			"f:16: continuous_monitoring.download.ceilling_mbps: unknown key; did you mean ceiling_mbps?",
		}},
		{"dotted key", "router.port: 80\n" + minimal, []string{
			`f:1: "router.port": unknown key; sections are nested, a dot is no part of a key`}},
		{"key for the terminal", "\"\\e[31m\": 80\n" + minimal, []string{
			`f:1: "\x1b[31m": unknown key; 'wanctl config explain' lists all`}},
		{"duplicate key", edit(t, "  user:", "  host: 10.0.0.1\n  user:"), []string{
			"f:4: router.host: is set twice, the first time in line 3"}},
		{"duplicate section", minimal + "router: {host: a}\n", []string{
			"f:17: router: is set twice, the first time in line 2"}},
		{"section is a scalar", edit(t, "queues:\n  download: WAN-Download\n  upload: WAN-Upload", "queues: 5"), []string{
			"f:6: queues: must hold keys of its own, such as download",
			"f: queues: names no queue; write download and upload, queues of the router's queue tree, or simple, one simple queue; 'wanctl router queue get' lists both kinds",
		}},
		{"scalar is a section", edit(t, "wan_name: spectrum", "wan_name: {a: b}"), []string{
			"f:1: wan_name: must be a single value: name of letters, digits, _ . -, up to 64"}},
		{"list is a scalar", minimal + "  ping_hosts: 1.1.1.1\n", []string{
			"f:17: continuous_monitoring.ping_hosts: must be a list, also for a single entry: [a, b] or lines that begin with '- '"}},
		{"values outside their range", edit(t, "initial: 24", "initial: 1001", "ceiling_mbps: 38", "ceiling_mbps: 0.05",
			"  baseline", "  interval: 5ms\n  baseline", "password: hunter2", "password: hunter2\n  port: 65536"), []string{
			`f:6: router.port: "65536" is outside 1..65535`,
			`f:11: continuous_monitoring.interval: "5ms" is outside 10..5000 ms`,
			`f:12: continuous_monitoring.baseline_rtt_initial: "1001" is outside 1..1000 ms`,
			`f:17: continuous_monitoring.upload.ceiling_mbps: "0.05" is outside 0.1..100000 Mbit/s; if it was meant in Gbit/s, write 50`,
		}},
		{"values of the wrong type", edit(t, "initial: 24", "initial: soon", "ceiling_mbps: 38", "ceiling_mbps: 38M",
			"  baseline", "  interval: 50\n  enabled: maybe\n  baseline", "password: hunter2", "password: hunter2\n  port: 44.3\n  transport: telnet"), []string{
			`f:6: router.port: "44.3" is not a whole number`,
			`f:7: router.transport: "telnet" must be one of rest, api, ssh`,
			`f:12: continuous_monitoring.interval: "50" needs a unit, such as 50ms`,
			`f:13: continuous_monitoring.enabled: "maybe" is neither true nor false`,
			`f:14: continuous_monitoring.baseline_rtt_initial: "soon" is not a number of milliseconds`,
			`f:19: continuous_monitoring.upload.ceiling_mbps: "38M" is not a number of Mbit/s; write digits only, such as 12.5`,
		}},
		{"numbers that are none", edit(t, "initial: 24", "initial: .inf", "ceiling_mbps: 940", "ceiling_mbps: .nan", "ceiling_mbps: 38", "ceiling_mbps: 0x26"), []string{
			`f:10: continuous_monitoring.baseline_rtt_initial: ".inf" is not a number of milliseconds`,
			`f:12: continuous_monitoring.download.ceiling_mbps: ".nan" is not a number of Mbit/s; write digits only, such as 12.5`,
			`f:15: continuous_monitoring.upload.ceiling_mbps: "0x26" is not a number of Mbit/s; write digits only, such as 12.5`,
		}},
		{"leading dash", edit(t, "spectrum", "-rf", "192.168.88.1", "-oProxyCommand=x", "user: wanctl", "user: -l"), []string{
			`f:1: wan_name: "-rf" is not a name: use 1 to 64 letters, digits, _ . or -, and no - in front`,
			`f:3: router.host: "-oProxyCommand=x" is neither an IP address nor a host name`,
			`f:4: router.user: "-l" begins with -, which programs take for an option`,
		}},
		{"names that no router has", edit(t, "WAN-Download", `"a\tb"`, "WAN-Upload", `" "`), []string{
			`f:7: queues.download: "a\tb" is not a name on a router: use 1 to 128 characters, not blanks alone and no control characters`,
			`f:8: queues.upload: " " is not a name on a router: use 1 to 128 characters, not blanks alone and no control characters`,
		}},
		{"schema of the future", "schema_version: 2.0\n" + minimal, []string{
			`f:1: schema_version: "2.0" is a layout that this wanctl does not support; it reads "1.0"`}},
		{"floors out of order", edit(t, "    floor_mbps: 200", "    floor_green_mbps: 500\n    floor_yellow_mbps: 600\n    floor_soft_red_mbps: 300\n    floor_red_mbps: 200"), []string{
			"f:14: continuous_monitoring.download.floor_yellow_mbps: 600 must be at most floor_green_mbps, which is 500"}},
		{"soft red floor too high", edit(t, "    floor_mbps: 200", "    floor_green_mbps: 500\n    floor_yellow_mbps: 400\n    floor_soft_red_mbps: 401\n    floor_red_mbps: 200"), []string{
			"f:15: continuous_monitoring.download.floor_soft_red_mbps: 401 must be at most floor_yellow_mbps, which is 400"}},
		{"red floor too high", edit(t, "    floor_mbps: 200", "    floor_green_mbps: 500\n    floor_yellow_mbps: 400\n    floor_soft_red_mbps: 300\n    floor_red_mbps: 301"), []string{
			"f:16: continuous_monitoring.download.floor_red_mbps: 301 must be at most floor_soft_red_mbps, which is 300"}},
		{"floor above ceiling", edit(t, "floor_mbps: 8", "floor_mbps: 39"), []string{
			"f:16: continuous_monitoring.upload.floor_mbps: 39 must be at most ceiling_mbps, which is 38"}},
		{"green floor above ceiling", edit(t, "    floor_mbps: 8", "    floor_green_mbps: 38.5\n    floor_yellow_mbps: 10\n    floor_red_mbps: 9"), []string{
			"f:16: continuous_monitoring.upload.floor_green_mbps: 38.5 must be at most ceiling_mbps, which is 38"}},
		{"some floors", edit(t, "    floor_mbps: 200", "    floor_green_mbps: 500\n    floor_red_mbps: 200"), []string{
			"f: continuous_monitoring.download.floor_yellow_mbps: is missing: floors for each state need floor_green_mbps, floor_yellow_mbps and floor_red_mbps; floor_mbps alone sets all"}},
		{"a threshold above a default", minimal + "  thresholds: {target_bloat_ms: 45}\n", []string{
			"f:17: continuous_monitoring.thresholds.target_bloat_ms: 45 ms must be below warn_bloat_ms, which is 45 ms by default"}},
		{"a threshold below a default", minimal + "  thresholds: {warn_bloat_ms: 10}\n", []string{
			"f:17: continuous_monitoring.thresholds.warn_bloat_ms: 10 ms must be above target_bloat_ms, which is 15 ms by default"}},
		{"bounds out of order", minimal + "  thresholds:\n    baseline_rtt_bounds:\n      min: 50\n      max: 50\n", []string{
			"f:19: continuous_monitoring.thresholds.baseline_rtt_bounds.min: 50 ms must be below max, which is 50 ms"}},
		{"same queue twice", edit(t, "WAN-Upload", "WAN-Download"), []string{
			`f:8: queues.upload: "WAN-Download" is also the download queue; each direction needs its own; a simple queue for both is queues.simple`}},
		{"tree and simple queue", edit(t, "  upload:", "  simple: internet\n  upload:"), []string{
			"f:8: queues.simple: stands for both directions; remove it, or remove queues.download and queues.upload"}},
		{"target without a simple queue", edit(t, "  upload:", "  target: wan\n  upload:"), []string{
			"f:8: queues.target: is about a simple queue; name that in queues.simple, or remove this"}},
		{"another target", edit(t, "  download: WAN-Download\n  upload: WAN-Upload", "  simple: internet\n  target: ether1"), []string{
			"f:8: queues.target: \"ether1\" must be one of lan, wan"}},
		{"a queue without a section", edit(t, "  download:\n    ceiling_mbps: 940\n    floor_mbps: 200\n", ""), []string{
			"f: continuous_monitoring.download.ceiling_mbps: is missing: the limit needs a ceiling, what the line carries on a good day",
			"f: continuous_monitoring.download.floor_mbps: is missing: the limit needs a floor; write floor_mbps, or floor_green_mbps, floor_yellow_mbps, floor_soft_red_mbps and floor_red_mbps"}},
		{"half a section", edit(t, "  download: WAN-Download\n", "", "    ceiling_mbps: 940\n", ""), []string{
			"f: continuous_monitoring.download.ceiling_mbps: is missing: the limit needs a ceiling, what the line carries on a good day"}},
		{"type without a queue", edit(t, "  upload: WAN-Upload", "  upload_type: cake"), []string{
			"f:8: queues.upload_type: has no queue; name one in queues.upload"}},
		{"no reflectors", minimal + "  ping_hosts: []\n", []string{
			"f:17: continuous_monitoring.ping_hosts: must have 1..64 entries"}},
		{"65 reflectors", minimal + "  ping_hosts: [" + strings.Repeat("a, ", 64) + "a]\n", []string{
			"f:17: continuous_monitoring.ping_hosts: must have 1..64 entries"}},
		{"bad entries of lists", minimal + "  ping_hosts: [1.1.1.1, null]\n  fallback_checks:\n    tcp_targets: [[1.1.1.1, 443, 1], {host: a}]\n", []string{
			"f:17: continuous_monitoring.ping_hosts[1]: must be one entry of a list of IP addresses or host names",
			"f:19: continuous_monitoring.fallback_checks.tcp_targets[0]: must be one entry of a list of host:port or [host, port]",
			"f:19: continuous_monitoring.fallback_checks.tcp_targets[1]: must be one entry of a list of host:port or [host, port]",
		}},
		{"half a target", minimal + "  fallback_checks:\n    tcp_targets: [[1.1.1.1, null]]\n", []string{
			"f:18: continuous_monitoring.fallback_checks.tcp_targets[0]: must be host:port or [host, port]"}},
		{"merge key without a mapping", strings.Replace(minimal, "router:", "router:\n  <<: x", 1), []string{
			"f:3: router: a merge key (<<) needs a mapping"}},
		{"too large", minimal + strings.Repeat("# x\n", 1<<18), []string{
			"f: is larger than 1048576 bytes: this is not a configuration"}},
		{"target without port", minimal + "  fallback_checks:\n    tcp_targets: [1.1.1.1]\n", []string{
			`f:18: continuous_monitoring.fallback_checks.tcp_targets: "1.1.1.1" is not host:port, such as 1.1.1.1:443 or [2606:4700:4700::1111]:443`}},
		{"unset variable", edit(t, "hunter2", "${ROUTER_PASSWORD}", "192.168.88.1", "${ROUTER}.lan"), []string{
			"f:3: router.host: environment variable ROUTER is not set; write ROUTER=... into /not/there/secrets, or export it",
			"f:5: router.password: environment variable ROUTER_PASSWORD is not set; write ROUTER_PASSWORD=... into /not/there/secrets, or export it",
		}},
		{"listeners collide", minimal + "metrics:\n  enabled: true\n  port: 9101\n", []string{
			"f:19: metrics.port: 9101 is taken by health_check on the same address; give one of them another port"}},
		{"YAML tag", edit(t, "hunter2", "!secret hunter2"), []string{
			"f:5: router.password: YAML tags have no meaning here; put values that begin with ! into quotes"}},
		{"binary", edit(t, "wanctl", "!!binary d2FuY3Rs"), []string{
			"f:4: router.user: YAML tags have no meaning here; put values that begin with ! into quotes"}},
		{"tab", "wan_name: x\nrouter:\n\thost: y\n", []string{
			"f:3: is not valid YAML: found character that cannot start any token (a tab, or one of @ ` %); put values with special characters into quotes, and indent with spaces"}},
		{"keys that are lists", "[a]: b\n" + minimal, []string{"f:1: a key must be a plain word"}},
		{"endless merge keys", "x: &x\n  <<: [*x, *x, *x, *x]\n" + minimal, []string{
			"f:1: x: unknown key; 'wanctl config explain' lists all"}},
		{"endless merge keys where they matter", strings.Replace(minimal, "router:", "router: &r\n  <<: [*r, *r, *r]", 1), []string{
			"f:3: router: too many merge keys (<<)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wan, got, _ := load(tt.text, Options{})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if wan != nil {
				t.Error("a WAN was returned beside problems")
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		name string
		text string
		want []string
	}{
		{"obsolete key", minimal + "timeouts:\n  ping_total: 10\n", []string{
			"f:18: timeouts.ping_total: has no effect any more: probes run all the time, and timeouts.ping bounds each of them"}},
		{"keys of the earlier system", minimal + "  thresholds: {dwell_cycles: 3, deadband_ms: 3.0}\nroute_management:\n  enabled: true\n  routes: [a]\n", []string{
			"f:17: continuous_monitoring.thresholds.dwell_cycles: has no effect any more: it was how many cycles the delay had to stay above target_bloat_ms before YELLOW, and the law filters noise by how likely it is",
			"f:17: continuous_monitoring.thresholds.deadband_ms: has no effect any more: it was how far below target_bloat_ms the delay had to fall before GREEN, and load_time_constant_sec smooths the states",
			"f:19: route_management: has no effect any more: it concerned the router's routes, which wanctl never changes; steering switches one mangle rule",
		}},
		{"no initial baseline", edit(t, "  baseline_rtt_initial: 24\n", ""), nil},
		{"a ceiling in kbit/s", edit(t, "ceiling_mbps: 38", "ceiling_mbps: 38000"), []string{
			"f:15: continuous_monitoring.upload.ceiling_mbps: 38000 Mbit/s is not between the usual 0.1 and 10000 Mbit/s; if it was meant in kbit/s, write 38"}},
		{"a fast line", edit(t, "ceiling_mbps: 38", "ceiling_mbps: 9300"), nil},
		{"one ceiling in kbit/s", edit(t, "ceiling_mbps: 38", "ceiling_mbps: 9500"), []string{
			"f:15: continuous_monitoring.upload.ceiling_mbps: 9500 Mbit/s beside a download of 940 Mbit/s: if one of them is in kbit/s or Gbit/s, write both in Mbit/s"}},
		{"one ceiling in Gbit/s", edit(t, "ceiling_mbps: 940", "ceiling_mbps: 0.94", "floor_mbps: 200", "floor_mbps: 0.2"), []string{
			"f:15: continuous_monitoring.upload.ceiling_mbps: 38 Mbit/s beside a download of 0.94 Mbit/s: if one of them is in kbit/s or Gbit/s, write both in Mbit/s"}},
		{"a slow line", edit(t, "ceiling_mbps: 940", "ceiling_mbps: 8", "floor_mbps: 200", "floor_mbps: 1", "ceiling_mbps: 38", "ceiling_mbps: 0.83", "floor_mbps: 8", "floor_mbps: 0.1"), nil},
		{"a timeout in milliseconds", minimal + "timeouts: {ssh_command: 250}\n", []string{
			"f:17: timeouts.ssh_command: 250 s is not between the usual 0.1 and 60 s; if it was meant in milliseconds, write 0.25"}},
		{"both forms of floors", edit(t, "    floor_mbps: 8", "    floor_mbps: 8\n    floor_green_mbps: 9\n    floor_yellow_mbps: 9\n    floor_red_mbps: 9"), []string{
			"f:16: continuous_monitoring.upload.floor_mbps: has no effect beside the floors for each state"}},
		{"weight beside time constant", minimal + "  thresholds: {alpha_load: 0.2, load_time_constant_sec: 0.5}\n", []string{
			"f:17: continuous_monitoring.thresholds.alpha_load: has no effect beside load_time_constant_sec"}},
		{"absurd weight", minimal + "  thresholds: {alpha_load: 0.00001}\n", []string{
			"f:17: continuous_monitoring.thresholds.alpha_load: is a time constant of 1h23m20s, read in steps of 50 ms; using 10s",
			"f:17: continuous_monitoring.thresholds.alpha_load: a time constant of 10s sees a queue late; load_time_constant_sec: 0.25 suits most lines"}},
		{"implausible time constant", minimal + "  thresholds: {load_time_constant_sec: 3}\n", []string{
			"f:17: continuous_monitoring.thresholds.load_time_constant_sec: a time constant of 3s sees a queue late; load_time_constant_sec: 0.25 suits most lines"}},
		{"absent key without effect", minimal + "lock_timeout: null\n", nil},
		{"key without effect in both directions", edit(t, "mbps: 940", "mbps: 940\n    step_up_mbps: 10", "mbps: 38", "mbps: 38\n    step_up_mbps: 1"), []string{
			"f:13: continuous_monitoring.download.step_up_mbps: has no effect any more: the law finds capacity and step sizes itself",
			"f:17: continuous_monitoring.upload.step_up_mbps: has no effect any more: the law finds capacity and step sizes itself"}},
		{"both forms of the baseline constant", minimal + "  thresholds:\n    alpha_baseline: 0.02\n    baseline_time_constant_sec: 2\n", []string{
			"f:18: continuous_monitoring.thresholds.alpha_baseline: has no effect any more: the baseline is the lowest round-trip time of the last 30 seconds without load",
			"f:19: continuous_monitoring.thresholds.baseline_time_constant_sec: has no effect any more: the baseline is the lowest round-trip time of the last 30 seconds without load"}},
		{"initial baseline outside the bounds", minimal + "  thresholds: {baseline_rtt_bounds: {min: 30}}\n", []string{
			"f:10: continuous_monitoring.baseline_rtt_initial: 24 ms is outside baseline_rtt_bounds, 30..500 ms; starting from 30 ms"}},
		{"median of one", minimal + "  ping_hosts: [1.1.1.1]\n  use_median_of_three: true\n", []string{
			"f:18: continuous_monitoring.use_median_of_three: needs three ping_hosts; there are 1"}},
		{"median of three", minimal + "  use_median_of_three: true\n", nil},
		{"no median", minimal + "  use_median_of_three: false\n", []string{
			"f:17: continuous_monitoring.use_median_of_three: has no effect any more: reflectors are always combined, by the median of three or more and the smaller of two"}},
		{"reflector twice", minimal + "  ping_hosts: [1.1.1.1, 9.9.9.9, 1.1.1.1]\n", []string{
			`f:17: continuous_monitoring.ping_hosts: "1.1.1.1" is listed twice and used once`}},
		{"no encryption", edit(t, "  user", "  port: 80\n  user"), []string{
			"f:4: router.port: the password crosses the network in clear; enable TLS on the router and remove this"}},
		{"no encryption on this host", edit(t, "192.168.88.1", "127.0.0.1\n  tls: false"), nil},
		{"a password from show", edit(t, "hunter2", `"********"`), []string{
			"f:5: router.password: is what 'wanctl config show' prints in place of a password; write the password itself, or ${ROUTER_PASSWORD}"}},
		{"empty password", edit(t, "hunter2", `""`), []string{"f:5: router.password: is empty"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems, got := load(tt.text, Options{})
			if problems != nil {
				t.Errorf("problems: %q", problems)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Deprecated keys are still checked, warn once from any source, and are not among
// the values in force.
func TestDeprecatedKeys(t *testing.T) {
	values := map[schema.Kind]string{schema.Bool: "true", schema.Int: "2", schema.Number: "0.9", schema.Mbps: "2", schema.Millis: "2", schema.Seconds: "2"}
	found := 0
	for _, k := range WANKeys() {
		if k.Deprecated == "" {
			continue
		}
		found++
		text := k.Name + ": from flag: has no effect any more: " + k.Deprecated
		wan, problems, warnings := load(minimal, Options{Overrides: map[string]string{k.Name: values[k.Kind]}})
		if diff := cmp.Diff([]string{"f: " + text}, warnings); diff != "" || problems != nil {
			t.Errorf("%s: problems %q, warnings: -want +got:\n%s", k.Name, problems, diff)
			continue
		}
		for _, s := range Settings(wan, nil) {
			if s.Key == k.Name {
				t.Errorf("%s is among the values in force", k.Name)
			}
		}
		_, problems, warnings = load(minimal, Options{Overrides: map[string]string{k.Name: "-1"}})
		if len(problems) != 1 || !strings.HasPrefix(problems[0], "f: "+k.Name+`: from flag: "-1" is `) || warnings != nil {
			t.Errorf("%s: -1: problems %q, warnings %q", k.Name, problems, warnings)
		}
		if !strings.Contains(k.Doc, k.Deprecated) || k.Default != "" {
			t.Errorf("%s: Doc %q, default %q", k.Name, k.Doc, k.Default)
		}
	}
	if found != 15 {
		t.Errorf("%d keys without effect, want 15", found)
	}
}

func TestCompatForms(t *testing.T) {
	text := edit(t, "hunter2", "${PW}$${x}$", "    floor_mbps: 200", "    floor_green_mbps: 500\n    floor_yellow_mbps: 300\n    floor_red_mbps: 200") + `
  thresholds: {alpha_load: 0.1, load_time_constant_sec: 0.5}
  ping_hosts: [1.1.1.1, "2606:4700:4700::1111"]
  ping_interface: ~
  fallback_checks:
    enabled: no
    gateway_ip: null
    tcp_targets: [[1.1.1.1, 443], ["2606:4700:4700::1111", 853], "[::1]:80", "dns.google:443"]
timeouts: {ping: 500ms}
state_file: ~/wan.json
`
	wan, problems, _ := load(text, Options{LookupEnv: environment(map[string]string{"PW": "a b", "HOME": "/root/"})})
	if problems != nil {
		t.Fatal(problems)
	}
	check := func(what string, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", what, diff)
		}
	}
	check("password", wan.Router.Password.Reveal(), "a b${x}$")
	check("download", wan.Download, Direction{Ceiling: 940 * bitrate.Mbps, FloorGreen: 500 * bitrate.Mbps,
		FloorYellow: 300 * bitrate.Mbps, FloorSoftRed: 300 * bitrate.Mbps, FloorRed: 200 * bitrate.Mbps})
	check("load time constant", wan.Thresholds.LoadTimeConstant, 500*time.Millisecond)
	check("fallback", wan.Fallback, Fallback{CheckGateway: true, CheckTCP: true, Mode: GracefulDegradation,
		TCPTargets: []string{"1.1.1.1:443", "[2606:4700:4700::1111]:853", "[::1]:80", "dns.google:443"}})
	check("ping timeout", wan.Timeouts.Ping, 500*time.Millisecond)
	check("state file", wan.StateFile, "/root/wan.json")
}

// Strings keep their spelling, whatever type YAML would make of them.
func TestStringsKeepTheirSpelling(t *testing.T) {
	for _, word := range []string{"007", "1e3", "yes", "0x1F", "2026-11-23", "1_000", "'null'", ".5"} {
		wan, problems, _ := load(edit(t, "hunter2", word), Options{})
		if problems != nil {
			t.Errorf("%s: %q", word, problems)
			continue
		}
		if got := wan.Router.Password.Reveal(); got != strings.Trim(word, "'") {
			t.Errorf("password: %s became %q", word, got)
		}
	}
}

// Keys of the earlier system that have no meaning here load with one line each that
// says what they were, whatever they hold, and are not taken for others.
func TestForeignKeys(t *testing.T) {
	checkForeign(t, wanFile(), minimal, 26)
	checkForeign(t, steeringFile(), minimalSteering, 9)
}

func checkForeign[T any](t *testing.T, kind fileType[T], text string, least int) {
	t.Helper()
	var found int
	for _, k := range kind.fields {
		if k.Kind != schema.Any {
			continue
		}
		found++
		for _, value := range []string{"true", "3.5", "[a, b]", "{x: {y: 1}}"} {
			file := withKey(t, text, k.Name, value)
			_, _, warnings, err := parseFile(kind, strings.NewReader(file), "f", Options{})
			if err != nil {
				t.Fatalf("%s: %v", k.Name, err)
			}
			if len(warnings) != 1 || warnings[0].Key != k.Name || warnings[0].Line == 0 || warnings[0].Text != "has no effect any more: "+k.Deprecated {
				t.Errorf("%s: %s: warnings %v", k.Name, value, warnings)
			}
		}
	}
	if found < least {
		t.Errorf("%d foreign keys, want at least %d", found, least)
	}
}

// Of a file with very many unknown keys only the first are compared with the known ones.
func TestHintsAreBounded(t *testing.T) {
	text := minimal
	for i := range 1000 {
		text += fmt.Sprintf("wan_nam%04d: x\n", i)
	}
	_, problems, _ := load(text, Options{})
	hints := 0
	for _, p := range problems {
		if strings.HasSuffix(p, "did you mean wan_name?") || strings.HasSuffix(p, "lists all") {
			hints++
		}
	}
	if len(problems) != 1000 || hints != 50 {
		t.Errorf("%d problems with %d hints, want 1000 with 50", len(problems), hints)
	}
}

func TestPingSourceByItsOlderName(t *testing.T) {
	wan, problems, warnings := load(minimal+"ping_source_ip: 192.0.2.7\n", Options{})
	if problems != nil || warnings != nil || wan.PingSource != "192.0.2.7" {
		t.Errorf("source %q, problems %q, warnings %q", wan.PingSource, problems, warnings)
	}
}

// withKey adds a key to a configuration, below the sections of its dotted name.
func withKey(t *testing.T, text, name, value string) string {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	at := root.Content[0]
	parts := strings.Split(name, ".")
	for _, section := range parts[:len(parts)-1] {
		i := slices.IndexFunc(at.Content, func(n *yaml.Node) bool { return n.Value == section })
		if i < 0 {
			at.Content = append(at.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: section}, &yaml.Node{Kind: yaml.MappingNode})
			i = len(at.Content) - 2
		}
		at = at.Content[i+1]
	}
	var v yaml.Node
	if err := yaml.Unmarshal([]byte(value), &v); err != nil {
		t.Fatal(err)
	}
	at.Content = append(at.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: parts[len(parts)-1]}, v.Content[0])
	out, err := yaml.Marshal(&root)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// A file of the earlier system loads, and says what it can do without.
func TestEarlierFile(t *testing.T) {
	wan, warnings, err := Load("../../testdata/config/earlier.yaml", shipped)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range warnings {
		got = append(got, fmt.Sprintf("%d %s", w.Line, w.Key))
	}
	if diff := cmp.Diff([]string{
		"27 continuous_monitoring.download.step_up_mbps",
		"28 continuous_monitoring.download.factor_down",
		"29 continuous_monitoring.download.factor_down_yellow",
		"30 continuous_monitoring.download.green_required",
		"32 continuous_monitoring.upload.floor_mbps",
		"37 continuous_monitoring.upload.step_up_mbps",
		"38 continuous_monitoring.upload.factor_down",
		"43 continuous_monitoring.thresholds.alpha_baseline",
		"44 continuous_monitoring.thresholds.alpha_load",
		"46 continuous_monitoring.thresholds.baseline_update_threshold_ms",
		"47 continuous_monitoring.thresholds.accel_threshold_ms",
		"62 continuous_monitoring.fallback_checks.max_fallback_cycles",
		"67 logging.log_cake_stats",
		"71 timeouts.ping_total",
		"73 lock_timeout",
	}, got); diff != "" {
		t.Errorf("warnings: -want +got:\n%s", diff)
	}
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"transport", wan.Router.Transport, SSH},
		{"upload floors", wan.Upload.FloorSoftRed, 10 * bitrate.Mbps},
		{"load time constant", wan.Thresholds.LoadTimeConstant, 500 * time.Millisecond},
		{"targets", wan.Fallback.TCPTargets, []string{"1.1.1.1:443", "8.8.8.8:443"}},
		{"debug log", wan.Logging.Debug, "/var/log/wanctl/spectrum_debug.log"},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.what, diff)
		}
	}
}

func TestAnchorsAndMergeKeys(t *testing.T) {
	text := strings.Replace(minimal, "download:\n    ceiling_mbps: 940", "download: &d\n    ceiling_mbps: 940", 1)
	text = strings.Replace(text, "upload:\n    ceiling_mbps: 38\n    floor_mbps: 8", "upload:\n    <<: *d\n    floor_mbps: 8", 1)
	wan, problems, _ := load(text, Options{})
	if problems != nil {
		t.Fatal(problems)
	}
	if wan.Upload.Ceiling != 940*bitrate.Mbps || wan.Upload.FloorRed != 8*bitrate.Mbps {
		t.Errorf("upload = %+v", wan.Upload)
	}
}

func TestPrecedence(t *testing.T) {
	env := map[string]string{
		"WANCTL_ROUTER_HOST":                               "10.0.0.1",
		"WANCTL_ROUTER_USER":                               "env",
		"WANCTL_ROUTER_PORT":                               "", // empty is not set
		"WANCTL_CONTINUOUS_MONITORING_PING_HOSTS":          "10.0.0.2, 10.0.0.3",
		"WANCTL_CONTINUOUS_MONITORING_UPLOAD_CEILING_MBPS": "37.5",
		"ROUTER_PASSWORD":                                  "from env",
		// Of the program itself, not of the file.
		"WANCTL_CONFIG": "/c", "WANCTL_CONFIG_DIR": "/d", "WANCTL_MODE": "serve",
		"WANCTL_LOG_LEVEL": "debug", "WANCTL_LOG_FORMAT": "json", "WANCTL_STEERING_CONFIG": "/s",
	}
	opts := Options{LookupEnv: environment(env), Overrides: map[string]string{"router.user": "flag"}}
	wan, origins, warnings, err := parseFile(wanFile(), strings.NewReader(edit(t, "  password: hunter2\n", "")), "f", opts)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want := Router{Transport: REST, Host: "10.0.0.1", User: "flag", Password: NewSecret("from env"), Port: 443, TLS: true}
	if diff := cmp.Diff(want, wan.Router); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if wan.Upload.Ceiling != 37500*bitrate.Kbps {
		t.Errorf("upload ceiling = %v", wan.Upload.Ceiling)
	}
	if diff := cmp.Diff([]string{"10.0.0.2", "10.0.0.3"}, wan.PingHosts); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, want := range map[string]string{
		"wan_name":                       "line 1",
		"router.host":                    "environment WANCTL_ROUTER_HOST",
		"router.user":                    "flag",
		"router.password":                "environment ROUTER_PASSWORD",
		"continuous_monitoring.interval": "default",
	} {
		if got := origins[name].String(); got != want {
			t.Errorf("origin of %s = %q, want %q", name, got, want)
		}
	}

	// The file's own password beats ROUTER_PASSWORD, but not its override.
	wan, _, _ = load(minimal, opts)
	if got := wan.Router.Password.Reveal(); got != "hunter2" {
		t.Errorf("password = %q", got)
	}
	env["WANCTL_ROUTER_PASSWORD"] = "override"
	wan, _, _ = load(minimal, opts)
	if got := wan.Router.Password.Reveal(); got != "override" {
		t.Errorf("password = %q", got)
	}
}

func TestProblemsOutsideTheFile(t *testing.T) {
	_, got, _ := load(minimal, Options{
		LookupEnv: environment(map[string]string{"WANCTL_ROUTER_PORT": "x"}),
		Overrides: map[string]string{"router.hots": "a", "continuous_monitoring.interval": "1h"},
	})
	want := []string{
		"f: router.hots: unknown key in an override; did you mean host?",
		`f: router.port: from environment WANCTL_ROUTER_PORT: "x" is not a whole number`,
		`f: continuous_monitoring.interval: from flag: "1h" is outside 10..5000 ms`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The variables of single keys must be distinct from each other and from those
// of the program.
func TestVariablesDoNotCollide(t *testing.T) {
	taken := map[string]string{}
	for _, name := range []string{"WANCTL_CONFIG", "WANCTL_CONFIG_DIR", "WANCTL_STEERING_CONFIG", "WANCTL_MODE",
		"WANCTL_LOG_LEVEL", "WANCTL_LOG_FORMAT", PasswordVariable, PassphraseVariable} {
		taken[name] = "the program"
	}
	for _, keys := range [][]schema.Key{WANKeys(), SteeringKeys()} {
		own := maps.Clone(taken)
		for _, k := range keys {
			other, ok := own[k.Env()]
			if ok && (k.Name != "state.file" || other != k.Derived) { // two names of one setting
				t.Errorf("%s of %s belongs to %s", k.Env(), k.Name, other)
			}
			own[k.Env()] = k.Name
		}
	}
}

// No part of a password may appear in what is said about a file, whatever is
// wrong with it.
func TestPasswordsStayOutOfMessages(t *testing.T) {
	const secret = "s3cr3t"
	opts := Options{LookupEnv: environment(map[string]string{"PW": secret + "!"})}
	for _, value := range []string{
		"*" + secret, "&" + secret, "@" + secret, "!" + secret, "`" + secret, "%" + secret, "|" + secret,
		`"` + secret, "'" + secret, "{" + secret, "[" + secret, "[" + secret + "]", "{" + secret + ": 1}", secret + ": " + secret,
		"${" + secret, "${" + secret + "-x}", `"` + secret + `\n"`, "*" + secret + "!x", `"` + secret + `\q"`, "? " + secret,
		"&a [*a, " + secret + "]", "!!binary " + secret, "!<" + secret + "> x",
	} {
		_, problems, warnings := load(edit(t, "hunter2", value), opts)
		if text := fmt.Sprint(problems, warnings); strings.Contains(text, secret) {
			t.Errorf("password: %s: %s", value, text)
		}
	}
	for _, change := range [][2]string{
		{"spectrum", "${PW}"}, {"192.168.88.1", "${PW}"}, {"user: wanctl", "user: ${PW}${PW} x"}, {"initial: 24", "initial: ${PW}"},
		{"ceiling_mbps: 38", "ceiling_mbps: ${PW}"}, {"queues:", "lock_timeout: ${PW}\nqueues:"}, {"  user", "  transport: ${PW}\n  user"},
	} {
		_, problems, _ := load(edit(t, change[0], change[1]), opts)
		if len(problems) == 0 || strings.Contains(fmt.Sprint(problems), secret) {
			t.Errorf("%s: %q", change[1], problems)
		}
	}
}

func TestPath(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"spectrum.yaml", "att.yml"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"spectrum": "spectrum.yaml", "att": "att.yml", "other": "other.yaml"} {
		got, err := Path(dir, name)
		if err != nil || got != filepath.Join(dir, want) {
			t.Errorf("Path(%q) = %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "..", "../spectrum", "a/b", "-x", "a b", "a\x00b"} {
		if got, err := Path(dir, name); err == nil {
			t.Errorf("Path(%q) = %q, want an error", name, got)
		}
	}
}

func TestLoadMissing(t *testing.T) {
	dir := t.TempDir()
	missing := func(path string) string {
		_, _, err := Load(path, Options{})
		var invalid *Error
		if !errors.As(err, &invalid) {
			t.Fatalf("Load(%s) = %v, want *Error", path, err)
		}
		return strings.ReplaceAll(err.Error(), dir, "DIR")
	}
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("\ngot  %s\nwant %s", got, want)
		}
	}
	check(missing(filepath.Join(dir, "none", "a.yaml")), "DIR/none/a.yaml: no such file, and no directory DIR/none; "+startFrom(wanReference)+", or name another file with --config FILE")
	check(missing(filepath.Join(dir, "a.yaml")), "DIR/a.yaml: no such file, and no other .yaml in DIR; "+startFrom(wanReference)+", or name another file with --config FILE")
	check(missing(dir), "DIR: is a directory; use --config-dir DIR --wan NAME, or name a file")
	for _, name := range []string{"spectrum.yaml", "att.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(minimal), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check(missing(filepath.Join(dir, "x.yaml")), "DIR/x.yaml: no such file; DIR holds att, spectrum: use --config-dir DIR --wan att")
	check(missing(filepath.Join(dir, "sepctrum.yaml")), "DIR/sepctrum.yaml: no such file; did you mean --config-dir DIR --wan spectrum?")
	for name, text := range map[string]string{"dsl.yml": minimal, "spectrum.yml": minimal, "web.yml": "basic_auth_users: {}", "empty.yml": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"att", "dsl", "spectrum"}, Names(dir)); diff != "" {
		t.Errorf("names (-want +got)\n%s", diff)
	}
	if wan, _, err := Load(filepath.Join(dir, "att.yaml"), Options{}); err != nil || wan.Path != filepath.Join(dir, "att.yaml") {
		t.Error(wan, err)
	}
}

func TestWhyObsolete(t *testing.T) {
	for name, want := range map[string]string{
		"timeouts.ping_total":      "probes run all the time, and timeouts.ping bounds each of them",
		"route_management.enabled": "it concerned the router's routes, which wanctl never changes; steering switches one mangle rule",
		"timeouts.ping":            "",
		"lock_timeout":             "", // still a key
	} {
		if got, found := WhyObsolete(name); got != want || found != (want != "") {
			t.Errorf("WhyObsolete(%q) = %q, %v, want %q", name, got, found, want)
		}
	}
}

func TestCheckConflicts(t *testing.T) {
	a, _, _ := load(minimal, Options{})
	b, _, _ := load(edit(t, "spectrum", "att", "WAN-Download", "ATT-Down", "WAN-Upload", "ATT-Up"), Options{})
	if err := CheckConflicts([]*WAN{a, b}); err != nil {
		t.Errorf("different WANs: %v", err)
	}
	b.Name = "SPECTRUM"
	b.Queues.Upload = "WAN-Download"
	b.StateFile, b.LockFile = a.StateFile, a.LockFile
	err := CheckConflicts([]*WAN{a, b})
	want := "f: wan_name: SPECTRUM is used by f too; two loops must not share it\n" +
		"f: lock_file: /run/wanctl/spectrum.lock is used by f too; two loops must not share it\n" +
		"f: state_file: /var/lib/wanctl/spectrum_state.json is used by f too; two loops must not share it\n" +
		"f: queues.upload: WAN-Download on 192.168.88.1 is used by f too; two loops must not share it"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// Behind one address there are two routers at two ports of one service, but one router at
// the ports of two.
func TestRouterBehindAnAddress(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Router)
		one    bool
	}{
		{"the same", func(*Router) {}, true},
		{"another port", func(r *Router) { r.Port = 8443 }, false},
		{"another service", func(r *Router) { r.Transport, r.Port = API, 8729 }, true},
		{"without TLS", func(r *Router) { r.TLS, r.Port = false, 80 }, true},
		{"another address", func(r *Router) { r.Host = "192.168.88.2" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, _, _ := load(minimal, Options{})
			b, _, _ := load(edit(t, "spectrum", "att"), Options{})
			tt.change(&b.Router)
			if err := CheckConflicts([]*WAN{a, b}); (err != nil) != tt.one {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSameProbeRoute(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys [2]string // of continuous_monitoring, in two files
		want string
	}{
		{"neither", [2]string{}, "att: continuous_monitoring.ping_source: is not set, nor is ping_interface or ping_mark, " +
			"so that the probes leave by the same route as those of spectrum (spectrum); give each WAN one of its own, and the router what 'wanctl router export --wan att' prints"},
		{"one", [2]string{"", "ping_source: 192.0.2.9"}, ""},
		{"both", [2]string{"ping_source: 192.0.2.9", "ping_source: 192.0.2.8"}, ""},
		{"by mark", [2]string{"ping_mark: 20", "ping_mark: 21"}, ""},
		{"one mark, written in two ways", [2]string{"ping_mark: 20", "ping_mark: 0x14"}, "att: continuous_monitoring.ping_source: and ping_interface and ping_mark are those of spectrum (spectrum), " +
			"so that the probes of both leave by the same route; give each WAN one of its own, and the router what 'wanctl router export --wan att' prints"},
		{"one address, two interfaces", [2]string{"ping_source: 192.0.2.9\n  ping_interface: eth0", "ping_source: 192.0.2.9\n  ping_interface: eth1"}, ""},
		{"switched off", [2]string{"", "enabled: false"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var wans []*WAN
			for i, name := range []string{"spectrum", "att"} {
				w, _, err := load(edit(t, "spectrum", name)+"  "+tt.keys[i]+"\n", Options{})
				if err != nil {
					t.Fatal(err)
				}
				w.Path = name
				wans = append(wans, w)
			}
			got := ""
			for _, p := range SameProbeRoute(wans) {
				got += p.String()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Every Doc is one sentence, and every default is a valid value.
func TestKeyTable(t *testing.T) {
	checkTable(t, wanFile(), minimal)
	checkTable(t, steeringFile(), minimalSteering)
}

func checkTable[T any](t *testing.T, kind fileType[T], text string) {
	t.Helper()
	seen := map[string]bool{}
	keys := schema.Keys(kind.fields)
	for _, k := range keys {
		if seen[k.Name] {
			t.Errorf("%s is in the table twice", k.Name)
		}
		seen[k.Name] = true
		if !strings.HasSuffix(k.Doc, ".") || strings.Contains(k.Doc, "\n") {
			t.Errorf("%s: Doc %q", k.Name, k.Doc)
		}
		if k.Required && (k.Default != "" || k.Derived != "") {
			t.Errorf("%s is required and has a default", k.Name)
		}
		if k.Default == "" {
			continue
		}
		if _, _, _, err := parseFile(kind, strings.NewReader(text), "f", Options{Overrides: map[string]string{k.Name: k.Default}}); err != nil {
			t.Errorf("default of %s: %v", k.Name, err)
		}
	}
}

func TestKindsOfQueues(t *testing.T) {
	const both = "  download: WAN-Download\n  upload: WAN-Upload"
	for name, want := range map[string]Queues{
		"  download: a":                  {Download: "a"},
		"  upload: b\n  upload_type: t":  {Upload: "b", UploadType: "t"},
		"  simple: internet":             {Simple: "internet"},
		"  simple: Tür 1\n  target: lan": {Simple: "Tür 1", Target: TargetLAN},
		"  target: wan\n  simple: fibre": {Simple: "fibre", Target: TargetWAN},
	} {
		wan, _, err := Parse(strings.NewReader(edit(t, both, name)), "f", Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, wan.Queues); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// One direction is controlled where the other one has no queue, or no section.
func TestOneDirection(t *testing.T) {
	const down, up = "  download:\n    ceiling_mbps: 940\n    floor_mbps: 200\n", "  upload:\n    ceiling_mbps: 38\n    floor_mbps: 8\n"
	const simple = "  simple: internet\n"
	const trees = "  download: WAN-Download\n  upload: WAN-Upload\n"
	for _, tt := range []struct {
		name, text string
		want       [2]bool
	}{
		{"both", minimal, [2]bool{true, true}},
		{"no queue", edit(t, "  download: WAN-Download\n", ""), [2]bool{false, true}},
		{"no queue and no section", edit(t, "  download: WAN-Download\n", "", down, ""), [2]bool{false, true}},
		{"download alone", edit(t, "  upload: WAN-Upload\n", "", up, ""), [2]bool{true, false}},
		{"simple queue", edit(t, trees, simple), [2]bool{true, true}},
		{"simple queue for the download", edit(t, trees, simple, up, ""), [2]bool{true, false}},
		{"simple queue for the upload", edit(t, trees, simple, down, ""), [2]bool{false, true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wan, problems, _ := load(tt.text, Options{})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if got := wan.Controlled(); got != tt.want {
				t.Errorf("controlled %v", got)
			}
		})
	}
}
