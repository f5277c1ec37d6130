package api

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// The API spoken to a port of REST is recognised long before the call times out,
// since a web server waits in silence for the end of a line.
func TestPortOfAnotherService(t *testing.T) {
	for _, tt := range []struct {
		name    string
		service simrouter.Service
		plain   bool
		want    []string
	}{
		{"api-ssl to https", simrouter.WWWSSL, false, []string{"speaks HTTP, not the API", "port of api-ssl", "router.transport: rest"}},
		{"api to http", simrouter.WWW, true, []string{"speaks HTTP, not the API", "port of api (", "router.transport: rest"}},
		{"api-ssl to api", simrouter.API, false, []string{"speaks the API without TLS, not api-ssl", "router.port", "router.tls: false"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := routertest.StartService(t, tt.service, simrouter.Config{})
			cfg := config(r, tt.service)
			cfg.Plain = tt.plain
			start := time.Now()
			_, err := newClient(t, cfg).Info(t.Context())
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("took %v", took)
			}
			if !errors.Is(err, router.ErrUnreachable) {
				t.Fatalf("class of %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q: %v", w, err)
				}
			}
		})
	}
}

// A link-local address has a zone. The loopback address takes one as well.
func TestAddressWithAZone(t *testing.T) {
	for _, service := range []simrouter.Service{simrouter.API, simrouter.APISSL} {
		t.Run(string(service), func(t *testing.T) {
			r, host, port := routertest.StartZoned(t, service)
			cfg := config(r, service)
			cfg.Host, cfg.Port = host, port
			if _, err := newClient(t, cfg).Queue(t.Context(), routertest.Download); err != nil {
				t.Error(err)
			}
		})
	}
}
