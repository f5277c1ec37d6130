package rest_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config is that of a client of r as admin.
func config(r *simrouter.Router) rest.Config {
	host, port := r.HostPort()
	return rest.Config{Host: host, Port: port, User: "admin", Timeout: 10 * time.Second}
}

// setQueue changes one queue.
func setQueue(ctx context.Context, c router.Client, name string, set router.QueueSettings) (router.Queue, error) {
	queues, err := c.SetQueues(ctx, router.QueueChange{Name: name, QueueSettings: set})
	return queues[0], err
}

func newClient(t testing.TB, cfg rest.Config) *rosclient.Client {
	t.Helper()
	c, err := rest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestConformance(t *testing.T) {
	for _, version := range []string{"7.12", "7.18", "7.22.1", "7.24.4"} {
		t.Run(version, func(t *testing.T) {
			suite := routertest.Suite{Service: simrouter.WWWSSL, RequestsPerWrite: 1, Dial: dial}
			suite.Run(t, simrouter.Config{Version: version})
		})
	}
}

func dial(t testing.TB, r *simrouter.Router, o routertest.Options) router.Client {
	cfg := config(r)
	cfg.Fingerprint = r.Fingerprint()
	cfg.User, cfg.Password, cfg.Now = o.User, func() string { return o.Password }, o.Now
	if o.Timeout > 0 {
		cfg.Timeout = o.Timeout
	}
	return newClient(t, cfg)
}
