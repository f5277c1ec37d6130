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

var shipped = Options{LookupEnv: environment(map[string]string{"ROUTER_PASSWORD": "secret", "WANCTL_SSH_PASSPHRASE": "of the key"})}

// optional is a setting in a comment: "#key: value", against the prose of "# Text".
var optional = regexp.MustCompile(`(?m)^( *)#([a-z_]+:)`)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
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
		if strings.Contains(read(t, name), "topology:") {
			continue // of another kind
		}
		wan, warnings, err := Load(name, shipped)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: error %v, warnings %v", name, err, warnings)
			continue
		}
		if wan.Router.Password.Reveal() != "secret" {
			t.Errorf("%s does not take its password from the environment", name)
		}
	}
	for _, name := range []string{"wanctl", "cable", "dsl", "fibre", "lte", "starlink"} {
		if !found[name] {
			t.Errorf("configs/%s.yaml is missing", name)
		}
	}
}

// The reference mentions every key, with its default where it is in a comment,
// and loads with all comments removed.
func TestReferenceIsComplete(t *testing.T) {
	text := read(t, configs+"/wanctl.yaml")
	all := optional.ReplaceAllString(text, "$1$2")
	wan, _, warnings, err := parse(strings.NewReader(all), "wanctl.yaml", shipped)
	if err != nil {
		t.Fatal(err)
	}
	// Every key without effect is worth one warning; the rest are alternative
	// forms of other keys.
	noEffect := map[string]int{}
	for _, k := range WANKeys() {
		if k.NoEffect != "" {
			noEffect[k.Name+": has no effect any more: "+k.NoEffect] = 1
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
			t.Errorf("%d missing of warning %q", missing, text)
		}
	}
	if diff := cmp.Diff([]string{
		"continuous_monitoring.download.floor_mbps: has no effect beside the floors for each state",
		"continuous_monitoring.upload.floor_mbps: has no effect beside the floors for each state",
		"continuous_monitoring.thresholds.alpha_load: has no effect beside load_time_constant_sec",
	}, got); diff != "" {
		t.Errorf("warnings: -want +got:\n%s", diff)
	}
	if len(wan.Router.Failover) != 2 {
		t.Errorf("failover = %v", wan.Router.Failover)
	}

	inFile := func(text string) map[string]schema.Cell {
		r := newReader("f", shipped)
		root, ok := r.Document(strings.NewReader(text))
		if !ok {
			t.Fatal(r.problems)
		}
		return r.Collect(root, "", WANKeys(), nil)
	}
	cells, active := inFile(all), inFile(text)
	shown := map[string]any{}
	for _, s := range Settings(wan, nil) {
		shown[s.Key] = s.Value
	}
	plain, _, err := Parse(strings.NewReader(text), "f", shipped)
	if err != nil {
		t.Fatal(err)
	}
	byDefault := map[string]any{}
	for _, s := range Settings(plain, nil) {
		byDefault[s.Key] = s.Value
	}
	for _, k := range WANKeys() {
		if _, ok := cells[k.Name]; !ok {
			t.Errorf("wanctl.yaml does not mention %s", k.Name)
		}
		if _, ok := active[k.Name]; ok || k.Default == "" {
			continue
		}
		if diff := cmp.Diff(byDefault[k.Name], shown[k.Name]); diff != "" {
			t.Errorf("wanctl.yaml shows another default of %s: -default +shown\n%s", k.Name, diff)
		}
	}
}

// What show prints loads again to the same values, passwords aside.
func TestMarshalRoundTrip(t *testing.T) {
	reference := read(t, configs+"/wanctl.yaml")
	for name, text := range map[string]string{
		"minimal":           minimal,
		"reference":         reference,
		"whole reference":   optional.ReplaceAllString(reference, "$1$2"),
		"lte":               read(t, configs+"/lte.yaml"),
		"fibre":             read(t, configs+"/fibre.yaml"),
		"strings like YAML": edit(t, "spectrum", `"1.0"`, "user: wanctl", "user: 'yes'", "WAN-Download", `"null"`, "queues:", `state_file: "/a$${b}: # x"`+"\nqueues:"),
	} {
		t.Run(name, func(t *testing.T) {
			wan, origins, _, err := parse(strings.NewReader(text), "f", shipped)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []schema.Origins{nil, origins} {
				printed, err := Marshal(wan, o)
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
	wan, origins, _, err := parse(strings.NewReader(minimal+"  ping_hosts: [a, b]\n"), "f", opts)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Marshal(wan, origins)
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
		"lock_file: /run/wanctl/spectrum.lock # default\n",
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}
