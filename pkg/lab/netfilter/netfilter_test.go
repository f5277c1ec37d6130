//go:build linux

package netfilter

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/lab/netns"
)

// The rules count and drop what is sent on a session that exists.
func TestTable(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("it needs root, to make network namespaces")
	}
	for _, name := range []string{"nft", "ip", "nsenter"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(err)
		}
	}
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	if out, err := exec.CommandContext(t.Context(), "nsenter", "--net="+ns.Path, "--", "ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	table, err := New(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = table.Close() }()
	client, server := session(t, ns)
	send := func() bool {
		t.Helper()
		if _, err := client.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		_ = server.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, _ := server.Read(make([]byte, 1))
		return n == 1
	}
	packets := func(id string) uint64 {
		t.Helper()
		n, err := table.Packets(id)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	from := netip.MustParseAddr("127.0.0.2")
	rules := func(counted, fenced map[netip.Addr]time.Duration) []Rule {
		return []Rule{
			{ID: "raw*1", Table: "raw", Chain: "prerouting", Action: "drop", Local: true, Members: fenced},
			{ID: "mangle*1", Table: "mangle", Chain: "input", Action: "passthrough", TCP: true, Members: counted},
		}
	}
	apply := func(counted, fenced map[netip.Addr]time.Duration) {
		t.Helper()
		if err := table.Apply(rules(counted, fenced)); err != nil {
			t.Fatal(err)
		}
	}
	self := map[netip.Addr]time.Duration{from: time.Hour}
	apply(nil, nil)
	if !send() || packets("mangle*1") != 0 {
		t.Error("packets that nobody is to count or drop")
	}
	apply(self, nil)
	if !send() || packets("mangle*1") == 0 {
		t.Error("packets are not counted")
	}
	before := packets("mangle*1")
	apply(self, map[netip.Addr]time.Duration{from: 700 * time.Millisecond})
	if send() || packets("mangle*1") != before || packets("raw*1") == 0 {
		t.Errorf("a fenced session: %d packets counted, %d before, %d dropped", packets("mangle*1"), before, packets("raw*1"))
	}
	for end := time.Now().Add(10 * time.Second); ; { // the kernel ends the fence, and the client sends again
		_ = server.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if n, _ := server.Read(make([]byte, 1)); n == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the fence does not end")
		}
	}
	if err := table.Apply([]Rule{{ID: "raw*2", Table: "raw", Chain: "forward", Action: "drop"}}); err == nil {
		t.Error("a rule that the lab does not have was accepted")
	}
}

// session returns both ends of a TCP connection from 127.0.0.2.
func session(t *testing.T, ns *netns.Namespace) (client, server net.Conn) {
	t.Helper()
	err := ns.Do(func() error {
		var lc net.ListenConfig
		ln, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer func() { _ = ln.Close() }()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
		if client, err = d.DialContext(context.Background(), "tcp", ln.Addr().String()); err != nil {
			return err
		}
		server, err = ln.Accept()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}
