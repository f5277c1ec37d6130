package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/wanctl/wanctl/pkg/cli"
	"github.com/wanctl/wanctl/pkg/cli/app"
	"github.com/wanctl/wanctl/pkg/cli/output"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// TestShapeSessions counts what a loop costs the router: one session where it
// answers one request at a time anyway, else one more for the counters. All of
// them last, since routers log each login.
func TestShapeSessions(t *testing.T) {
	for _, tt := range []struct {
		transport string
		service   simrouter.Service
		sessions  int
	}{
		{"rest", simrouter.WWWSSL, 1},
		{"api", simrouter.APISSL, 2},
		{"ssh", simrouter.SSH, 2},
	} {
		t.Run(tt.transport, func(t *testing.T) {
			t.Parallel()
			sim, err := simrouter.New(simrouter.Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer sim.Close()
			if err := sim.StartService(t.Context(), tt.service, "127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			pin := ""
			if tt.service == simrouter.SSH {
				pin = ", ssh_fingerprint: " + sim.SSHFingerprint()
			}
			dir := t.TempDir()
			config := filepath.Join(dir, "wan.yaml")
			_, port := sim.HostPortOf(tt.service)
			if err := os.WriteFile(config, fmt.Appendf(nil, `wan_name: wan
router: {transport: %s, host: 127.0.0.1, port: %d, user: wanctl, password: wanctl%s}
queues: {download: WAN-Download-1, upload: WAN-Upload-1}
lock_file: %[4]s/wan.lock
state_file: %[4]s/wan.json
logging: {main_log: %[4]s/wan.log}
health_check: {enabled: false}
continuous_monitoring:
  baseline_rtt_initial: 24
  ping_hosts: [127.0.0.1]
  download: {ceiling_mbps: 500, floor_mbps: 100}
  upload: {ceiling_mbps: 40, floor_mbps: 10}
  fallback_checks: {tcp_targets: ["127.0.0.1:1"], gateway_ip: 127.0.0.1}
`, tt.transport, port, pin, dir), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			a := &app.App{
				Streams: output.Streams{In: &bytes.Buffer{}, Out: &stdout, Err: &stderr},
				// This process has more to do than one loop.
				LookupEnv: func(name string) (string, bool) { return "", name == "GOMAXPROCS" },
			}
			if got := cli.Run(t.Context(), a, []string{"shape", "--config", config, "--duration", "1s"}); got != 0 {
				t.Fatalf("exit status %d; stderr:\n%s", got, &stderr)
			}
			c := sim.Counts()
			if c.Connections != tt.sessions || c.Logins != tt.sessions {
				t.Errorf("%d connections and %d logins, want %d of each", c.Connections, c.Logins, tt.sessions)
			}
			if c.Requests < 4 || c.Writes != 0 {
				t.Errorf("%d requests, %d writes: it has hardly run, or written without need", c.Requests, c.Writes)
			}
		})
	}
}
