package ssh_test

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/ssh"
	"github.com/wanctl/wanctl/pkg/sim/routertest"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

// SSH spoken to a port of another service is recognised long before the call times
// out.
func TestPortOfAnotherService(t *testing.T) {
	for service, want := range map[simrouter.Service]string{
		simrouter.API:    "speaks the API without TLS, not ssh",
		simrouter.APISSL: "is this the port of ssh (router.port)?",
		simrouter.WWW:    "is this the port of ssh (router.port)?",
		simrouter.WWWSSL: "is this the port of ssh (router.port)?",
	} {
		t.Run(string(service), func(t *testing.T) {
			r := routertest.StartService(t, service, simrouter.Config{})
			cfg := config(r)
			cfg.Host, cfg.Port = r.HostPortOf(service)
			cfg.Timeout = 2 * time.Minute
			start := time.Now()
			_, err := newClient(t, cfg).Info(t.Context())
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
			if !errors.Is(err, router.ErrUnreachable) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

// A router that is slow with its keys has greeted before, and is not checked.
func TestSlowRouterIsNotChecked(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connections atomic.Int32
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			_, _ = c.Write([]byte("SSH-2.0-ROSSSH\r\n"))
			time.AfterFunc(1500*time.Millisecond, func() { _ = c.Close() })
		}
	})
	defer serving.Wait()
	defer func() { _ = ln.Close() }()
	addr := ln.Addr().(*net.TCPAddr)
	_, err = newClient(t, ssh.Config{Host: "127.0.0.1", Port: addr.Port, User: "admin", Fingerprint: "SHA256:" + strings.Repeat("A", 43), Timeout: 10 * time.Second}).Info(t.Context())
	if !errors.Is(err, router.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}
