package ssh_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/ssh"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a router that is reached by SSH alone.
func start(t testing.TB, cfg simrouter.Config) *simrouter.Router {
	t.Helper()
	return routertest.StartService(t, simrouter.SSH, cfg)
}

// config is that of a client of r as admin.
func config(r *simrouter.Router) ssh.Config {
	host, port := r.HostPortOf(simrouter.SSH)
	return ssh.Config{Host: host, Port: port, User: "admin", Fingerprint: r.SSHFingerprint(), Timeout: 10 * time.Second}
}

// setQueue changes one queue.
func setQueue(ctx context.Context, c router.Client, name string, set router.QueueSettings) (router.Queue, error) {
	queues, err := c.SetQueues(ctx, router.QueueChange{Name: name, QueueSettings: set})
	return queues[0], err
}

func newClient(t testing.TB, cfg ssh.Config) *rosclient.Client {
	t.Helper()
	c, err := ssh.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func dial(t testing.TB, r *simrouter.Router, o routertest.Options) router.Client {
	cfg := config(r)
	cfg.User, cfg.Password, cfg.Now = o.User, func() string { return o.Password }, o.Now
	if o.Timeout > 0 {
		cfg.Timeout = o.Timeout
	}
	return newClient(t, cfg)
}

// TestConformance: every version, and every way a console may show what the
// client relies on.
func TestConformance(t *testing.T) {
	suite := routertest.Suite{Service: simrouter.SSH, RequestsPerWrite: 1, Dial: dial}
	for _, tt := range []struct {
		name string
		cfg  simrouter.Config
	}{
		{"7.22.1", simrouter.Config{Version: "7.22.1"}},
		{"7.24.4", simrouter.Config{}},
		{"7.18 with exit status 1", with("7.18", simrouter.SSHQuirks{Exit: simrouter.ExitOne})},
		{"7.12 with padding", with("7.12", simrouter.SSHQuirks{Pad: 100})},
		{"6.49.10 without exit status", with("6.49.10", simrouter.SSHQuirks{Exit: simrouter.ExitMissing, HostKey: "ed25519"})},
	} {
		t.Run(tt.name, func(t *testing.T) { suite.Run(t, tt.cfg) })
	}
}

func with(version string, q simrouter.SSHQuirks) simrouter.Config {
	return simrouter.Config{Version: version, Quirks: simrouter.Quirks{SSH: q}}
}

func BenchmarkClient(b *testing.B) {
	suite := routertest.Suite{Service: simrouter.SSH, Dial: dial}
	suite.Bench(b, simrouter.Config{})
}
