//go:build linux

package lab_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
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

type routedWAN struct {
	name, key string // of the configuration
	rule      string // of the host
	delay     time.Duration
}

// routedWANs have a line each, in this order, and lead the probes there by different
// means.
var routedWANs = []routedWAN{
	{"first", "", "", 5 * time.Millisecond},
	{"source", "ping_source: 10.0.2.2", "from 10.0.2.2 lookup 102", 20 * time.Millisecond},
	{"mark", "ping_mark: 0x14", "fwmark 0x14 lookup 103", 35 * time.Millisecond},
	{"interface", "ping_interface: eth4", "oif eth4 lookup 104", 50 * time.Millisecond},
}

// nearestTo returns the WAN whose line has a round-trip time next to ms.
func nearestTo(ms float64) routedWAN {
	return slices.MinFunc(routedWANs, func(a, b routedWAN) int {
		off := func(w routedWAN) float64 { return math.Abs(ms - 2000*w.delay.Seconds()) }
		return cmp.Compare(off(a), off(b))
	})
}

func routeBy(n int) telemetry.ProbeRoute {
	return telemetry.ProbeRoute{Source: fmt.Sprintf("10.0.%d.2", n), Interface: fmt.Sprintf("eth%d", n), Gateway: fmt.Sprintf("10.0.%d.1", n)}
}

// routedRig is a host with several WANs, a router and the program.
type routedRig struct {
	*lab.WANs
	dir, binary string
}

func newRoutedRig(t *testing.T) *routedRig {
	var delays []time.Duration
	for _, wan := range routedWANs {
		delays = append(delays, wan.delay)
	}
	r := &routedRig{WANs: lab.NewWANs(t, delays...), binary: builtWanctl(t)}
	var err error
	if r.dir, err = os.MkdirTemp("", "wanctl"); err != nil { // short, for the sockets in it
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(r.dir) })
	script := "/user group add name=wanctl policy=read,write,rest-api,api\n/user add name=wanctl group=wanctl password=secret-of-the-lab\n"
	for _, wan := range routedWANs {
		if wan.rule != "" {
			r.IP(t, "rule add "+wan.rule)
		}
		script += r.queues(wan.name)
	}
	sim, err := simrouter.New(simrouter.Config{Script: script + r.queues("stray")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	ln, err := r.Listen(t.Context(), fmt.Sprintf("127.0.0.1:%d", routerPort))
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.ServeService(simrouter.WWWSSL, ln); err != nil {
		t.Fatal(err)
	}
	for _, wan := range routedWANs {
		r.configure(t, wan.name, wan.key, sim.Fingerprint())
	}
	r.configure(t, "stray", "", sim.Fingerprint())
	return r
}

func (r *routedRig) queues(wan string) string {
	return fmt.Sprintf("/queue tree add name=%[1]s-down parent=global max-limit=44M\n/queue tree add name=%[1]s-up parent=global max-limit=11M\n", wan)
}

func (r *routedRig) configure(t *testing.T, wan, key, fingerprint string) {
	t.Helper()
	text := fmt.Sprintf(`wan_name: %[1]s
router: {transport: rest, host: 127.0.0.1, port: %[2]d, user: wanctl, password: secret-of-the-lab, tls_fingerprint: "%[3]s"}
queues: {download: %[1]s-down, upload: %[1]s-up}
lock_file: %[4]s/%[1]s.lock
state_file: %[4]s/%[1]s.json
logging: {main_log: %[4]s/%[1]s.log}
health_check: {enabled: false}
continuous_monitoring:
  %[5]s
  baseline_rtt_initial: 60
  ping_hosts: [%[6]s]
  download: {ceiling_mbps: 44, floor_mbps: 10}
  upload: {ceiling_mbps: 11, floor_mbps: 2}
  fallback_checks: {tcp_targets: ["%[7]s:443"]}
`, wan, routerPort, fingerprint, r.dir, key, strings.Join(lab.Reflectors(), ", "), lab.Reflectors()[0])
	if err := os.WriteFile(filepath.Join(r.dir, wan+".yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shape runs `wanctl shape` for the WANs until stop is called.
func (r *routedRig) shape(t *testing.T, wans ...string) (stop func()) {
	t.Helper()
	args := []string{"shape", "--config-dir", r.dir}
	for _, wan := range wans {
		args = append(args, "--wan", wan)
	}
	cmd := r.Command(t.Context(), r.binary, args...)
	var output strings.Builder
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
			t.Errorf("wanctl shape: %v\n%s", err, &output)
		}
		if t.Failed() {
			t.Logf("wanctl shape %v:\n%s", wans, &output)
		}
	}
}

// health asks a loop until its answer is as ok wants it.
func (r *routedRig) health(ctx context.Context, t *testing.T, wan string, ok func(telemetry.WANHealth) bool) telemetry.WANHealth {
	t.Helper()
	client := daemonsock.New(filepath.Join(r.dir, wan+".sock"))
	var last any
	for ctx.Err() == nil {
		h, err := client.Health(ctx)
		last = err
		if err == nil {
			last = h
			if ok(h.WANs[0]) {
				return h.WANs[0]
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s: never as it should be: %+v", wan, last)
	return telemetry.WANHealth{}
}

// routes runs `wanctl probe` and sends the routes that it prints.
func (r *routedRig) routes(ctx context.Context, t *testing.T, args ...string) <-chan telemetry.ProbeRoute {
	t.Helper()
	cmd := r.Command(ctx, r.binary, append([]string{"probe", "--config-dir", r.dir, "-q", "-o", "jsonl"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	routes := make(chan telemetry.ProbeRoute, 16)
	go func() {
		defer close(routes)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var sample struct {
				Event string
				telemetry.ProbeRoute
			}
			if json.Unmarshal(lines.Bytes(), &sample) == nil && sample.Event == "route" {
				routes <- sample.ProbeRoute
			}
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // it may have been ended on purpose
	}()
	return routes
}

// TestProbesUseTheirWAN runs the real program on a host that routes by source, mark
// and interface. What arrives at the far ends, the delay that is measured and the route
// that is shown must be those of each WAN; and another process that measures by the
// same route must be told of it.
func TestProbesUseTheirWAN(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	r := newRoutedRig(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var names []string
	for _, wan := range routedWANs {
		names = append(names, wan.name)
	}
	stop := r.shape(t, names...)
	for i, wan := range routedWANs {
		// A busy machine adds to a round-trip time, but not for ever.
		h := r.health(ctx, t, wan.name, func(h telemetry.WANHealth) bool {
			return h.Probe.Routes != nil && h.LoadRTTMs != nil && nearestTo(*h.LoadRTTMs).name == wan.name
		})
		if want := []telemetry.ProbeRoute{routeBy(i + 1)}; !slices.Equal(h.Probe.Routes, want) {
			t.Errorf("%s: routes %v, want %v", wan.name, h.Probe.Routes, want)
		}
	}
	for _, wan := range routedWANs {
		if h := r.health(ctx, t, wan.name, func(telemetry.WANHealth) bool { return true }); h.Warnings != nil {
			t.Errorf("%s: %q", wan.name, h.Warnings)
		}
	}
	stray := r.shape(t, "stray")
	h := r.health(ctx, t, "stray", func(h telemetry.WANHealth) bool { return h.Warnings != nil })
	if want := "the probes leave by the same route as those of first, from 10.0.1.2 by eth1 through 10.0.1.1: "; !strings.HasPrefix(h.Warnings[0], want) {
		t.Errorf("warnings %q, want %s...", h.Warnings, want)
	}
	stray()
	stop()
	for i, wan := range routedWANs {
		counts := r.Counts(i + 1)
		source := fmt.Sprintf(" from 10.0.%d.2", i+1)
		for who := range counts { // connections too, where replies were late
			if !strings.HasSuffix(who, source) {
				t.Errorf("by the WAN of %s came %v", wan.name, counts)
			}
		}
		if counts["icmp"+source] < 10 {
			t.Errorf("by the WAN of %s came only %v", wan.name, counts)
		}
	}

	// Connections take the same ways, and a rule that goes is noticed.
	for i, wan := range routedWANs {
		for range r.routes(ctx, t, "--wan", wan.name, "--method", "tcp", "--count", "3") {
		}
		if want := fmt.Sprintf("tcp from 10.0.%d.2", i+1); r.Counts(i + 1)[want] < 3 {
			t.Errorf("connections of %s did not take its WAN", wan.name)
		}
	}
	probing, end := context.WithCancel(ctx)
	defer end()
	routes := r.routes(probing, t, "--wan", "mark")
	if got := <-routes; got != routeBy(3) {
		t.Errorf("measured by %v, want %v", got, routeBy(3))
	}
	r.IP(t, "rule del fwmark 0x14 lookup 103")
	if got := <-routes; got != routeBy(1) {
		t.Errorf("without its rule measured by %v, want %v", got, routeBy(1))
	}
	end()
	for range routes {
	}
}
