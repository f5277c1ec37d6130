package rest_test

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rest"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// REST spoken to a port of another service is recognised long before the call times
// out. The API waits in silence for the rest of what it takes for a word.
func TestPortOfAnotherService(t *testing.T) {
	for _, tt := range []struct {
		name    string
		service simrouter.Service
		plain   bool
		want    []string
	}{
		{"https to api-ssl", simrouter.APISSL, false, []string{"speaks the API, not www-ssl", "router.port", "router.transport: api"}},
		{"https to api", simrouter.API, false, []string{"speaks the API without TLS, not www-ssl", "router.port", "router.tls: false"}},
		{"https to ssh", simrouter.SSH, false, []string{"speaks SSH, not www-ssl", "port of www-ssl", "router.transport: ssh"}},
		{"http to ssh", simrouter.SSH, true, []string{"speaks SSH, not www", "router.port", "router.transport: ssh"}},
		{"http to api", simrouter.API, true, []string{"speaks the API without TLS, not www", "router.port", "router.transport: api"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := routertest.StartService(t, tt.service, simrouter.Config{})
			host, port := r.HostPortOf(tt.service)
			c := newClient(t, rest.Config{Host: host, Port: port, User: "admin", Plain: tt.plain, Timeout: 2 * time.Minute})
			start := time.Now()
			_, err := c.Info(t.Context())
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
			wantRefusal(t, err, router.ErrUnreachable, tt.want...)
			if errors.Is(err, router.ErrOutcomeUnknown) {
				t.Errorf("the API cannot have carried out a request of REST: %v", err)
			}
		})
	}
	t.Run("that answers at once", func(t *testing.T) {
		host, port := serving(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1))
			_, _ = c.Write([]byte("\x06!fatal\x0dnot logged in\x00"))
		})
		c := newClient(t, rest.Config{Host: host, Port: port, User: "admin", Plain: true, Timeout: 10 * time.Second})
		_, err := c.Info(t.Context())
		wantRefusal(t, err, router.ErrUnreachable, "speaks the API")
	})
}

// A service that is only slow is not taken for another, and once it has answered
// it is not checked any more.
func TestSlowServiceIsREST(t *testing.T) {
	for _, service := range []simrouter.Service{simrouter.WWW, simrouter.WWWSSL} {
		t.Run(string(service), func(t *testing.T) {
			t.Parallel()
			r := routertest.StartService(t, service, simrouter.Config{Latency: 1200 * time.Millisecond})
			host, port := r.HostPortOf(service)
			c := newClient(t, rest.Config{Host: host, Port: port, User: "admin", Plain: service == simrouter.WWW, Timeout: 10 * time.Second})
			if _, err := c.Queues(t.Context()); err != nil {
				t.Error(err)
			}
			r.DropConnections()
			if _, err := c.Queues(t.Context()); err != nil {
				t.Error(err)
			}
			if n := r.Counts().Connections; n > 3 {
				t.Errorf("%d connections, want two and a check", n)
			}
		})
	}
}

// A link-local address has a zone, which is no part of a certificate, a URL or a
// Host header. The loopback address takes one as well.
func TestAddressWithAZone(t *testing.T) {
	for _, service := range []simrouter.Service{simrouter.WWW, simrouter.WWWSSL} {
		t.Run(string(service), func(t *testing.T) {
			r, host, port := routertest.StartZoned(t, service)
			c := newClient(t, rest.Config{Host: host, Port: port, User: "admin", Plain: service == simrouter.WWW, Timeout: 10 * time.Second})
			if _, err := c.Queue(t.Context(), routertest.Download); err != nil {
				t.Error(err)
			}
			if s := c.String(); !strings.Contains(s, net.JoinHostPort(host, strconv.Itoa(port))) {
				t.Errorf("shown as %s", s)
			}
			r.Refuse()
			r.DropConnections()
			if _, err := c.Queue(t.Context(), routertest.Download); err == nil || !strings.Contains(err.Error(), host) {
				t.Errorf("without a service: %v", err)
			}
		})
	}
}
