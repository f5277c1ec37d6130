package cli_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wanctl/wanctl/pkg/cli"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// TestShapeNotifiesSystemd runs shape as a service: systemd is told when it is
// ready and when it stops, and the loop keeps the watchdog quiet.
func TestShapeNotifiesSystemd(t *testing.T) {
	sim, err := simrouter.New(simrouter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	dir := t.TempDir()
	_, port := sim.HostPort()
	config := filepath.Join(dir, "wan.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `wan_name: wan
router: {host: 127.0.0.1, port: %d, user: wanctl, password: wanctl}
queues: {download: WAN-Download-1, upload: WAN-Upload-1}
lock_file: %[2]s/run/wan.lock
state_file: %[2]s/state/wan.json
logging: {main_log: %[2]s/log/wan.log}
health_check: {enabled: false}
continuous_monitoring:
  baseline_rtt_initial: 24
  ping_hosts: [127.0.0.1]
  download: {ceiling_mbps: 500, floor_mbps: 100}
  upload: {ceiling_mbps: 40, floor_mbps: 10}
  fallback_checks: {tcp_targets: ["127.0.0.1:1"], gateway_ip: 127.0.0.1}
`, port, dir), 0o600); err != nil {
		t.Fatal(err)
	}

	// A short path: a socket's has 107 bytes at most.
	sockets, err := os.MkdirTemp("", "wanctl")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(sockets)
	addr := &net.UnixAddr{Net: "unixgram", Name: filepath.Join(sockets, "notify")}
	systemd, err := net.ListenUnixgram("unixgram", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", addr.Name)
	t.Setenv("WATCHDOG_USEC", "300000")

	var stdout, stderr bytes.Buffer
	a := &app.App{
		Streams: output.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr},
		LookupEnv: func(name string) (string, bool) {
			if name == "NOTIFY_SOCKET" {
				return addr.Name, true
			}
			return "", name == "GOMAXPROCS" // this process has more to do than one loop
		},
	}
	began := time.Now()
	status := make(chan int, 1)
	go func() { status <- cli.Run(t.Context(), a, []string{"shape", "--config", config, "--duration", "2s"}) }()

	// Read while it runs: a socket holds ten messages, and more are lost.
	if err := systemd.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var told []string
	watchdogs := 0
	buf := make([]byte, 4096)
	for message := ""; !strings.HasPrefix(message, "STOPPING=1"); {
		n, err := systemd.Read(buf)
		if err != nil {
			t.Fatalf("told %q, and then: %v; exit status %d; stderr:\n%s", told, err, <-status, &stderr)
		}
		switch message = string(buf[:n]); message {
		case "WATCHDOG=1":
			watchdogs++
		default:
			told = append(told, message)
		}
	}
	if got := <-status; got != 0 {
		t.Fatalf("exit status %d, want 0; stderr:\n%s", got, &stderr)
	}
	want := []string{"READY=1\nSTATUS=shaping wan", "STOPPING=1\nSTATUS=--duration is over"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told systemd (-want +got):\n%s", diff)
	}
	if took := time.Since(began); watchdogs < 3 || watchdogs > int(took/(100*time.Millisecond))+1 {
		t.Errorf("%d watchdog pings in %v, want one every 100 ms", watchdogs, took)
	}
	if stdout.Len() > 0 {
		t.Errorf("standard output: %q", &stdout)
	}
}
