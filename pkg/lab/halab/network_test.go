//go:build linux

package halab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/lab/delayline"
	"github.com/wanctl/wanctl/pkg/lab/netfilter"
	"github.com/wanctl/wanctl/pkg/lab/netns"
)

const routerAddr = "192.0.2.1"

var reflectors = []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"}

// network is a router, nodes and reflectors.
type network struct {
	router, far *netns.Namespace
	nodes       []*netns.Namespace
	tuns        [2]*os.File
	line        *delayline.Line
}

// address is that of a node, from 1.
func address(node int) netip.Addr { return netip.AddrFrom4([4]byte{10, 9, byte(node), 2}) }

// missing returns why the tests cannot run here.
func missing() error {
	if os.Geteuid() != 0 {
		return errors.New("it needs root, to make network namespaces")
	}
	for program, in := range map[string]string{"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("it needs %s: apt-get install %s", program, in)
		}
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("it needs TUN devices: modprobe tun: %w", err)
	}
	return nil
}

func newNetwork(t *testing.T, nodes int) *network {
	t.Helper()
	n := &network{}
	t.Cleanup(n.close)
	n.router, n.far = namespace(t), namespace(t)
	for i, ns := range []*netns.Namespace{n.router, n.far} {
		if err := ns.Do(func() (err error) { n.tuns[i], err = netns.OpenTUN("line"); return err }); err != nil {
			t.Fatal(err)
		}
	}
	far := "link set lo up\naddr add 198.51.100.2 peer 198.51.100.1 dev line\nlink set line up\nroute add 10.9.0.0/16 dev line\n"
	for _, addr := range reflectors {
		far += "addr add " + addr + "/32 dev lo\n"
	}
	ip(t, n.far, far)
	ip(t, n.router, "link set lo up\naddr add "+routerAddr+"/32 dev lo\naddr add 198.51.100.1 peer 198.51.100.2 dev line\nlink set line up\nroute add 203.0.113.0/24 dev line\n")
	for i := range nodes {
		ns := namespace(t)
		n.nodes = append(n.nodes, ns)
		ip(t, n.router, fmt.Sprintf("link add n%[1]d type veth peer name eth0 netns %[2]s\naddr add 10.9.%[1]d.1/24 dev n%[1]d\nlink set n%[1]d up\n", i+1, ns.Path))
		ip(t, ns, fmt.Sprintf("link set lo up\naddr add %s/24 dev eth0\nlink set eth0 up\nroute add default via 10.9.%d.1\n", address(i+1), i+1))
		if err := netfilter.Run(ns, "add table ip harm\nadd chain ip harm arriving { type filter hook prerouting priority -400; }\n"); err != nil {
			t.Fatal(err)
		}
	}
	harm := "add table ip harm\nadd chain ip harm between { type filter hook forward priority 0; }\n" +
		"add rule ip harm between ip saddr 10.9.0.0/16 ip daddr 10.9.0.0/16 drop\n" // nodes need nothing of each other
	for i := range nodes {
		harm += fmt.Sprintf("add chain ip harm node%d { type filter hook prerouting priority -400; }\n", i+1)
	}
	if err := netfilter.Run(n.router, harm); err != nil {
		t.Fatal(err)
	}
	var err error
	if n.line, err = delayline.Start(n.tuns[0], n.tuns[1], 5*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	return n
}

func namespace(t *testing.T) *netns.Namespace {
	t.Helper()
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	err = ns.Do(func() error {
		for name, value := range map[string]string{
			"ipv6/conf/all/disable_ipv6": "1", "ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0",
			"ipv4/ip_forward": "1", "ipv4/tcp_no_metrics_save": "1", "ipv4/ping_group_range": "0 2147483647",
		} {
			if err := os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

func ip(t *testing.T, ns *netns.Namespace, lines string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "nsenter", "--net="+ns.Path, "--", "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(lines)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v: %s in\n%s", err, out, lines)
	}
}

func (n *network) listen(_, addr string) (ln net.Listener, err error) {
	err = n.router.Do(func() (err error) {
		var lc net.ListenConfig
		ln, err = lc.Listen(context.Background(), "tcp4", addr)
		return err
	})
	return ln, err
}

// Directions between a node and its router.
const (
	toRouter = 1 << iota
	fromRouter
	both = toRouter | fromRouter
)

// harm loses a share of the packets between a node and the router, in per cent, where they
// arrive. 0 ends it.
func (n *network) harm(node, directions, percent int) error {
	lose := ""
	if percent < 100 {
		lose = fmt.Sprintf(" numgen random mod 100 < %d", percent)
	}
	there := "flush chain ip harm arriving\n"
	router := fmt.Sprintf("flush chain ip harm node%d\n", node)
	if directions&toRouter != 0 && percent > 0 {
		router += fmt.Sprintf("add rule ip harm node%d ip saddr %s ip daddr %s%s drop\n", node, address(node), routerAddr, lose)
	}
	if directions&fromRouter != 0 && percent > 0 {
		there += fmt.Sprintf("add rule ip harm arriving ip saddr %s%s drop\n", routerAddr, lose)
	}
	return errors.Join(netfilter.Run(n.router, router), netfilter.Run(n.nodes[node-1], there))
}

func (n *network) close() {
	if n.line != nil {
		_ = n.line.Stop()
	}
	for _, f := range n.tuns {
		if f != nil {
			_ = f.Close()
		}
	}
	for _, ns := range append(n.nodes, n.router, n.far) {
		if ns != nil {
			ns.Close()
		}
	}
}
