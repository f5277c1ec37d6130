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
