package shape

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
	"github.com/wanctl/wanctl/pkg/state"
	"github.com/wanctl/wanctl/pkg/telemetry"
	"github.com/wanctl/wanctl/pkg/telemetry/daemonsock"
)

// replaceRouter has the queues of two WANs.
const replaceRouter = `/queue tree
add name=WAN-Download-1 parent=global max-limit=500M
add name=WAN-Upload-1 parent=global max-limit=40M
add name=WAN-Download-2 parent=global max-limit=500M
add name=WAN-Upload-2 parent=global max-limit=40M
/user group add name=wanctl policy=read,write,api,rest-api
/user add name=wanctl group=wanctl password=wanctl
`

// TestReplaceLoop stops one of two loops and starts it anew with another
// configuration, while the other one ticks on. What a loop holds is free in
// between: lock, socket, metrics, history and the place in the health document.
func TestReplaceLoop(t *testing.T) {
	sim, err := simrouter.New(simrouter.Config{Script: replaceRouter, ScriptName: "replace"})
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	// A short path: a socket's has 107 bytes at most.
	dir, err := os.MkdirTemp("", "wanctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	wan := func(name string, n, ceiling int) *config.WAN {
		_, port := sim.HostPort()
		cfg, _, err := config.Parse(strings.NewReader(fmt.Sprintf(`wan_name: %[1]s
router: {host: 127.0.0.1, port: %[2]d, user: wanctl, password: wanctl}
queues: {download: WAN-Download-%[3]d, upload: WAN-Upload-%[3]d}
lock_file: %[5]s/%[1]s.lock
state_file: %[5]s/%[1]s.json
logging: {main_log: %[5]s/%[1]s.log}
health_check: {enabled: false}
continuous_monitoring:
  baseline_rtt_initial: 24
  ping_hosts: [127.0.0.1]
  download: {ceiling_mbps: %[4]d, floor_mbps: 100}
  upload: {ceiling_mbps: 40, floor_mbps: 10}
  fallback_checks: {tcp_targets: ["127.0.0.1:1"], gateway_ip: 127.0.0.1}
`, name, port, n, ceiling, dir)), name+".yaml", config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}

	var console strings.Builder
	ctx, p, err := daemon.NewProcess(t.Context(), daemon.Options{Err: &console, LookupEnv: os.LookupEnv, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	registry := p.Registry
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("%v; console:\n%s", err, &console)
		}
	})
	start := func(cfg *config.WAN) {
		t.Helper()
		if err := p.Set.Start(cfg.Name, func() daemon.Loop { return NewWANController(p, cfg, Mode{}) }); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	// One that is there from the start, and one that comes.
	if err := p.Set.Open(ctx, NewWANController(p, wan("dsl", 1, 500), Mode{})); err != nil {
		t.Fatal(err)
	}
	start(wan("lte", 2, 500))
	ended := make(chan error, 2)
	go func() { ended <- p.Set.Run(ctx) }()
	go func() { ended <- p.Past.Run(ctx) }()
	defer func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	<-p.Set.Ready()

	lte := func() uint64 {
		t.Helper()
		for _, w := range daemon.Loops[*WANController](p.Set) {
			if w.Name() == "lte" {
				st, err := w.loop.Status(ctx)
				if err != nil {
					t.Fatal(err)
				}
				return st.Ticks
			}
		}
		t.Fatal("lte does not run")
		return 0
	}
	socket := func(name string) (*telemetry.WANHealth, error) {
		h, err := daemonsock.New(filepath.Join(dir, name+".sock")).Health(ctx)
		if err != nil || len(h.WANs) != 1 {
			return nil, err
		}
		return &h.WANs[0], nil
	}
	ceiling := func(want float64) {
		t.Helper()
		h, err := socket("dsl")
		if err != nil {
			t.Fatal(err)
		}
		if h.Download.CeilingMbps == nil || *h.Download.CeilingMbps != want {
			t.Errorf("ceiling %v, want %v", h.Download.CeilingMbps, want)
		}
	}
	series := func(name string) int {
		t.Helper()
		families, err := telemetry.OfWAN(registry, name).Gather()
		if err != nil {
			t.Fatal(err)
		}
		return len(families)
	}
	ceiling(500)
	if err := p.Set.Start("dsl", func() daemon.Loop { return NewWANController(p, wan("dsl", 1, 500), Mode{}) }); err == nil {
		t.Error("two loops of one name")
	}

	before := lte()
	if err := p.Set.Stop("dsl"); err != nil {
		t.Fatal(err)
	}
	lock, err := state.Acquire(filepath.Join(dir, "dsl.lock"))
	if err != nil {
		t.Fatalf("the lock is still held: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	if _, err := socket("dsl"); !errors.Is(err, daemonsock.ErrNotRunning) {
		t.Errorf("the socket still answers: %v", err)
	}
	if n := series("dsl"); n != 0 {
		t.Errorf("%d families of metrics are left", n)
	}
	if _, kept := p.Past.Since(time.Time{}).WANs["dsl"]; kept {
		t.Error("the history still has the WAN")
	}
	if h := p.Checker.Health(ctx); len(h.WANs) != 1 || h.WANs[0].Name != "lte" {
		t.Errorf("health document of %+v", h.WANs)
	}
	if series("lte") == 0 {
		t.Error("the metrics of the other WAN are gone")
	}

	start(wan("dsl", 1, 300))
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := socket("dsl"); err == nil && series("dsl") > 0 && lte() > before+3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a minute later: %d series, the other loop at tick %d, was %d", series("dsl"), lte(), before)
		}
	}
	ceiling(300)
	if len(p.Checker.Health(ctx).WANs) != 2 {
		t.Error("the health document lacks a WAN")
	}
	if err := p.Set.Stop("sat"); err == nil {
		t.Error("stopped a loop that does not exist")
	}
}
