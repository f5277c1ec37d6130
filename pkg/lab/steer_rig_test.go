//go:build linux

package lab_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func steeringPort(kind simrouter.Service) int {
	switch kind {
	case simrouter.APISSL:
		return 8729
	case simrouter.SSH:
		return 8022
	case simrouter.WWW, simrouter.WWWSSL, simrouter.API:
	}
	return routerPort
}

// writeConfig writes the configuration of steering into dir and returns the
// name. Its thresholds are the shipped ones.
func (c steeringRun) writeConfig(t *testing.T, dir string, sim *simrouter.Router) string {
	t.Helper()
	transport, pin := "rest", "tls_fingerprint: "+sim.Fingerprint()
	switch c.service {
	case simrouter.APISSL:
		transport = "api"
	case simrouter.SSH:
		transport, pin = "ssh", "ssh_fingerprint: "+sim.SSHFingerprint()
	case simrouter.WWW, simrouter.WWWSSL, simrouter.API:
	}
	primary := "primary_wan_config: lab.yaml"
	queues := ""
	if !c.shaped {
		primary = ""
		queues = fmt.Sprintf("cake_queues: {primary_download: %s, primary_upload: %s}", downloadQueue, uploadQueue)
	}
	text := fmt.Sprintf(`wan_name: steering
router:
  transport: %s
  host: %s
  port: %d
  user: wanctl
  password: secret-of-the-lab
  %s
topology:
  primary_wan: lab
  alternate_wan: other
  %s
mangle_rule: {comment: "%s"}
%s
measurement:
  interval_seconds: %g
  ping_host: %s
confidence: {hold_down_duration_sec: %g}
lock_file: "%[11]s/steering.lock"
state_file: "%[11]s/steering_state.json"
logging: {main_log: "%[11]s/steering.log"}
health_check: {enabled: false}
`, transport, lab.RouterAddr, steeringPort(c.service), pin, primary, steeringRule, queues,
		c.pace.interval.Seconds(), lab.Reflectors()[0], c.pace.holdDown.Seconds(), dir)
	name := filepath.Join(dir, "steering.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// startShape runs `wanctl shape` until stop is called.
func startShape(t *testing.T, l *lab.Lab, binary, config string) (stop func()) {
	t.Helper()
	cmd := l.Command(t.Context(), lab.Client, binary, "shape", "--config", config)
	cmd.Env = append(cmd.Environ(), unitEnvironment(t, "wanctl@.service")...)
	var output strings.Builder
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
			t.Errorf("wanctl shape: %v\n%s", err, &output)
		}
	}
}

// ruleChange is a change of the rule on the router.
type ruleChange struct {
	at      time.Duration
	enabled bool
}

func (c ruleChange) String() string { return fmt.Sprintf("enabled=%v at %v", c.enabled, c.at) }

// ruleWatch sees every change of the rule on the router.
type ruleWatch struct {
	lab  *lab.Lab
	stop func() []ruleChange

	mu   sync.Mutex // protects the following field
	seen []ruleChange
}

func watchRule(l *lab.Lab, sim *simrouter.Router) *ruleWatch {
	w := &ruleWatch{lab: l}
	stop, ended := make(chan struct{}), make(chan struct{})
	w.stop = sync.OnceValue(func() []ruleChange {
		close(stop)
		<-ended
		return w.seen
	})
	go func() {
		defer close(ended)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for enabled := false; ; {
			row, ok := sim.State().Row("/ip/firewall/mangle", "comment", steeringRule)
			if now := ok && row["disabled"] == "false"; now != enabled {
				enabled = now
				w.mu.Lock()
				w.seen = append(w.seen, ruleChange{l.Now(), now})
				w.mu.Unlock()
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return w
}

// past reports whether a number of changes, and a time after the last, are over.
func (w *ruleWatch) past(changes int, then time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.seen)
	return n > changes || n == changes && w.lab.Now() > w.seen[n-1].at+then
}

// showSteering prints a row for each run.
func showSteering(t *testing.T, results []steeringResult) {
	t.Helper()
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STEERING\texcess ms\ton after ms\tat most\toff after ms\tat most\theld to ms\tCPU %\tMB\trequests")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%.2f\t%.1f\t%d\n", r.name, r.excess.Milliseconds(),
			r.on.Milliseconds(), r.onMost.Milliseconds(), r.off.Milliseconds(), r.offMost.Milliseconds(), r.heldTo.Milliseconds(),
			r.cpu, float64(r.rss)/1e6, r.requests)
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
	t.Logf("\n%s", &table)
}
