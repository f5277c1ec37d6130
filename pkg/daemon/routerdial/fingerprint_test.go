package routerdial

import (
	"errors"
	"testing"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// What is seen is what can be pinned; nobody logs in for it.
func TestFingerprint(t *testing.T) {
	r, err := simrouter.New(simrouter.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	for _, tt := range []struct {
		service   simrouter.Service
		transport config.Transport
		want      func() string
	}{
		{simrouter.WWWSSL, config.REST, r.Fingerprint},
		{simrouter.APISSL, config.API, r.Fingerprint},
		{simrouter.WWW, config.REST, func() string { return "" }},
		{simrouter.SSH, config.SSH, r.SSHFingerprint},
	} {
		if err := r.StartService(t.Context(), tt.service, "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		host, port := r.HostPortOf(tt.service)
		at := config.Router{Transport: tt.transport, Host: host, Port: port, TLS: tt.service == simrouter.WWWSSL || tt.service == simrouter.APISSL}
		got, err := Fingerprint(t.Context(), at, bounds.Timeout)
		if err != nil || got != tt.want() {
			t.Errorf("%s: %q, %v; want %q", tt.service, got, err, tt.want())
		}
		if at.TLS || at.Transport == config.SSH {
			at.Port = 1
			if _, err := Fingerprint(t.Context(), at, bounds.Timeout); !errors.Is(err, router.ErrUnreachable) {
				t.Errorf("%s: nobody there: %v", tt.service, err)
			}
		}
	}
	if n := r.Logins(); n != 0 {
		t.Errorf("%d logins", n)
	}
}
