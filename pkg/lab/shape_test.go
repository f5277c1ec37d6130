//go:build linux

package lab_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
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

// What the program under test is told of the link: the rates of the plan.
var (
	ceilings = [2]bitrate.Rate{40 * mbps, 10 * mbps}
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
add name=` + downloadQueue + ` parent=bridge1 queue=default max-limit=40M
add name=` + uploadQueue + ` parent=ether1-wan queue=default max-limit=10M
/user group
add name=wanctl policy=read,write,rest-api,api,ssh
/user
add name=wanctl group=wanctl password=secret-of-the-lab
`

// TestLabShape runs the real program: 'wanctl shape' in the client's namespace,
// against a simulated router whose two queues are those of the lab. A full run has
// what no control, a constant limit and an oracle make of the same links.
func TestLabShape(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	short := step(downLoad, 2500*time.Millisecond)
	short.Warmup = 2 * time.Second
	// Other tests run beside the short one: what it asks is a cut, before the
	// capacity is back. How soon it comes is measured with -lab.full.
	trials := []trial{{scenario: short, demand: demand{firstCut: 2500}}}
	if *full {
		trials = longTrials()
	}
	l := build(t, lab.Config{Busy: *busy})
	binary := builtWanctl(t)
	var reports []labrun.Report
	for i := range *repeat {
		for _, c := range trials {
			if *full && c.link == "" {
				for _, reference := range references(c.scenario, i) {
					t.Run(fmt.Sprintf("%s/%s/%d", c.name(), reference.Name, i), func(t *testing.T) {
						reports = append(reports, play(t, l, c.scenario, reference))
					})
				}
			}
			t.Run(fmt.Sprintf("%s/wanctl/%d", c.name(), i), func(t *testing.T) {
				report := shape(t, l, binary, c)
				c.demand.checkRun(t, report)
				reports = append(reports, report)
			})
		}
	}
	publish(t, reports)
	if *full {
		t.Logf("\n%s", compare(t, trials, reports))
	}
}

// references are the controllers whose worth is known. The oracle is in every
// repetition, since what it reaches is what the machine leaves at that time.
func references(s labrun.Scenario, repetition int) []labrun.Controller {
	oracle := labrun.Controller{Name: oracleName, Share: 0.95}
	if repetition > 0 {
		return []labrun.Controller{oracle}
	}
	constant := labrun.Controller{Name: "constant .87", Limits: [2]bitrate.Rate{34_800_000, 8_700_000}}
	if len(s.Capacity) > 0 && s.Capacity[0].At == 0 {
		for d, rate := range [2]bitrate.Rate{s.Capacity[0].Download, s.Capacity[0].Upload} {
			if rate > 0 {
				constant.Limits[d] = rate * 87 / 100
			}
		}
	}
	return []labrun.Controller{{Name: "none"}, constant, oracle}
}

// play runs a scenario and keeps what was seen.
func play(t *testing.T, l *lab.Lab, s labrun.Scenario, c labrun.Controller) labrun.Report {
	t.Helper()
	record, err := labrun.Run(t.Context(), l, s, c)
	saveRecord(t, runDir(t), record)
	if err != nil {
		t.Fatalf("%v\n%s", err, record.Usage.Output)
	}
	if t.Failed() || record.Usage.ExitStatus != 0 {
		t.Logf("the program printed:\n%s", record.Usage.Output)
	}
	return record.Report()
}

// startRouter starts the simulated router whose queues are those of the lab. It ends with
// the test.
func startRouter(t *testing.T, l *lab.Lab) *simrouter.Router {
	t.Helper()
	backend := lab.NewBackend(l, downloadQueue, uploadQueue)
	router, err := simrouter.New(simrouter.Config{Script: routerScript, Backend: backend, Latency: routerLatency})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	ln, err := l.Listen(t.Context(), lab.Router, "tcp", net.JoinHostPort(lab.RouterAddr, fmt.Sprint(routerPort)))
	if err != nil {
		t.Fatal(err)
	}
	if err := router.ServeService(simrouter.WWWSSL, ln); err != nil {
		t.Fatal(err)
	}
	return router
}

// shape runs a trial of the program.
func shape(t *testing.T, l *lab.Lab, binary string, c trial) labrun.Report {
	t.Helper()
	router := startRouter(t, l)
	if c.latency != nil {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go varyLatency(ctx, router, c.latency)
	}
	dir := runDir(t)
	args := []string{"shape", "--config", writeConfig(t, dir, router.Fingerprint(), floors)}
	if *keep != "" {
		args = append(args, "--record", filepath.Join(dir, "trace.csv"))
	}
	health := make(chan error, 1)
	time.AfterFunc(c.scenario.Warmup+c.scenario.Duration/2, func() { health <- checkEndpoints(t.Context(), l) })
	report := play(t, l, c.scenario, labrun.Controller{
		Name:     "wanctl shape",
		Limits:   ceilings,
		Requests: router.Requests,
		Command: func() *exec.Cmd {
			cmd := l.Command(t.Context(), lab.Client, binary, args...)
			cmd.Env = append(cmd.Environ(), unitEnvironment(t, "wanctl@.service")...)
			return cmd
		},
	})
	if err := <-health; err != nil {
		t.Error(err)
	}
	report.Scenario = c.name()
	return report
}

// varyLatency draws how long the router takes to answer, anew every 20 ms.
func varyLatency(ctx context.Context, router *simrouter.Router, draw func(*rand.Rand) time.Duration) {
	rng := rand.New(rand.NewPCG(8, 9))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		router.SetLatency(draw(rng))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
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
