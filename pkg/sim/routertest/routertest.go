// Package routertest starts simulated routers for tests of clients. Its own tests are
// the conformance suite of router.Client: what wanctl relies on, above all in failures,
// over every protocol and on real sockets.
package routertest

import (
	"net"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// The queues of the default configuration.
const (
	Download = "WAN-Download-1"
	Upload   = "WAN-Upload-1"
)

// Start runs a simulated router with REST until the end of the test.
func Start(t testing.TB, cfg simrouter.Config) *simrouter.Router {
	t.Helper()
	if cfg.Plain {
		return StartService(t, simrouter.WWW, cfg)
	}
	return StartService(t, simrouter.WWWSSL, cfg)
}

// StartService runs a simulated router with another service.
func StartService(t testing.TB, service simrouter.Service, cfg simrouter.Config) *simrouter.Router {
	t.Helper()
	r, err := simrouter.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.StartService(t.Context(), service, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// StartZoned runs a simulated router with one service on the IPv6 loopback
// address, and returns a host with a zone that leads there, as link-local
// addresses have.
func StartZoned(t testing.TB, service simrouter.Service) (r *simrouter.Router, host string, port int) {
	t.Helper()
	zone := ""
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		if i.Flags&net.FlagLoopback != 0 {
			zone = i.Name
		}
	}
	r, err := simrouter.New(simrouter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if err := r.StartService(t.Context(), service, "[::1]:0"); err != nil || zone == "" {
		t.Skipf("no IPv6 loopback: %v", err)
	}
	host, port = r.HostPortOf(service)
	return r, strings.Trim(host, "[]") + "%" + zone, port
}
