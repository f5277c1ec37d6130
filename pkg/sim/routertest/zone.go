package routertest

import (
	"net"
	"strings"
	"testing"

	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

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
