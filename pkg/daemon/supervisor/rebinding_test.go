package supervisor

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

func TestRejectRebinding(t *testing.T) {
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	loopback := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9103}
	for _, c := range []struct {
		name string
		at   net.Addr
		host string
		want int
	}{
		{"by address", loopback, "127.0.0.1:9103", 200},
		{"by the other address", &net.TCPAddr{IP: net.IPv6loopback}, "[::1]:9103", 200},
		{"by an address without a port", loopback, "[::1]", 200},
		{"by localhost", loopback, "localhost:9103", 200},
		{"by LOCALHOST.", loopback, "LOCALHOST.", 200},
		{"by a name below localhost", loopback, "status.localhost", 200},
		{"by the name of the system", loopback, own + ":9103", 200},
		{"by no name", loopback, "", 200},
		{"by somebody's name", loopback, "evil.example", 421},
		{"by a name that looks like it", loopback, "localhost.evil.example:9103", 421},
		{"by a name that looks like an address", loopback, "127.0.0.1.evil.example", 421},
		{"by any name from outside", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, "wan.example", 200},
		{"by any name over a socket", &net.UnixAddr{Name: "/run/x.sock"}, "x", 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Host = c.host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, c.at))
			w := httptest.NewRecorder()
			RejectRebinding(hello).ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%d, want %d: %s", w.Code, c.want, w.Body)
			}
		})
	}
}
