package simrouter

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/router"
)

func TestStallEndsWithTheRouter(t *testing.T) {
	r := start(t, Config{Plain: true})
	c := client{t, r, "admin"}
	r.Inject(Fault{Kind: Stall})
	done := make(chan error)
	go func() {
		_, _, err := c.do("GET", "/rest/log", "")
		done <- err
	}()
	for r.Requests() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("a stalled request was answered")
	}
}

func TestSessionCap(t *testing.T) {
	r := start(t, Config{Plain: true, MaxSessions: 2})
	var held []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		held = append(held, conn)
	}
	for r.Counts().Open < 2 {
		time.Sleep(time.Millisecond)
	}
	c := client{t, r, "admin"}
	if _, _, err := c.do("GET", "/rest/log", ""); err == nil {
		t.Error("a third session was accepted")
	}
	_ = held[0].Close()
	for r.Counts().Open > 1 {
		time.Sleep(time.Millisecond)
	}
	c.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`)
	for version, want := range map[string]int{"7.15": 0, "7.16": 20} {
		r := start(t, Config{Version: version})
		if got := r.state.MaxSessions("www"); got != want {
			t.Errorf("%s allows %d sessions, want %d", version, got, want)
		}
	}
}

func TestRefuseAndReboot(t *testing.T) {
	r := start(t, Config{})
	c := client{t, r, "admin"}
	addr := r.Addr()
	r.Refuse()
	if _, _, err := c.do("GET", "/rest/log", ""); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("refusing: %v", err)
	}
	if _, err := net.Listen("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("its port while it refuses is anybody's: %v", err)
	}
	if err := r.Listen(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Listen("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("its port is anybody's: %v", err)
	}
	c.want("GET", "/rest/system/identity", "", 200, `{"name":"MikroTik"}`)

	if err := r.SetCounters("a", router.Counters{Bytes: 1}); err != nil {
		t.Fatal(err)
	}
	r.Reboot(Reboot{Renumber: true, Race: 2, RaceKind: Empty})
	if r.Addr() != addr {
		t.Errorf("address was %s, is %s", addr, r.Addr())
	}
	for range 2 {
		c.want("GET", "/rest/queue/tree", "", 200, `[]`)
	}
	c.want("GET", "/rest/queue/tree?.proplist=.id,name,bytes", "", 200,
		`[{".id":"*1000004","bytes":"0","name":"a"},{".id":"*1000000","bytes":"0","name":"b c"}]`)

	r.Reboot(Reboot{Down: time.Second})
	if _, _, err := c.do("GET", "/rest/log", ""); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("while it starts: %v", err)
	}
	for {
		status, _, err := c.do("GET", "/rest/system/identity", "")
		if err == nil && status == 200 {
			break
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("%d %v", status, err)
		}
		time.Sleep(time.Millisecond)
	}
	// Over REST it reboots as well, and closing it while it is down is fine.
	c.want("POST", "/rest/system/reboot", "", 200, "[]")
}

func TestCloseByContext(t *testing.T) {
	r, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := r.Start(ctx, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	addr := r.Addr()
	cancel()
	<-r.done
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("it still listens")
	}
	if err := r.Start(t.Context(), "127.0.0.1:0"); err == nil {
		t.Error("a closed router started")
	}
}

func TestDefaultConfiguration(t *testing.T) {
	r := start(t, Config{Script: DefaultScript()})
	for name, want := range map[string]bitrate.Rate{"WAN-Download-1": 500 * bitrate.Mbps, "WAN-Upload-1": 40 * bitrate.Mbps} {
		q, ok := r.Queue(name)
		if !ok || q.MaxLimit != want || q.Invalid || !strings.HasPrefix(q.Type, "cake-") {
			t.Errorf("%s is %+v, %v", name, q, ok)
		}
	}
	const comment = "ADAPTIVE: Steer latency-sensitive traffic"
	for script, want := range map[string]string{"steer-on": "false", "steer-off": "true"} {
		if err := r.Run("/system script run " + script); err != nil {
			t.Fatal(err)
		}
		rule, ok := r.State().Row("/ip/firewall/mangle", "comment", comment)
		if !ok || rule["disabled"] != want {
			t.Errorf("after %s the rule is %v", script, rule)
		}
	}
	if n := r.WriteSectors(); n != 0 {
		t.Errorf("%d flash sectors written before anybody asked for anything", n)
	}
	client{t, r, "wanctl:wanctl"}.want("GET", "/rest/system/identity", "", 200, `{"name":"simrouter"}`)
}
