package rest_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/rosclient"
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
