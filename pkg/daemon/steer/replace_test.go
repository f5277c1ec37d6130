package steer

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

// TestReplaceLoop stops the loop and starts it anew with another configuration
// while its process runs on. What a loop holds is free in between: lock, socket and
// metrics.
func TestReplaceLoop(t *testing.T) {
	sim, err := simrouter.New(simrouter.Config{ScriptName: "replace", Script: `/ip firewall mangle
add chain=prerouting action=mark-connection comment=steer disabled=yes
/user group add name=wanctl policy=read,write,api,rest-api
/user add name=wanctl group=wanctl password=wanctl
`})
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
	load := func(red int) *Config {
		t.Helper()
		_, port := sim.HostPort()
		path := filepath.Join(dir, "steering.yaml")
		text := fmt.Sprintf(`wan_name: steering
router: {host: 127.0.0.1, port: %d, user: wanctl, password: wanctl}
topology: {primary_wan: dsl, alternate_wan: lte}
mangle_rule: {comment: steer}
measurement: {ping_host: 127.0.0.1}
mode: {cake_aware: false}
thresholds: {red_rtt_ms: %d}
lock_file: %[3]s/steering.lock
state: {file: %[3]s/steering.json}
logging: {main_log: %[3]s/steering.log}
health_check: {enabled: false}
`, port, red, dir)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, _, err := Load(path, config.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}

	var console strings.Builder
	o := Options{Options: daemon.Options{Err: &console, LookupEnv: os.LookupEnv, Version: "1.2.3"}}
	ctx, p, err := newProcess(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	loops := p.Set
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("%v; console:\n%s", err, &console)
		}
	})
	ctx, cancel := context.WithCancel(ctx)
	start := func(red int) {
		t.Helper()
		cfg := load(red)
		if err := loops.Start(cfg.Name, func() daemon.Loop { return NewController(p, cfg, Mode{}) }); err != nil {
			t.Fatal(err)
		}
	}
	start(40)
	ended := make(chan error, 1)
	go func() { ended <- loops.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	<-loops.Ready()

	ask := func() (telemetry.SteeringHealth, error) {
		return daemonsock.New(filepath.Join(dir, "steering.sock")).SteeringHealth(ctx)
	}
	// runsWith waits until the loop has assessed with the threshold.
	runsWith := func(red float64) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			h, err := ask()
			families, gatherErr := telemetry.OfWAN(p.Registry, "dsl").Gather()
			if err == nil && gatherErr == nil && h.Thresholds.RedRTTMs == red && len(families) > 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("20 s later: %+v, %v, %d families, %v", h, err, len(families), gatherErr)
			}
		}
	}
	runsWith(40)
	if err := loops.Stop("steering"); err != nil {
		t.Fatal(err)
	}
	lock, err := state.Acquire(filepath.Join(dir, "steering.lock"))
	if err != nil {
		t.Fatalf("the lock is still held: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	if _, err := ask(); !errors.Is(err, daemonsock.ErrNotRunning) {
		t.Errorf("the socket still answers: %v", err)
	}
	if families, err := telemetry.OfWAN(p.Registry, "dsl").Gather(); err != nil || len(families) != 0 {
		t.Errorf("%d families of metrics are left, %v", len(families), err)
	}
	start(50)
	runsWith(50)
}
