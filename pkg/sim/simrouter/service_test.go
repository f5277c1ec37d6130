package simrouter

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startBoth starts REST without TLS and the API on one router.
func startBoth(t *testing.T, cfg Config) (*Router, client) {
	t.Helper()
	cfg.Plain, cfg.Script = true, apiScript
	r := start(t, cfg)
	if err := r.StartService(t.Context(), API, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return r, client{t, r, "admin:secret"}
}

func TestServicesShareOneRouter(t *testing.T) {
	r, rest := startBoth(t, Config{})
	api := login(t, r)
	api.want("/queue/tree/set =.id=a =comment=x", "!done")
	rest.want("GET", "/rest/queue/tree/a?.proplist=comment", "", 200, `{".id":"*1000000","comment":"x"}`)
	c := r.Counts()
	if c.Requests != 2 || c.Logins != 2 || c.Services[WWW].Requests != 1 || c.Services[API].Requests != 1 || c.Services[API].Open != 1 {
		t.Errorf("counted %+v", c)
	}
	host, port := r.HostPortOf(API)
	if r.Addr() != r.AddrOf(WWW) || r.AddrOf(SSH) != "" || host != "127.0.0.1" || port == 0 {
		t.Errorf("addresses: first %s, www %s, ssh %q, api %s %d", r.Addr(), r.AddrOf(WWW), r.AddrOf(SSH), host, port)
	}
	api.want("/ip/service/print =.proplist=name,connection ?disabled=false ?name=api",
		"!re =name=api", "!re =connection=true =name=api", "!done")
	history := r.History()[:2]
	if len(history) != 2 || history[0] != (Request{Service: API, From: netip.MustParseAddr("127.0.0.1"), Path: "/queue/tree/set", Body: "=.id=a\n=comment=x"}) {
		t.Errorf("history %+v", history)
	}
	for _, kind := range []Service{API, "ftp"} {
		if err := r.StartService(t.Context(), kind, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), string(kind)) {
			t.Errorf("starting %s: %v", kind, err)
		}
	}
}

// TestOneServiceFails: what is done to one service leaves the others alone.
func TestOneServiceFails(t *testing.T) {
	r, rest := startBoth(t, Config{})
	works := func() {
		t.Helper()
		rest.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`)
	}
	api := login(t, r)
	r.DropConnections(API)
	works()
	api.wantEnd()
	r.Refuse(API)
	works()
	if _, err := net.Dial("tcp", r.AddrOf(API)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refusing: %v", err)
	}
	if err := r.Listen(API); err != nil {
		t.Fatal(err)
	}
	works()
	api = login(t, r)
	r.Silence(true, API)
	works()
	api.say("/queue/tree/print =count-only=")
	if err := api.conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := api.conn.Read(make([]byte, 1)); n > 0 || !isTimeout(err) {
		t.Errorf("a silent service said something, or %v", err)
	}
	if err := api.conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	r.Silence(false, API)
	works()
	api.want("", "!done =ret=2")
	r.Inject(Fault{Kind: Deny, Service: API})
	works()
	api.want("/queue/tree/print", "!trap =category=4 =message=not enough permissions (9)", "!done")
	r.ClearFaults()
	r.Inject(Fault{Kind: Deny, Service: WWW, Path: "/queue"})
	works()
	api.want("/queue/tree/print =count-only=", "!done =ret=2")
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// TestSilentServiceHasNoBanner: a protocol in which the router speaks first.
func TestSilentServiceHasNoBanner(t *testing.T) {
	r := start(t, Config{})
	if err := r.StartService(t.Context(), SSH, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	r.Silence(true, SSH)
	conn, err := net.Dial("tcp", r.AddrOf(SSH))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n > 0 || !isTimeout(err) {
		t.Errorf("a silent service said something, or %v", err)
	}
	r.Silence(false, SSH)
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	banner := make([]byte, 4)
	if _, err := io.ReadFull(conn, banner); err != nil || string(banner) != "SSH-" {
		t.Errorf("banner begins with %q, %v", banner, err)
	}
}

func TestSessionsOfEachService(t *testing.T) {
	r, rest := startBoth(t, Config{MaxSessions: 1})
	_ = login(t, r)
	rest.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`)
	wantNoSession(t, r)
	r.DropConnections(API)
	_ = login(t, r)
}

// TestMaxSessionsIsSetOnTheRouter: in /ip/service, where its owner sets it.
func TestMaxSessionsIsSetOnTheRouter(t *testing.T) {
	r, _ := startBoth(t, Config{})
	if err := r.Run("/ip service set api max-sessions=1"); err != nil {
		t.Fatal(err)
	}
	_ = login(t, r)
	wantNoSession(t, r)
}

// TestRebootEndsEverySession: also those with a command that hangs.
func TestRebootEndsEverySession(t *testing.T) {
	r, rest := startBoth(t, Config{})
	api := login(t, r)
	r.Inject(Fault{Kind: Stall, Command: "print", Times: 1})
	api.say("/queue/tree/print .tag=1")
	for r.Requests() < 1 {
		time.Sleep(time.Millisecond)
	}
	r.Reboot(Reboot{})
	api.wantEnd()
	_ = login(t, r)
	rest.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`)
	for r.Counts().Services[API].Open > 1 {
		time.Sleep(time.Millisecond)
	}
}
