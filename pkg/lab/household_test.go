//go:build linux

package lab_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/lab"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

// household is a host with two WANs and a router that nobody has set up yet.
type household struct {
	*lab.WANs
	t           *testing.T
	dir, binary string
	sim         *simrouter.Router
}

// freshRouter has two lines and a LAN, as it comes.
const freshRouter = `
/interface add name=ether1 type=ether
/interface add name=ether2 type=ether
/interface add name=bridge type=bridge
/ip route add dst-address=0.0.0.0/0 gateway=ether1
/ip route add dst-address=0.0.0.0/0 gateway=ether2 distance=2
/user add name=admin group=full password=of-the-admin
`

func newHousehold(t *testing.T, delays ...time.Duration) *household {
	h := &household{WANs: lab.NewWANs(t, delays...), t: t, binary: builtWanctl(t)}
	var err error
	if h.dir, err = os.MkdirTemp("", "wanctl"); err != nil { // short, for the sockets in it
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(h.dir) })
	if h.sim, err = simrouter.New(simrouter.Config{Script: freshRouter}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.sim.Close() })
	ln, err := h.Listen(t.Context(), fmt.Sprintf("127.0.0.1:%d", routerPort))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.sim.ServeService(simrouter.WWWSSL, ln); err != nil {
		t.Fatal(err)
	}
	return h
}

// command prepares wanctl on the host. The reflectors are those of the lab.
func (h *household) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := h.Command(ctx, h.binary, append(args, "--config-dir", h.dir)...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "ROUTER_PASSWORD=secret-of-the-lab",
		"WANCTL_CONTINUOUS_MONITORING_PING_HOSTS="+strings.Join(lab.Reflectors(), ","))
	return cmd
}

// run runs wanctl to its end; the exit status must be as wanted.
func (h *household) run(status int, args ...string) string {
	h.t.Helper()
	cmd := h.command(h.t.Context(), args...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		stderr := ""
		if exit != nil {
			stderr = string(exit.Stderr)
		}
		h.t.Fatalf("wanctl %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), got, status, out, stderr)
	}
	return string(out)
}

// start runs wanctl until the test ends.
func (h *household) start(args ...string) {
	h.t.Helper()
	cmd := h.command(context.WithoutCancel(h.t.Context()), args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
			h.t.Errorf("wanctl %s: %v\n%s", strings.Join(args, " "), err, &stderr)
		}
	})
}

// bring brings the commands that config init has written to the router.
func (h *household) bring(rsc string) {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, rsc))
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.sim.Run(string(text)); err != nil {
		h.t.Fatalf("%s: %v", rsc, err)
	}
}

// doctor returns what is wrong, and the routes of the WANs, as doctor sees them.
func (h *household) doctor(status int) (wrong []string, ways map[string]string) {
	h.t.Helper()
	var all []struct{ Subject, Check, Status, Text string }
	if err := json.Unmarshal([]byte(h.run(status, "doctor", "--measure", "1s", "-o", "json")), &all); err != nil {
		h.t.Fatal(err)
	}
	ways = map[string]string{}
	for _, f := range all {
		switch {
		case f.Subject == "host": // whatever this machine is like
		case f.Check == "way":
			ways[f.Subject] = f.Text
		case f.Status == "failure":
			wrong = append(wrong, f.Subject+": "+f.Check+": "+f.Text)
		}
	}
	return wrong, ways
}

// TestTwoWANsFromScratch brings a household with two WANs from nothing to loops that
// run, each measured by its own way, with steering, by the commands of the guide.
func TestTwoWANsFromScratch(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	h := newHousehold(t, 5*time.Millisecond, 40*time.Millisecond)
	at := fmt.Sprintf("127.0.0.1:%d", routerPort)

	// The first WAN. The router has neither queues nor a user yet.
	h.run(4, "config", "init", "--wan", "fibre", "--host", at, "--fingerprint", "accept", "--line", "fibre", "--download", "44M", "--upload", "11M")
	h.run(0, "config", "init", "--wan", "fibre", "--host", at, "--fingerprint", h.sim.Fingerprint(), "--offline", "--line", "fibre", "--download", "44M", "--upload", "11M",
		"--wan-interface", "ether1", "--lan-interface", "bridge", "--export", "fibre.rsc")
	if wrong, _ := h.doctor(5); len(wrong) == 0 {
		t.Error("doctor finds nothing on a router that nobody has set up")
	}
	h.bring("fibre.rsc")
	if err := h.sim.Run(`/user set [find name=wanctl] password="secret-of-the-lab" disabled=no`); err != nil {
		t.Fatal(err)
	}
	if wrong, _ := h.doctor(0); wrong != nil {
		t.Errorf("after the first WAN: %q", wrong)
	}

	// The second one, with steering. The router is asked; its queues come as commands.
	h.IP(t, "rule add from 10.0.2.2 lookup 102")
	out := h.run(0, "config", "init", "--wan", "lte", "--line", "lte", "--download", "40M", "--upload", "10M",
		"--wan-interface", "ether2", "--lan-interface", "bridge", "--ping-source", "10.0.2.2", "--wan-gateway", "ether2", "--steer-from", "fibre", "--export", "lte.rsc")
	for _, want := range []string{"wrote " + filepath.Join(h.dir, "steering.yaml"), "address-list add STEER_LTE ADDRESS"} {
		if !strings.Contains(out, want) {
			t.Errorf("config init does not say %q:\n%s", want, out)
		}
	}
	if wrong, _ := h.doctor(5); !slices.ContainsFunc(wrong, func(s string) bool { return strings.HasPrefix(s, `steering: rule: the router has no mangle rule`) }) {
		t.Errorf("before the commands for the second WAN: %q", wrong)
	}
	h.bring("lte.rsc")
	h.run(0, "router", "address-list", "add", "STEER_LTE", "192.168.88.20", "--wan", "lte")
	h.run(0, "config", "validate")
	wrong, ways := h.doctor(0)
	if wrong != nil {
		t.Errorf("after the second WAN: %q", wrong)
	}
	want := map[string]string{"fibre": "measured from 10.0.1.2 by eth1 through 10.0.1.1", "lte": "measured from 10.0.2.2 by eth2 through 10.0.2.1"}
	if !maps.Equal(ways, want) {
		t.Errorf("ways %q, want %q", ways, want)
	}

	// Everything runs, each loop sees its own line, and doctor is content beside it.
	h.start("shape", "--wan", "fibre", "--wan", "lte")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n, wan := range []string{"fibre", "lte"} {
		h.await(ctx, wan, func(w telemetry.WANHealth) bool {
			return slices.Equal(w.Probe.Routes, []telemetry.ProbeRoute{routeBy(n + 1)}) && w.BaselineRTTMs != nil &&
				(*w.BaselineRTTMs > 40) == (wan == "lte")
		})
	}
	h.start("steer", "--config", filepath.Join(h.dir, "steering.yaml"))
	steering := daemonsock.New(filepath.Join(h.dir, "run", "steering.sock"))
	for ; ; time.Sleep(20 * time.Millisecond) {
		if s, err := steering.SteeringHealth(ctx); err == nil && s.Steering.State == "FIBRE_GOOD" {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("steering does not run")
		}
	}
	if wrong, _ := h.doctor(0); wrong != nil {
		t.Errorf("beside the loops: %q", wrong)
	}
	for n, source := range []string{"icmp from 10.0.1.2", "icmp from 10.0.2.2"} {
		if counts := h.Counts(n + 1); counts[source] < 10 {
			t.Errorf("by WAN %d came %v", n+1, counts)
		}
	}
}

// await asks a loop until its answer is as ok wants it.
func (h *household) await(ctx context.Context, wan string, ok func(telemetry.WANHealth) bool) {
	h.t.Helper()
	client := daemonsock.New(filepath.Join(h.dir, "run", wan+".sock"))
	var last any
	for ; ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		doc, err := client.Health(ctx)
		if last = doc; err != nil {
			last = err
		} else if ok(doc.WANs[0]) {
			return
		}
	}
	h.t.Fatalf("%s: never as it should be: %+v", wan, last)
}
