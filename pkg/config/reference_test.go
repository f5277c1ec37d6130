package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

const configs = "../../configs"

var shipped = Options{LookupEnv: environment(map[string]string{"ROUTER_PASSWORD": "secret", "WANCTL_SSH_PASSPHRASE": "of the key",
	"NOTIFY_URL": "https://hooks.example/topic", "NOTIFY_TOKEN": "of the topic", "MQTT_PASSWORD": "of the broker"})}

// optional is a setting in a comment: "#key: value", against the prose of "# Text".
var optional = regexp.MustCompile(`(?m)^( *)#([a-z_]+:)`)

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alternative are the keys of the reference that stand in place of others.
var alternative = regexp.MustCompile(`(?m)^  (simple|target|password_file): .*\n`)

// uncommented returns a reference with all its settings but the alternative ones.
func uncommented(text string) string {
	return alternative.ReplaceAllString(optional.ReplaceAllString(text, "$1$2"), "")
}

// Everything shipped loads, and has nothing to complain about.
func TestShippedFiles(t *testing.T) {
	names, err := filepath.Glob(configs + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range names {
		found[strings.TrimSuffix(filepath.Base(name), ".yaml")] = true
		if kind := schemaOf(name); !strings.HasPrefix(read(t, name), "# yaml-language-server: $schema=/usr/share/wanctl/"+kind+"\n") {
			t.Errorf("%s does not begin with its schema, %s", name, kind)
		}
		var base *Base
		var warnings []Problem
		if strings.HasSuffix(name, "/steering.yaml") {
			s, warned, err := LoadSteering(name, shipped)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			base, warnings = &s.Base, warned
		} else {
			w, warned, err := Load(name, shipped)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			base, warnings = &w.Base, warned
		}
		if len(warnings) > 0 {
			t.Errorf("%s: warnings %v", name, warnings)
		}
		if base.Router.Password.Reveal() != "secret" {
			t.Errorf("%s does not take its password from the environment", name)
		}
	}
	for _, name := range []string{"wanctl", "steering", "cable", "dsl", "fibre", "lte", "starlink"} {
		if !found[name] {
			t.Errorf("configs/%s.yaml is missing", name)
		}
	}
}

// schemaOf returns the name of the schema of a shipped file.
func schemaOf(name string) string {
	if DetectKind(name) == KindSteering {
		return "steering.schema.json"
	}
	return "wanctl.schema.json"
}

// A reference mentions every key, with its default where it is in a comment, and
// loads with all comments removed.
func TestReferenceIsComplete(t *testing.T) {
	wan := checkReference(t, wanFile(), func(w *WAN) []schema.Setting { return Settings(w, nil) },
		"continuous_monitoring.download.floor_mbps: has no effect beside the floors for each state",
		"continuous_monitoring.upload.floor_mbps: has no effect beside the floors for each state",
		"continuous_monitoring.thresholds.alpha_load: has no effect beside load_time_constant_sec")
	steering := checkReference(t, steeringFile(), func(s *Steering) []schema.Setting { return Settings(s, nil) })
	for _, base := range []*Base{&wan.Base, &steering.Base} {
		if len(base.Router.Failover) != 2 {
			t.Errorf("%s: failover = %v", base.Path, base.Router.Failover)
		}
	}
}

// checkReference checks the reference of a kind. Its warnings with all comments
// removed are the given ones beside those about keys without effect.
func checkReference[T any](t *testing.T, kind fileType[T], settings func(*T) []schema.Setting, wantWarnings ...string) *T {
	t.Helper()
	file := "configs/" + kind.reference
	text := read(t, "../../"+file)
	all := uncommented(text)
	whole, _, warnings, err := parseFile(kind, strings.NewReader(all), file, shipped)
	if err != nil {
		t.Fatal(err)
	}
	keys := schema.Keys(kind.fields)
	// Every key without effect is worth one warning; the rest are alternative
	// forms of other keys.
	noEffect := map[string]int{}
	for _, k := range keys {
		if k.Deprecated != "" {
			noEffect[k.Name+": has no effect any more: "+k.Deprecated] = 1
		}
	}
	var got []string
	for _, w := range warnings {
		text := w.Key + ": " + w.Text
		if _, ok := noEffect[text]; ok {
			noEffect[text]--
			continue
		}
		got = append(got, text)
	}
	for text, missing := range noEffect {
		if missing != 0 {
			t.Errorf("%s: %d missing of warning %q", file, missing, text)
		}
	}
	if diff := cmp.Diff(wantWarnings, got); diff != "" {
		t.Errorf("%s: warnings: -want +got:\n%s", file, diff)
	}

	inFile := func(text string) map[string]schema.RawValue {
		r := &schema.Reader{Lookup: shipped.LookupEnv}
		root, ok := r.Document(strings.NewReader(text))
		if !ok {
			t.Fatal(r.Err())
		}
		return r.Collect(root, "", kind.fields)
	}
	cells, active := inFile(optional.ReplaceAllString(text, "$1$2")), inFile(text)
	shown := map[string]any{}
	for _, s := range settings(whole) {
		shown[s.Key] = s.Value
	}
	plain, _, _, err := parseFile(kind, strings.NewReader(text), file, shipped)
	if err != nil {
		t.Fatal(err)
	}
	byDefault := map[string]any{}
	for _, s := range settings(plain) {
		byDefault[s.Key] = s.Value
	}
	for _, k := range keys {
		if _, ok := cells[k.Name]; !ok {
			t.Errorf("%s does not mention %s", file, k.Name)
		}
		if _, ok := active[k.Name]; ok || k.Default == "" {
			continue
		}
		if diff := cmp.Diff(byDefault[k.Name], shown[k.Name]); diff != "" {
			t.Errorf("%s shows another default of %s: -default +shown\n%s", file, k.Name, diff)
		}
	}
	return whole
}

// What show prints loads again to the same values, passwords aside.
func TestMarshalRoundTrip(t *testing.T) {
	reference := read(t, configs+"/wanctl.yaml")
	for name, text := range map[string]string{
		"minimal":           minimal,
		"reference":         reference,
		"whole reference":   uncommented(reference),
		"lte":               read(t, configs+"/lte.yaml"),
		"fibre":             read(t, configs+"/fibre.yaml"),
		"strings like YAML": edit(t, "spectrum", `"1.0"`, "user: wanctl", "user: 'yes'", "WAN-Download", `"null"`, "queues:", `state_file: "/a$${b}: # x"`+"\nqueues:"),
	} {
		t.Run(name, func(t *testing.T) {
			wan, origins, _, err := parseFile(wanFile(), strings.NewReader(text), "f", shipped)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []schema.Origins{nil, origins} {
				printed, err := schema.Marshal(Settings(wan, o))
				if err != nil {
					t.Fatal(err)
				}
				again, _, err := Parse(strings.NewReader(string(printed)), "f", Options{})
				if err != nil {
					t.Fatalf("%v\n%s", err, printed)
				}
				if diff := cmp.Diff(wan, again, cmp.Comparer(func(a, b Secret) bool { return a.IsSet() == b.IsSet() })); diff != "" {
					t.Errorf("-first +again:\n%s\n%s", diff, printed)
				}
			}
		})
	}
}

func TestMarshalOrigins(t *testing.T) {
	opts := Options{LookupEnv: environment(map[string]string{"WANCTL_ROUTER_HOST": "10.0.0.1"})}
	wan, origins, _, err := parseFile(wanFile(), strings.NewReader(minimal+"  ping_hosts: [a, b]\n"), "f", opts)
	if err != nil {
		t.Fatal(err)
	}
	text, err := schema.Marshal(Settings(wan, origins))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"wan_name: spectrum # line 1\n",
		"  host: 10.0.0.1 # environment WANCTL_ROUTER_HOST\n",
		"  password: '********' # line 5\n",
		"  port: 443 # default\n",
		"  interval: 50ms # default\n",
		"  ping_hosts: [a, b] # line 17\n",
		"    floor_soft_red_mbps: 8 # line 16\n",
		"lock_file: /run/wanctl/spectrum.lock # default\n",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}
