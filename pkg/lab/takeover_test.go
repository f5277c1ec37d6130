//go:build linux

package lab_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/daemon/owner"
	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/lab/labrun"
	"github.com/wanctl/wanctl/pkg/lab/netfilter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

// secondAddr is that of the second node, which is at the same host: probes of both take the
// same way.
const secondAddr = "192.0.2.3"

// TestLabTakeover measures the delay of a loaded line through a take-over: the capacity falls
// half a second after the owner has been stopped, and what follows is compared with the
// same fall under an owner that runs, and without control. The record of each has every ping and
// every limit; -lab.keep keeps them.
func TestLabTakeover(t *testing.T) {
	if !*full {
		t.Skip("a minute of measuring: -lab.full, or make lab-ha")
	}
	binary := builtWanctl(t)
	fall := labrun.Scenario{
		Name: "40 falls to 16", Duration: 20 * time.Second, Warmup: 8 * time.Second, Load: [2]bool{true, false},
		Capacity: []labrun.CapacityStep{{At: 5500 * time.Millisecond, Download: 16 * mbps}},
	}
	stopped := fall
	stopped.Name = "40 falls to 16 as the owner stops"
	stopped.Stalls = []labrun.Window{{From: 5 * time.Second, To: 17 * time.Second}}
	var reports []labrun.Report
	t.Run("without control", func(t *testing.T) {
		reports = append(reports, play(t, build(t, lab.Config{Busy: *busy}), fall, labrun.Controller{Name: "none"}))
	})
	for _, s := range []labrun.Scenario{fall, stopped} {
		t.Run(s.Name, func(t *testing.T) { reports = append(reports, takeover(t, binary, s)) })
	}
	publish(t, reports)
}

// ownerLine is what a node prints that has taken a router over from a silent one.
var ownerLine = regexp.MustCompile(`this node owns the router.*no packet from n1 for`)

// takeover runs a scenario against two nodes, of which the first owns the router when the load
// begins.
func takeover(t *testing.T, binary string, s labrun.Scenario) labrun.Report {
	t.Helper()
	l := build(t, lab.Config{Busy: *busy})
	if out, err := l.Equipment(t.Context(), lab.Client, "ip", "addr", "add", secondAddr+"/24", "dev", "eth0").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := l.Equipment(t.Context(), lab.Router, "ip", "neigh", "add", secondAddr, "lladdr", "02:00:00:00:00:01", "dev", "lan", "nud", "permanent").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	table, err := netfilter.New(l.Netns(lab.Router))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	router, err := simrouter.New(simrouter.Config{
		Script: routerScript + owner.Rules, Backend: lab.NewBackend(l, downloadQueue, uploadQueue), Latency: routerLatency, Firewall: rules{table},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { router.Close() })
	ln, err := l.Listen(t.Context(), lab.Router, "tcp", net.JoinHostPort(lab.RouterAddr, fmt.Sprint(routerPort)))
	if err == nil {
		err = router.ServeService(simrouter.APISSL, ln)
	}
	if err != nil {
		t.Fatal(err)
	}
	node := func(name, address, health string) *exec.Cmd {
		dir := filepath.Join(runDir(t), name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		file := writeConfig(t, dir, router.Fingerprint(), floors)
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, []byte(strings.NewReplacer("transport: rest", "transport: api", "port: 9101", "port: "+health, "port: 9100", "port: 0").Replace(string(text))), 0o600)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "node.yaml"), fmt.Appendf(nil, "node: {name: %s, address: %s}\nha: {order: [n1, n2]}\n", name, address), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		cmd := l.Command(t.Context(), lab.Client, binary, "run", "--config-dir", dir)
		cmd.Env = append(cmd.Environ(), unitEnvironment(t, "wanctl@.service")...)
		return cmd
	}
	second := node("n2", secondAddr, "9103")
	log, err := os.Create(filepath.Join(runDir(t), "n2.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	second.Stderr = log
	started := make(chan error, 1)
	defer func() {
		if err := <-started; err != nil {
			t.Error(err)
			return
		}
		_ = second.Process.Kill()
		_ = second.Wait() // its status does not matter
	}()
	report := play(t, l, s, labrun.Controller{
		Name: "two nodes", Limits: ceilings, Requests: router.Requests,
		Command: func() *exec.Cmd {
			time.AfterFunc(3*time.Second, func() { started <- second.Start() }) // the first one owns the router by then
			return node("n1", lab.ClientAddr, "9101")
		},
	})
	report.Scenario = s.Name
	if text, err := os.ReadFile(log.Name()); err != nil || ownerLine.Match(text) != (len(s.Stalls) > 0) {
		t.Errorf("the second node printed, %v:\n%s", err, text)
	}
	return report
}

// rules has the kernel carry out the router's rules.
type rules struct{ *netfilter.Table }

// Apply implements routeros.Firewall.
func (r rules) Apply(list []routeros.ListRule) error {
	all := make([]netfilter.Rule, len(list))
	for i, x := range list {
		all[i] = netfilter.Rule(x)
	}
	return r.Table.Apply(all)
}
