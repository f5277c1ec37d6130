package api

import (
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// config is that of a client of r, which runs this service, as admin.
func config(r *simrouter.Router, service simrouter.Service) Config {
	host, port := r.HostPortOf(service)
	return Config{Host: host, Port: port, User: "admin", Plain: service == simrouter.API, Timeout: 10 * time.Second}
}

// suite is the conformance suite for api or api-ssl.
func suite(service simrouter.Service) routertest.Suite {
	return routertest.Suite{
		Service: service, RequestsPerWrite: 2, // set and print, sent together
		Dial: func(t testing.TB, r *simrouter.Router, o routertest.Options) router.Client {
			cfg := config(r, service)
			if !cfg.Plain {
				cfg.Fingerprint = r.Fingerprint()
			}
			cfg.User, cfg.Password, cfg.Now = o.User, func() string { return o.Password }, o.Now
			if o.Timeout > 0 {
				cfg.Timeout = o.Timeout
			}
			return newClient(t, cfg)
		},
	}
}

func TestConformance(t *testing.T) {
	for _, version := range []string{"6.49.10", "7.12", "7.18", "7.22.1", "7.24.4"} {
		t.Run(version, func(t *testing.T) {
			suite(simrouter.API).Run(t, simrouter.Config{Version: version})
		})
	}
	t.Run("TLS", func(t *testing.T) {
		suite(simrouter.APISSL).Run(t, simrouter.Config{})
	})
}

func BenchmarkAPI(b *testing.B) { suite(simrouter.API).Bench(b, simrouter.Config{}) }

func BenchmarkAPISSL(b *testing.B) { suite(simrouter.APISSL).Bench(b, simrouter.Config{}) }
