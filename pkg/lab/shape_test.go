//go:build linux

package lab_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/lab/labrun"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// What the program under test is told of the link: ceilings a tenth above what
// it carries.
var (
	ceilings = [2]bitrate.Rate{44 * mbps, 11 * mbps}
	floors   = [2]bitrate.Rate{4 * mbps, 1 * mbps}
)

const (
	downloadQueue = "WAN-Download-1"
	uploadQueue   = "WAN-Upload-1"
	routerPort    = 8443
	// routerLatency is what a small router takes to answer.
	routerLatency = 8 * time.Millisecond
)

// unitEnvironment is what a systemd unit sets.
func unitEnvironment(t *testing.T, name string) (set []string) {
	t.Helper()
	unit, err := os.ReadFile(filepath.Join("..", "..", "configs", "systemd", name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(unit)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "Environment="); ok {
			set = append(set, value)
		}
	}
	return set
}

// routerScript is the router as somebody set it up for wanctl.
const routerScript = `
/interface
add name=ether1-wan type=ether
add name=bridge1 type=bridge
/queue tree
add name=` + downloadQueue + ` parent=bridge1 queue=default max-limit=44M
add name=` + uploadQueue + ` parent=ether1-wan queue=default max-limit=11M
/user group
add name=wanctl policy=read,write,rest-api,api,ssh
/user
add name=wanctl group=wanctl password=secret-of-the-lab
`

// demand is the least that is asked of the program in a scenario. Zero fields
// ask nothing.
type demand struct {
	p95      float64 // ms of excess, at most
	use      float64 // of every loaded direction, at least
	firstCut float64 // ms after a cut of capacity, at most
	noWrites bool
}

// TestLabShape runs the real program: 'wanctl shape' in the client's namespace,
// against a simulated router whose two queues are those of the lab.
func TestLabShape(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	type trialCase struct {
		scenario labrun.Scenario
		demand   demand
	}
	short := stepDown(2500 * time.Millisecond)
	short.Warmup = 2 * time.Second
	// Other tests run beside the short one: what it asks is a cut, before the
	// capacity is back. How soon it comes is measured with -lab.full.
	cases := []trialCase{{short, demand{firstCut: 2500}}}
	if *full {
		cases = nil
		demands := map[string]demand{
			fixedDown(0).Name:         {p95: 60, use: 0.85},
			fixedUp(0).Name:           {p95: 60, use: 0.85},
			stepDown(0).Name:          {p95: 60, use: 0.85, firstCut: 1000},
			silence(0).Name:           {noWrites: true},
			docsis(0, [2]bool{}).Name: {noWrites: true},
		}
		for _, s := range longScenarios() {
			cases = append(cases, trialCase{s, demands[s.Name]})
		}
	}
	l := build(t, lab.Config{})
	binary := builtWanctl(t)
	var reports []labrun.Report
	for i := range *repeat {
		for _, c := range cases {
			t.Run(fmt.Sprintf("%s/%d", c.scenario.Name, i), func(t *testing.T) {
				report := shape(t, l, binary, c.scenario)
				c.demand.check(t, report)
				reports = append(reports, report)
			})
		}
	}
	publish(t, reports)
}

// shape runs a scenario against the program.
func shape(t *testing.T, l *lab.Lab, binary string, s labrun.Scenario) labrun.Report {
	t.Helper()
	backend := lab.NewBackend(l, downloadQueue, uploadQueue)
	router, err := simrouter.New(simrouter.Config{Script: routerScript, Backend: backend, Latency: routerLatency})
	if err != nil {
		t.Fatal(err)
	}
	defer router.Close()
	ln, err := l.Listen(t.Context(), lab.Router, "tcp", net.JoinHostPort(lab.RouterAddr, fmt.Sprint(routerPort)))
	if err != nil {
		t.Fatal(err)
	}
	if err := router.ServeService(simrouter.WWWSSL, ln); err != nil {
		t.Fatal(err)
	}
	dir := runDir(t)
	config := writeConfig(t, dir, router.Fingerprint(), floors)
	health := make(chan error, 1)
	time.AfterFunc(s.Warmup+s.Duration/2, func() { health <- checkEndpoints(t.Context(), l) })

	record, err := labrun.Run(t.Context(), l, s, labrun.Controller{
		Name:     "wanctl shape",
		Limits:   ceilings,
		Requests: router.Requests,
		Command: func() *exec.Cmd {
			cmd := l.Command(t.Context(), lab.Client, binary, "shape", "--config", config)
			cmd.Env = append(cmd.Environ(), unitEnvironment(t, "wanctl@.service")...)
			return cmd
		},
	})
	saveRecord(t, dir, record)
	if err != nil {
		t.Fatalf("%v\n%s", err, record.Usage.Output)
	}
	if err := <-health; err != nil {
		t.Error(err)
	}
	report := record.Report()
	if t.Failed() || report.Controlled.ExitStatus != 0 {
		t.Logf("the program said:\n%s", record.Usage.Output)
	}
	return report
}

// check holds a report against what every run must keep and what this one asks.
func (d demand) check(t *testing.T, r labrun.Report) {
	t.Helper()
	if r.Controlled.ExitStatus != 0 {
		t.Errorf("exit status %d after SIGTERM, want 0", r.Controlled.ExitStatus)
	}
	// A short run is mostly start-up, and tests run side by side.
	if *full && r.Controlled.CPUPercent >= 3 {
		t.Errorf("%.1f %% of a core, want under 3", r.Controlled.CPUPercent)
	}
	if rss := r.Controlled.PeakRSS; rss == 0 || rss >= 40e6 {
		t.Errorf("peak memory %.1f MB, want it known and under 40", float64(rss)/1e6)
	}
	if r.Requests == 0 {
		t.Error("the router was asked nothing")
	}
	for i, dir := range []labrun.DirectionReport{r.Download, r.Upload} {
		if dir.LimitMinMbps < floors[i].Mbps() || dir.LimitMaxMbps > ceilings[i].Mbps() {
			t.Errorf("limits from %.2f to %.2f Mbit/s, want them in [%v, %v]",
				dir.LimitMinMbps, dir.LimitMaxMbps, floors[i], ceilings[i])
		}
		if dir.Loaded && d.use > 0 && *dir.Utilisation < d.use {
			t.Errorf("%.3f of the capacity used, want at least %.2f", *dir.Utilisation, d.use)
		}
	}
	if d.p95 > 0 && r.ExcessP95Ms > d.p95 {
		t.Errorf("p95 excess %.1f ms, want at most %.0f", r.ExcessP95Ms, d.p95)
	}
	if d.noWrites && r.Writes > 0 {
		t.Errorf("%d limits written on an idle line, want none", r.Writes)
	}
	for _, step := range r.Steps {
		if step.IsCut() && d.firstCut > 0 && (step.FirstCutMs == nil || *step.FirstCutMs > d.firstCut) {
			t.Errorf("%s capacity fell from %.0f to %.0f Mbit/s and the first cut came after %s ms, want at most %.0f",
				step.Direction, step.FromMbps, step.ToMbps, orNever(step.FirstCutMs), d.firstCut)
		}
	}
}

func orNever(v *float64) string {
	if v == nil {
		return "never"
	}
	return fmt.Sprintf("%.0f", *v)
}

// builtWanctl returns the file name of the program, which is built once.
func builtWanctl(t *testing.T) string {
	t.Helper()
	if *wanctl != "" {
		return *wanctl
	}
	binary, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// buildDir is where the program is built; TestMain makes and removes it.
var buildDir string

// buildOnce builds the program as releases are, under ordinary scheduling.
var buildOnce = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(buildDir, "wanctl")
	cmd := exec.Command("chrt", "--other", "0", "go", "build", "-o", binary, "../../cmd/wanctl")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building wanctl: %w\n%s", err, out)
	}
	return binary, nil
})

// writeConfig writes the program's configuration file into dir, where it is
// told to keep its files too, and returns the name.
func writeConfig(t *testing.T, dir, fingerprint string, floors [2]bitrate.Rate) string {
	t.Helper()
	var hosts, targets strings.Builder
	for _, addr := range lab.Reflectors() {
		fmt.Fprintf(&hosts, "\n    - %s", addr)
		fmt.Fprintf(&targets, "\n      - %s:443", addr)
	}
	text := fmt.Sprintf(`wan_name: lab
router:
  transport: rest
  host: %s
  port: %d
  user: wanctl
  password: secret-of-the-lab
  tls_fingerprint: "%s"
queues:
  download: %s
  upload: %s
continuous_monitoring:
  baseline_rtt_initial: 24
  download:
    ceiling_mbps: %g
    floor_mbps: %g
  upload:
    ceiling_mbps: %g
    floor_mbps: %g
  ping_hosts:%s
  fallback_checks:
    tcp_targets:%s
lock_file: "%[12]s/lab.lock"
state_file: "%[12]s/lab_state.json"
logging:
  main_log: "%[12]s/lab.log"
health_check:
  port: 9101
metrics:
  enabled: true
  port: 9100
`, lab.RouterAddr, routerPort, fingerprint, downloadQueue, uploadQueue,
		ceilings[0].Mbps(), floors[0].Mbps(), ceilings[1].Mbps(), floors[1].Mbps(), &hosts, &targets, dir)
	name := filepath.Join(dir, "lab.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// checkEndpoints asks the running program for its health and its metrics.
func checkEndpoints(ctx context.Context, l *lab.Lab) error {
	client := http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				return l.Dial(ctx, lab.Client, network, addr)
			},
		},
	}
	for url, want := range map[string]string{
		"http://127.0.0.1:9101/health":  `"wan_count"`,
		"http://127.0.0.1:9100/metrics": `wanctl_bandwidth_mbps{`,
	} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		_ = resp.Body.Close()
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			return fmt.Errorf("%s answered %s, without %s:\n%s", url, resp.Status, want, body)
		}
	}
	return nil
}
