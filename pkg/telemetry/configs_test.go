package telemetry

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// The dashboard and the rules that users import name metrics; these tests keep
// the names true.

const (
	dashboardFile = "../../configs/grafana/wanctl.json"
	rulesFile     = "../../configs/prometheus/wanctl.rules.yml"
)

func dashboardFiles() []string {
	return []string{dashboardFile, "../../configs/grafana/wanctl-fleet.json"}
}
func rulesFiles() []string {
	return []string{rulesFile, "../../configs/prometheus/wanctl.fleet.rules.yml"}
}

// testOf returns the file of tests for a file of rules.
func testOf(rules string) string { return strings.TrimSuffix(rules, "yml") + "test.yml" }

// allRules returns the text of all files of rules.
func allRules(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, f := range rulesFiles() {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

// elsewhere lists what does not come from this package's metrics.
var elsewhere = []string{
	"wanctl_loop_running", "wanctl_steering_running", "wanctl_state_age_seconds", // of serve
}

func sampleNodes() *HA {
	return &HA{Node: "a", Routers: []RouterOwner{
		{Router: "192.0.2.1", Node: "a", Role: RoleOwner, Owner: "a", Epoch: 4, Rules: true, SinceSeconds: 125, Why: "no packet from b for 2.1 s",
			Takeovers: map[string]int{"silence": 1, "handover": 0}, Fenced: []FencedNode{{"b", "192.0.2.11", 12}}},
		{Router: "192.0.2.2", Node: "a", Role: RoleStandby, Owner: "b", Epoch: 2, Rules: true},
		{Router: "192.0.2.3", Node: "a", Role: RoleBlocked, Why: "the rules are absent"},
		{Router: "192.0.2.4", Node: "a", Role: RoleCutOff, Why: "no answer", Owner: "b", Epoch: 2, Rules: true},
	}}
}

type target struct {
	Expr string `json:"expr"`
}

type panel struct {
	ID      int      `json:"id"`
	Title   string   `json:"title"`
	Type    string   `json:"type"`
	Targets []target `json:"targets"`
	GridPos struct{ X, Y, W, H int }
}

func dashboard(t *testing.T, file string) (panels []panel, exprs []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		UID        string  `json:"uid"`
		Panels     []panel `json:"panels"`
		Templating struct {
			List []struct {
				Definition string `json:"definition"`
			} `json:"list"`
		} `json:"templating"`
		Annotations struct {
			List []target `json:"list"`
		} `json:"annotations"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	for _, p := range doc.Panels {
		for _, x := range p.Targets {
			exprs = append(exprs, x.Expr)
		}
	}
	for _, a := range doc.Annotations.List {
		exprs = append(exprs, a.Expr)
	}
	values := regexp.MustCompile(`^label_values\((.*), \w+\)$`)
	for _, v := range doc.Templating.List {
		if m := values.FindStringSubmatch(v.Definition); m != nil {
			exprs = append(exprs, m[1])
		}
	}
	return doc.Panels, exprs
}

// knownSeries maps each series name that a registry can have to its labels.
func knownSeries(t *testing.T) map[string][]string {
	t.Helper()
	reg := NewRegistry()
	m, err := New(reg, "test")
	if err != nil {
		t.Fatal(err)
	}
	m.WAN(WANConfig{Name: "spectrum", Reflectors: []string{"1.1.1.1"}, Operators: []string{"Cloudflare"}})
	m.Steering("spectrum", "SPECTRUM_GOOD", "SPECTRUM_DEGRADED")
	m.Fleet()
	m.Config("refused")
	families, err := Together(reg, NodeMetrics(sampleNodes)).Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]string{}
	for _, f := range families {
		labels := []string{"instance", "job", "le", "site"} // some of the target
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			known[f.GetName()+suffix] = labels
		}
	}
	for _, name := range elsewhere {
		known[name] = []string{"instance", "job", "wan"}
	}
	for _, r := range regexp.MustCompile(`record: (\S+)`).FindAllStringSubmatch(allRules(t), -1) {
		known[r[1]] = []string{"instance", "job", "wan", "direction", "site"}
	}
	return known
}

var (
	seriesName = regexp.MustCompile(`\b(?:site:wanctl|wanctl|process)[a-z0-9_:]*`)
	braces     = regexp.MustCompile(`([a-z0-9_:]+)\{([^}]*)\}`)
	labelName  = regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)`)
)

// checkExpr reports every name in a query that no series of ours has.
func checkExpr(t *testing.T, where, expr string, known map[string][]string) {
	t.Helper()
	bare := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expr, `""`)
	for _, name := range seriesName.FindAllString(bare, -1) {
		if _, ok := known[name]; !ok {
			t.Errorf("%s: %s\nno metric is called %s", where, expr, name)
		}
	}
	for _, m := range braces.FindAllStringSubmatch(bare, -1) {
		for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
			if labels, ok := known[m[1]]; ok && !slices.Contains(labels, l[1]) {
				t.Errorf("%s: %s\n%s has no label %s, but %v", where, expr, m[1], l[1], labels)
			}
		}
	}
}

func TestDashboardNames(t *testing.T) {
	known := knownSeries(t)
	for _, file := range dashboardFiles() {
		t.Run(filepath.Base(file), func(t *testing.T) {
			panels, exprs := dashboard(t, file)
			if len(exprs) < len(panels)/2 {
				t.Fatalf("only %d queries found", len(exprs))
			}
			for _, e := range exprs {
				checkExpr(t, file, e, known)
			}
			checkPanels(t, panels)
		})
	}
}

// checkPanels reports panels that share an id or a place.
func checkPanels(t *testing.T, panels []panel) {
	t.Helper()
	seen := map[int]bool{}
	for i, p := range panels {
		if seen[p.ID] {
			t.Errorf("panel %q: id %d occurs twice", p.Title, p.ID)
		}
		seen[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q is outside the grid", p.Title)
		}
		for _, q := range panels[:i] {
			if p.GridPos.X < q.GridPos.X+q.GridPos.W && q.GridPos.X < p.GridPos.X+p.GridPos.W &&
				p.GridPos.Y < q.GridPos.Y+q.GridPos.H && q.GridPos.Y < p.GridPos.Y+p.GridPos.H {
				t.Errorf("panels %q and %q overlap", p.Title, q.Title)
			}
		}
	}
}

// Every metric of a WAN or of steering that a person would look at is somewhere
// in the dashboard or the rules.
func TestEveryMetricIsUsed(t *testing.T) {
	used := allRules(t)
	for _, file := range dashboardFiles() {
		_, exprs := dashboard(t, file)
		used += strings.Join(exprs, "\n")
	}
	reg := prometheus.NewRegistry()
	m, err := New(reg, "test")
	if err != nil {
		t.Fatal(err)
	}
	m.WAN(WANConfig{Name: "spectrum", Reflectors: []string{"1.1.1.1"}, Operators: []string{"Cloudflare"}})
	m.Steering("spectrum", "SPECTRUM_GOOD", "SPECTRUM_DEGRADED")
	m.Fleet()
	m.Config("refused")
	families, err := Together(reg, NodeMetrics(sampleNodes)).Gather()
	if err != nil {
		t.Fatal(err)
	}
	// What says the same in another unit, or is there for older dashboards.
	spare := []string{
		"wanctl_bandwidth_mbps", "wanctl_limit_bits_per_second", "wanctl_rtt_delta_ms", "wanctl_rtt_seconds",
		"wanctl_queue_sent_bytes_total", "wanctl_probe_replies_total",
	}
	for _, f := range families {
		if name := f.GetName(); !strings.Contains(used, name) && !slices.Contains(spare, name) {
			t.Errorf("%s is in neither dashboards nor rules", name)
		}
	}
}

func TestRuleNames(t *testing.T) {
	known := knownSeries(t)
	for line := range strings.Lines(allRules(t)) {
		if text := strings.TrimSpace(line); !strings.HasPrefix(text, "#") && !strings.Contains(text, "ummary:") && !strings.Contains(text, "escription:") &&
			!strings.HasPrefix(text, "- name:") && !strings.HasPrefix(text, "- record:") && !strings.Contains(text, `up{job=`) {
			checkExpr(t, "rules", text, known)
		}
	}
}

// An alert that no test has seen fire may never do so.
func TestEveryAlertFires(t *testing.T) {
	var tests strings.Builder
	for _, f := range rulesFiles() {
		text, err := os.ReadFile(testOf(f))
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(allRules(t), -1)
	if len(alerts) < 20 {
		t.Fatalf("%d alerts found", len(alerts))
	}
	for _, a := range alerts {
		if !strings.Contains(tests.String(), "alertname: "+a[1]+"\n        exp_alerts:\n          - exp_labels: {") {
			t.Errorf("no test in which %s fires", a[1])
		}
	}
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: nothing but the names is checked")
	}
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolRules(t *testing.T) {
	for _, f := range rulesFiles() {
		promtool(t, "check", "rules", "--lint=all", "--lint-fatal", f)
		promtool(t, "test", "rules", testOf(f))
	}
	promtool(t, "check", "config", "--syntax-only", "../../configs/prometheus/scrape.yml")
}

// Grafana's queries are checked as if each were a recording rule.
func TestPromtoolDashboard(t *testing.T) {
	var exprs []string
	for _, file := range dashboardFiles() {
		_, queries := dashboard(t, file)
		exprs = append(exprs, queries...)
	}
	fill := strings.NewReplacer("$site", ".*", "$__rate_interval", "1m", "$instance", ".*", "$wan", ".*", "$job", ".*")
	var b strings.Builder
	b.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for i, e := range exprs {
		fmt.Fprintf(&b, "      - record: dashboard:query:%d\n        expr: %q\n", i, fill.Replace(e))
	}
	path := filepath.Join(t.TempDir(), "dashboard.rules.yml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", path)
}
