package rest_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/router/routertest"
	"github.com/wanctl/wanctl/pkg/router/simrouter"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config is that of a client of r as admin.
func config(r *simrouter.Router) rest.Config {
	host, port := r.HostPort()
	return rest.Config{Host: host, Port: port, User: "admin", Timeout: 10 * time.Second}
}

func newClient(t testing.TB, cfg rest.Config) *rest.Client {
	t.Helper()
	c, err := rest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestConformance(t *testing.T) {
	routertest.Run(t, func(t *testing.T, r *simrouter.Router, o routertest.Options) router.Client {
		cfg := config(r)
		cfg.Fingerprint = r.Fingerprint()
		cfg.User, cfg.Password, cfg.Now = o.User, func() string { return o.Password }, o.Now
		if o.Timeout > 0 {
			cfg.Timeout = o.Timeout
		}
		return newClient(t, cfg)
	})
}
