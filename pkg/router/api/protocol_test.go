package api

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// A web server may wait in silence for the end of what it takes for a line. It is
// recognised on a connection of its own, long before the call times out.
func TestSilentWebServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
				in := bufio.NewReader(c)
				line, err := in.ReadString('\n')
				if err == nil && strings.HasPrefix(line, "HEAD / ") {
					_, _ = io.WriteString(c, "HTTP/1.1 501 Not Implemented\r\n\r\n")
				}
				_, _ = io.Copy(io.Discard, in)
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	addr := ln.Addr().(*net.TCPAddr)
	c := newClient(t, Config{Host: "127.0.0.1", Port: addr.Port, User: "admin", Plain: true, Timeout: 2 * time.Minute})
	start := time.Now()
	_, err = c.Info(t.Context())
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
	if !errors.Is(err, router.ErrUnreachable) || !strings.Contains(err.Error(), "speaks HTTP, not the API") {
		t.Errorf("got %v", err)
	}
}

// The API spoken to a port of REST, or without TLS to one with it, and the reverse.
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
			cfg.Plain, cfg.Timeout = tt.plain, 2*time.Minute
			start := time.Now()
			_, err := newClient(t, cfg).Info(t.Context())
			if took := time.Since(start); took > time.Minute {
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
