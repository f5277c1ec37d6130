package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

// minimalSteering holds what is required, and queues, without which there is a
// warning.
const minimalSteering = `wan_name: steering
router:
  host: 192.168.88.1
  user: wanctl
  password: hunter2
topology:
  primary_wan: spectrum
  alternate_wan: att
mangle_rule:
  comment: "wanctl: steer to att"
cake_queues:
  primary_download: WAN-Download
  primary_upload: WAN-Upload
`

// steer applies line-wise changes to minimalSteering, as edit does to minimal.
func steer(t *testing.T, changes ...string) string {
	t.Helper()
	text := minimalSteering
	for i := 0; i < len(changes); i += 2 {
		if strings.Count(text, changes[i]) == 0 {
			t.Fatalf("no %q to change", changes[i])
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	return text
}

// loadSteering parses text and returns its problems and warnings as lines.
func loadSteering(text string, opts Options) (s *Steering, problems, warnings []string) {
	s, warned, err := ParseSteering(strings.NewReader(text), "f", opts)
	var invalid *Error
	if errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			problems = append(problems, p.String())
		}
	}
	for _, p := range warned {
		warnings = append(warnings, p.String())
	}
	return s, problems, warnings
}

func TestSteeringDefaults(t *testing.T) {
	got, problems, warnings := loadSteering(minimalSteering, Options{})
	if problems != nil || warnings != nil {
		t.Fatalf("problems %q, warnings %q", problems, warnings)
	}
	ms := time.Millisecond
	want := &Steering{
		Base: Base{
			Path: "f",
			Name: "steering",
			Router: Router{Transport: REST, Host: "192.168.88.1", User: "wanctl",
				Password: NewSecret("hunter2"), Port: 443, TLS: true},
			Logging:   Logging{Main: "/var/log/wanctl/steering.log"},
			LockFile:  "/run/wanctl/steering.lock",
			StateFile: "/var/lib/wanctl/steering_state.json",
			Timeouts:  Timeouts{Command: 15 * time.Second, Ping: time.Second},
			Health:    Endpoint{Enabled: true, Host: "127.0.0.1", Port: 9102},
			Metrics:   Endpoint{Host: "127.0.0.1", Port: 9100},
			Notify:    notifyDefaults,
		},
		Primary: "spectrum", Alternate: "att",
		Rule:            "wanctl: steer to att",
		PrimaryDownload: "WAN-Download", PrimaryUpload: "WAN-Upload",
		Interval: 500 * ms, PingHost: "1.1.1.1", PingCount: 3,
		ForceOut: "FORCE_OUT_ATT",
		Assess: SteeringThresholds{
			GreenRTT: 5 * ms, YellowRTT: 15 * ms, RedRTT: 15 * ms,
			MinDropsRed: 1, MinQueueYellow: 10, MinQueueRed: 50,
			RedSamples: 2, GreenSamples: 15, RTTAlpha: 0.3, QueueAlpha: 0.4,
			BaselineMin: ms, BaselineMax: 500 * ms,
			Bad: 25 * ms, Recovery: 12 * ms, BadSamples: 8, GoodSamples: 15,
		},
		Mode: SteeringMode{CakeAware: true, Yellow: true},
		Confidence: Confidence{
			SteerThreshold: 55, RecoveryThreshold: 20, Sustain: 2 * time.Second, RecoverySustain: 3 * time.Second,
			HoldDown: 30 * time.Second, FlapDetection: true, FlapWindow: 5 * time.Minute, MaxToggles: 4,
			Penalty: time.Minute, PenaltyThreshold: 15, DryRun: true,
		},
		History: 240,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSteeringProblems(t *testing.T) {
	for _, tt := range []struct {
		name string
		text string
		want []string
	}{
		{"empty", "", []string{"f: is empty; write one with 'wanctl config init'"}},
		{"file of a WAN", minimal, []string{
			"f:6: queues: this is the configuration of a WAN, for 'wanctl shape --config f'; that of steering has topology and mangle_rule instead"}},
		{"both kinds in one", minimalSteering + "queues: {download: a}\n", []string{
			"f:14: queues: unknown key; 'wanctl config explain' lists all"}},
		{"all missing", "topology: {}\n", []string{
			"f: wan_name: is missing: Name of the WAN in logs, metrics and file names.",
			"f: router.host: is missing: Address or name of the router.",
			"f: router.user: is missing: User on the router; it needs the policies read, write and that of the transport.",
			"f: topology.primary_wan: is missing: WAN that new connections leave while it is congested, by its wan_name.",
			"f: topology.alternate_wan: is missing: WAN that new connections are steered to, by its wan_name.",
			"f: mangle_rule.comment: is missing: Comment of the one mangle rule that is enabled to steer; compared exactly, and no two rules may have it.",
			"f: router.password: is missing: transport rest needs one; write ${ROUTER_PASSWORD} and set that in the environment or in /etc/wanctl/secrets, or name a password_file",
		}},
		{"unknown keys", steer(t, "  alternate_wan", "  alternative_wan: b\n  alternate_wan", "mangle_rule:", "interval_seconds: 1\nmangle_rule:") +
			"thresholds: {green_rtt: 4, hold_down_duration_sec: 3}\n", []string{
			"f:8: topology.alternative_wan: unknown key; did you mean alternate_wan?",
			"f:10: interval_seconds: unknown key; did you mean measurement.interval_seconds?",
			"f:16: thresholds.green_rtt: unknown key; did you mean green_rtt_ms?",
			"f:16: thresholds.hold_down_duration_sec: unknown key; did you mean confidence.hold_down_duration_sec?",
		}},
		{"values outside their range", minimalSteering + "measurement: {interval_seconds: 0.005, ping_count: 21}\nstate: {history_size: 3001}\n" +
			"confidence: {hold_down_duration_sec: 0, flap_window_minutes: 1441, steer_threshold: 101}\nthresholds: {rtt_ewma_alpha: 0, red_samples_required: 0}\n", []string{
			`f:14: measurement.interval_seconds: "0.005" is outside 0.01..60 s`,
			`f:14: measurement.ping_count: "21" is outside 1..20`,
			`f:15: state.history_size: "3001" is outside 1..3000`,
			`f:16: confidence.steer_threshold: "101" is outside 1..100`,
			`f:16: confidence.hold_down_duration_sec: "0" is outside 1..86400 s`,
			`f:16: confidence.flap_window_minutes: "1441" is outside 0.1..1440 min; if it was meant in seconds, write 24.016667`,
			`f:17: thresholds.red_samples_required: "0" is outside 1..1000`,
			`f:17: thresholds.rtt_ewma_alpha: "0" is outside 0.001..1`,
		}},
		{"a comment of two lines", steer(t, `"wanctl: steer to att"`, `"x\n/system reset"`), []string{
			`f:10: mangle_rule.comment: "x\n/system reset" is not a name on a router: use 1 to 128 characters, not blanks alone and no control characters`}},
		{"a blank comment", steer(t, `"wanctl: steer to att"`, `"  "`), []string{
			`f:10: mangle_rule.comment: "  " is not a name on a router: use 1 to 128 characters, not blanks alone and no control characters`}},
		{"one WAN", steer(t, "alternate_wan: att", "alternate_wan: Spectrum"), []string{
			`f:8: topology.alternate_wan: "Spectrum" is the primary WAN too; steering needs another`}},
		{"named as a WAN", steer(t, "wan_name: steering", "wan_name: ATT"), []string{
			`f:1: wan_name: "ATT" is a WAN, whose loop has its own lock and state file of that name; call this something else, such as steering`}},
		{"state file of the primary WAN", minimalSteering + "state_file: /x.json\ncake_state_sources: {primary: /x.json}\n", []string{
			"f:14: state_file: /x.json is that of the primary WAN's loop; steering needs its own"}},
		{"one queue", steer(t, "  primary_download: WAN-Download\n", ""), []string{
			"f: cake_queues.primary_download: is missing beside cake_queues.primary_upload; name both queues, or give topology.primary_wan_config"}},
		{"one queue twice", steer(t, "WAN-Upload", "WAN-Download"), []string{
			`f:13: cake_queues.primary_upload: "WAN-Download" is also the download queue; each direction has its own`}},
		{"names of one setting that differ", minimalSteering + "  spectrum_upload: B\ncake_state_sources: {primary: /a, spectrum: /b}\nstate_file: /c\nstate: {file: /d}\n", []string{
			`f:14: cake_queues.spectrum_upload: "B" differs from cake_queues.primary_upload, which is "WAN-Upload": both are names of one setting; remove one`,
			`f:15: cake_state_sources.spectrum: "/b" differs from cake_state_sources.primary, which is "/a": both are names of one setting; remove one`,
			`f:17: state.file: "/d" differs from state_file, which is "/c": both are names of one setting; remove one`,
		}},
		{"bad other names", steer(t, "  primary_upload: WAN-Upload", "  spectrum_upload: \"\\a\"") + "state: {file: -rf}\n", []string{
			`f:13: cake_queues.spectrum_upload: "\a" is not a name on a router: use 1 to 128 characters, not blanks alone and no control characters`,
			`f:14: state.file: "-rf" begins with -, which programs take for an option`,
		}},
		{"green as yellow", minimalSteering + "thresholds: {green_rtt_ms: 15}\n", []string{
			"f:14: thresholds.green_rtt_ms: 15 ms must be below yellow_rtt_ms, which is 15 ms by default"}},
		{"yellow above red", minimalSteering + "thresholds:\n  yellow_rtt_ms: 20\n  red_rtt_ms: 18\n", []string{
			"f:15: thresholds.yellow_rtt_ms: 20 ms must be at most red_rtt_ms, which is 18 ms"}},
		{"queues out of order", minimalSteering + "thresholds: {min_queue_yellow: 51}\n", []string{
			"f:14: thresholds.min_queue_yellow: 51 packets must be at most min_queue_red, which is 50 packets by default"}},
		{"recovery as bad", minimalSteering + "mode: {cake_aware: false}\nthresholds: {recovery_threshold_ms: 25}\n", []string{
			"f:15: thresholds.recovery_threshold_ms: 25 ms must be below bad_threshold_ms, which is 25 ms by default"}},
		{"score of recovery as of steering", minimalSteering + "mode: {use_confidence_scoring: true}\nconfidence: {recovery_threshold: 55, dry_run: true}\n", []string{
			"f:15: confidence.recovery_threshold: 55 must be below steer_threshold, which is 55 by default"}},
		{"bounds out of order", minimalSteering + "thresholds: {baseline_rtt_bounds: {max: 1}}\n", []string{
			"f:14: thresholds.baseline_rtt_bounds.max: 1 ms must be above min, which is 1 ms by default"}},
		{"a list too long to name", steer(t, "alternate_wan: att", "alternate_wan: "+strings.Repeat("a", 55)), []string{
			"f: address_lists.force_out: is missing: FORCE_OUT_" + strings.Repeat("A", 55) + " is longer than 64 characters; name the address list here"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, got, _ := loadSteering(tt.text, Options{})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if s != nil {
				t.Error("a configuration was returned beside problems")
			}
		})
	}
}

func TestSteeringWarnings(t *testing.T) {
	noQueues := steer(t, "cake_queues:\n  primary_download: WAN-Download\n  primary_upload: WAN-Upload\n", "")
	for _, tt := range []struct {
		name string
		text string
		want []string
	}{
		{"obsolete key", minimalSteering + "timeouts: {ping_total: 10}\n", []string{
			"f:14: timeouts.ping_total: has no effect any more: probes run all the time, and timeouts.ping bounds each of them"}},
		{"key without effect", minimalSteering + "mode: {reset_counters: no}\n", []string{
			"f:14: mode.reset_counters: has no effect any more: counters are never reset, but compared with those of the sample before"}},
		{"no queues", noQueues, []string{
			"f: cake_queues: no queues of the primary WAN are named, so that round-trip time alone decides; name them, or give topology.primary_wan_config"}},
		{"no queues, wanted so", noQueues + "mode: {cake_aware: false}\n", nil},
		{"no queues, but a file that has them", strings.Replace(noQueues, "topology:", "topology:\n  primary_wan_config: a.yaml", 1), nil},
		{"one queue, and a file that has both", steer(t, "  primary_download: WAN-Download\n", "", "topology:", "topology:\n  primary_wan_config: a.yaml"), nil},
		{"a score that decides nothing", minimalSteering + "mode: {use_confidence_scoring: true}\n", []string{
			"f: confidence.dry_run: is true by default, so that the score decides nothing yet; write false to let it decide, or true to keep it so"}},
		{"a score that decides", minimalSteering + "mode: {use_confidence_scoring: true}\nconfidence: {dry_run: false}\n", nil},
		{"names of one setting that agree", minimalSteering + "  spectrum_upload: WAN-Upload\nstate_file: /c\nstate: {file: /c}\n", nil},
		{"thresholds of another mode", minimalSteering + "thresholds: {recovery_threshold_ms: 30}\nconfidence: {recovery_threshold: 90}\n", nil},
		{"named as a WAN with files of its own", steer(t, "wan_name: steering", "wan_name: spectrum\nlock_file: /l\nstate_file: /s"), nil},
		{"a socket too long", minimalSteering + "lock_file: /run/" + strings.Repeat("x", 99) + ".lock\n", []string{
			"f:14: lock_file: the socket beside it, /run/" + strings.Repeat("x", 99) + ".sock, is longer than the 107 bytes that the system allows, so that other commands cannot ask the running daemon; use a shorter path"}},
		{"a socket just short enough", minimalSteering + "lock_file: /run/" + strings.Repeat("x", 97) + ".lock\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems, got := loadSteering(tt.text, Options{})
			if problems != nil {
				t.Errorf("problems: %q", problems)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A steering file of the earlier system loads, and says what it can do without.
func TestEarlierSteeringFile(t *testing.T) {
	s, warnings, err := LoadSteering("../../testdata/config/earlier-steering.yaml", shipped)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range warnings {
		got = append(got, fmt.Sprintf("%d %s", w.Line, w.Key))
	}
	if diff := cmp.Diff([]string{
		"39 mode.reset_counters",
		"78 logging.log_cake_stats",
		"82 timeouts.ping_total",
		"84 lock_timeout",
	}, got); diff != "" {
		t.Errorf("warnings: -want +got:\n%s", diff)
	}
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"transport", s.Router.Transport, SSH},
		{"state file", s.StateFile, "/var/lib/wanctl/steering_state.json"},
		{"state file of the primary", s.PrimaryState, "/var/lib/wanctl/spectrum_state.json"},
		{"configuration of the primary", s.PrimaryConfig, "/etc/wanctl/spectrum.yaml"},
		{"download queue", s.PrimaryDownload, "WAN-Download-Spectrum"},
		{"upload queue", s.PrimaryUpload, "WAN-Upload-Spectrum"},
		{"interval", s.Interval, 2 * time.Second},
		{"rule", s.Rule, "ADAPTIVE: Steer latency-sensitive to ATT"},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tt.what, diff)
		}
	}
}

// A stronger source wins whichever of two names it uses.
func TestSteeringAliases(t *testing.T) {
	text := steer(t, "primary_upload", "spectrum_upload") + "state: {file: /file}\n"
	env := map[string]string{
		"WANCTL_CAKE_QUEUES_SPECTRUM_DOWNLOAD": "env-down",
		"WANCTL_CAKE_QUEUES_PRIMARY_UPLOAD":    "env-up",
		"WANCTL_STATE_FILE":                    "/env",
	}
	s, origins, _, err := parseFile(steeringFile(), strings.NewReader(text), "f", Options{LookupEnv: environment(env)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ key, got, value, origin string }{
		{"cake_queues.primary_download", s.PrimaryDownload, "env-down", "environment WANCTL_CAKE_QUEUES_SPECTRUM_DOWNLOAD"},
		{"cake_queues.primary_upload", s.PrimaryUpload, "env-up", "environment WANCTL_CAKE_QUEUES_PRIMARY_UPLOAD"},
		{"state_file", s.StateFile, "/env", "environment WANCTL_STATE_FILE"},
	} {
		if tt.got != tt.value || origins[tt.key].String() != tt.origin {
			t.Errorf("%s = %q from %s, want %q from %s", tt.key, tt.got, origins[tt.key], tt.value, tt.origin)
		}
	}
	s, origins, _, err = parseFile(steeringFile(), strings.NewReader(text), "f", Options{LookupEnv: environment(env), FileAlone: true})
	if err != nil {
		t.Fatal(err)
	}
	if s.PrimaryUpload != "WAN-Upload" || s.PrimaryDownload != "WAN-Download" || s.StateFile != "/file" || origins["state_file"].String() != "line 14" {
		t.Errorf("of the file alone: %+v, %v", s, origins["state_file"])
	}
}

// Whoever never dials the router needs no password, but everything else is
// checked as ever, and the settings are those of whoever has the password.
func TestWithoutSecrets(t *testing.T) {
	for _, tt := range []struct {
		name   string
		router string
		want   []string
	}{
		{"a variable", "password: ${PW}", nil},
		{"none", "port: 8443", nil},
		{"empty", "password: ''", nil},
		{"of a failover", "password: x\n  failover: [{transport: api, password: '${PW}'}]", nil},
		{"passphrase", "ssh_key: /k\n  ssh_passphrase: ${PW}", nil},
		{"a bad variable", "password: ${P W}", []string{
			"f:5: router.password: ${ must be followed by the name of an environment variable and }; a literal ${ is written $${"}},
		{"a variable elsewhere", "ssh_key: ${KEY}", []string{"f:5: router.ssh_key: environment variable KEY is not set; write KEY=... into /not/there/secrets, or export it"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got, warnings := load(edit(t, "password: hunter2", tt.router), Options{WithoutSecrets: true})
			if diff := cmp.Diff(tt.want, got); diff != "" || warnings != nil {
				t.Errorf("warnings %q; -want +got:\n%s", warnings, diff)
			}
		})
	}
	wan, _, _ := load(edit(t, "password: hunter2", "password: ${PW}\n  ssh_key: /k"), Options{WithoutSecrets: true})
	if wan.Router.Transport != REST {
		t.Errorf("an unknown password makes the transport %s", wan.Router.Transport)
	}
	if _, problems, _ := load(edit(t, "hunter2", "${PW}"), Options{}); len(problems) != 1 {
		t.Errorf("with secrets: %q", problems)
	}
}

func TestDetectKind(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		text string
		want FileKind
	}{
		{"WAN", minimal, KindWAN},
		{"steering", minimalSteering, KindSteering},
		{"steering with much wrong", "wan_name: {}\nrouter: ${X}\ntopology: 5\n", KindSteering},
		{"steering in one line", "{mangle_rule: {comment: x}}", KindSteering},
		{"neither", "wan_name: x\nrouter: {}\n", KindUnknown},
		{"no YAML", "topology: {\n", KindUnknown},
		{"empty", "", KindUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, "a.yaml")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := DetectKind(path); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if got := DetectKind(filepath.Join(dir, "none.yaml")); got != KindUnknown {
		t.Errorf("of no file: %s", got)
	}
	// The loader of steering says what to do about it.
	if got := DetectKind(filepath.Join(dir, "steering.yml")); got != KindSteering {
		t.Errorf("of no file of that name: %s", got)
	}
	if got := DetectKind(dir); got != KindUnknown {
		t.Errorf("of a directory: %s", got)
	}
}

func TestSocket(t *testing.T) {
	for lock, want := range map[string]string{
		"/run/wanctl/spectrum.lock": "/run/wanctl/spectrum.sock",
		"/run/wanctl/spectrum":      "/run/wanctl/spectrum.sock",
		"/run/x.lock/pid":           "/run/x.lock/pid.sock",
	} {
		if got := (&Base{LockFile: lock}).Socket(); got != want {
			t.Errorf("beside %s: %s, want %s", lock, got, want)
		}
	}
}

func TestLoadWANs(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/spectrum.yaml", edit(t, "hunter2", "${UNSET}", "192.168.88.1", "${HOST}"))
	write("etc/att.yaml", edit(t, "spectrum", "att"))
	write("etc/bad.yaml", edit(t, "spectrum", "-x", "940", "x", "38", "y"))
	noQueues := steer(t, "cake_queues:\n  primary_download: WAN-Download\n  primary_upload: WAN-Upload\n", "",
		"topology:", "topology:\n  primary_wan_config: spectrum.yaml\n  alternate_wan_config: ./att.yaml")
	opts := Options{LookupEnv: environment(map[string]string{"WANCTL_WAN_NAME": "steering", "WANCTL_STATE_FILE": "/own", "HOST": "r"})}

	write("etc/steering.yaml", noQueues)
	s, warnings, err := LoadSteering("etc/steering.yaml", opts)
	if err != nil || warnings != nil {
		t.Fatal(warnings, err)
	}
	if want := filepath.Join(dir, "etc/spectrum.yaml"); s.PrimaryConfig != want {
		t.Errorf("primary_wan_config = %s, want %s", s.PrimaryConfig, want)
	}
	wan, other, warnings, err := s.LoadWANs(opts)
	if err != nil || warnings != nil || other == nil {
		t.Fatal(other, warnings, err)
	}
	// The environment is that of steering, but for what the file refers to.
	got := []string{wan.Name, other.Name, wan.Router.Host, s.StateFile, s.PrimaryState, s.PrimaryDownload, s.PrimaryUpload}
	want := []string{"spectrum", "att", "r", "/own", "/var/lib/wanctl/spectrum_state.json", "WAN-Download", "WAN-Upload"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	for _, tt := range []struct {
		name     string
		text     string
		problems []string
		warnings []string
	}{
		{"what does not fit", strings.Replace(noQueues, "spectrum.yaml", "att.yaml", 1) + "cake_queues: {primary_download: Other}\ncake_state_sources: {primary: /other}\n", nil, []string{
			"etc/steering.yaml: topology.primary_wan: spectrum is not the WAN of DIR/etc/att.yaml, which is att",
			"etc/steering.yaml: cake_queues.primary_download: Other is used, but DIR/etc/att.yaml says WAN-Download; remove it here to follow that file",
			"etc/steering.yaml: cake_state_sources.primary: /other is used, but DIR/etc/att.yaml says /var/lib/wanctl/att_state.json; remove it here to follow that file",
		}},
		{"no such file, which is needed", strings.Replace(noQueues, "spectrum.yaml", "cable.yaml", 1), []string{
			"etc/steering.yaml: topology.primary_wan_config: cannot be used, though the queues are to be taken from it; name them in cake_queues, or fix DIR/etc/cable.yaml: no such file",
		}, nil},
		{"no such file, which is not needed", strings.Replace(noQueues, "spectrum.yaml", "cable.yaml", 1) + "mode: {cake_aware: false}\n", nil, []string{
			"etc/steering.yaml: topology.primary_wan_config: cannot be used, so that nothing is taken from it: DIR/etc/cable.yaml: no such file",
		}},
		{"no such file of the alternate WAN", strings.Replace(noQueues, "att.yaml", "none/dsl.yaml", 1), nil, []string{
			"etc/steering.yaml: topology.alternate_wan_config: cannot be used, so that the condition of that WAN is not known: DIR/etc/none/dsl.yaml: no such file",
		}},
		{"a bad file", strings.Replace(noQueues, "att.yaml", "bad.yaml", 1), nil, []string{
			"etc/steering.yaml: topology.alternate_wan_config: cannot be used, so that the condition of that WAN is not known: DIR/etc/bad.yaml:1: wan_name: \"-x\" is not a name: use 1 to 64 letters, digits, _ . or -, and no - in front, and 2 more",
		}},
		{"its lock", noQueues + "lock_file: /run/wanctl/spectrum.lock\n", []string{
			"etc/steering.yaml: lock_file: /run/wanctl/spectrum.lock is used by DIR/etc/spectrum.yaml too; two loops must not share it",
		}, nil},
		{"no file of a WAN", strings.Replace(noQueues, "spectrum.yaml", "steering.yaml", 1) + "mode: {cake_aware: false}\n", nil, []string{
			"etc/steering.yaml: topology.primary_wan_config: cannot be used, so that nothing is taken from it: DIR/etc/steering.yaml:6: topology: this is a steering configuration, for 'wanctl steer --config DIR/etc/steering.yaml'; that of a WAN has queues and continuous_monitoring instead",
		}},
		{"no files", minimalSteering, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			write("etc/steering.yaml", tt.text)
			s, _, err := LoadSteering("etc/steering.yaml", Options{})
			if err != nil {
				t.Fatal(err)
			}
			lines := func(problems []Problem) (lines []string) {
				for _, p := range problems {
					lines = append(lines, strings.ReplaceAll(p.String(), dir, "DIR"))
				}
				return lines
			}
			primary, _, warnings, err := s.LoadWANs(opts)
			invalid := &Error{}
			if err != nil && !errors.As(err, &invalid) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.problems, lines(invalid.Problems)); diff != "" {
				t.Errorf("problems: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.warnings, lines(warnings)); diff != "" {
				t.Errorf("warnings: -want +got:\n%s", diff)
			}
			if err != nil && primary != nil {
				t.Error("a WAN was returned beside problems")
			}
		})
	}
}

func TestCheckConflictsWithSteering(t *testing.T) {
	wan, _, _ := load(minimal, Options{})
	a, _, _ := loadSteering(minimalSteering, Options{})
	if err := CheckConflicts([]*WAN{wan}, a); err != nil {
		t.Errorf("different files: %v", err)
	}
	b, _, _ := loadSteering(steer(t, "steering", "second"), Options{})
	b.Path, b.StateFile, b.LockFile = "b", wan.StateFile, a.LockFile
	err := CheckConflicts([]*WAN{wan}, a, b)
	want := "b: lock_file: /run/wanctl/steering.lock is used by f too; two loops must not share it\n" +
		"b: state_file: /var/lib/wanctl/spectrum_state.json is used by f too; two loops must not share it\n" +
		`b: mangle_rule.comment: "wanctl: steer to att" on 192.168.88.1 is used by f too; two loops must not share it`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestMarshalSteeringRoundTrip(t *testing.T) {
	reference := read(t, "../../configs/"+steeringReference)
	for name, text := range map[string]string{
		"minimal":         minimalSteering,
		"reference":       reference,
		"whole reference": uncommented(reference),
		"earlier":         read(t, "../../testdata/config/earlier-steering.yaml"),
		"odd durations":   minimalSteering + "confidence: {flap_window_minutes: 7.123456789, sustain_duration_sec: 1.5ms}\n",
	} {
		t.Run(name, func(t *testing.T) {
			s, origins, _, err := parseFile(steeringFile(), strings.NewReader(text), "f", shipped)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []schema.Origins{nil, origins} {
				printed, err := schema.Marshal(Settings(s, o))
				if err != nil {
					t.Fatal(err)
				}
				again, _, err := ParseSteering(strings.NewReader(string(printed)), "f", Options{})
				if err != nil {
					t.Fatalf("%v\n%s", err, printed)
				}
				if diff := cmp.Diff(s, again, cmp.Comparer(func(a, b Secret) bool { return a.IsSet() == b.IsSet() })); diff != "" {
					t.Errorf("-first +again:\n%s\n%s", diff, printed)
				}
			}
		})
	}
}
