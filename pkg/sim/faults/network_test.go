package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/lab/netns"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

const networkSteps = `wire NAME HARM...   what lan, wan1 or wan2 does to packets, nothing without HARM: ` + harms + `
unplug NAME         the interface is gone
plug NAME           it is there again, with addresses and routes
ip ARGS             ip(8) on the host of the program
dns KIND            what the resolver does: ` + dnsKinds

const (
	routerAddr = "192.0.2.1"
	dnsAddr    = "192.0.2.53"
)

// reflectors answer echo requests, and take TCP connections on port 443.
var reflectors = []string{"203.0.113.1", "203.0.113.2", "203.0.113.3"}

// interfaces are what ip(8) does to the end of a wire at the host; wan2 is the way when
// wan1 is gone.
var interfaces = map[string]string{
	"lan": `addr add 192.0.2.2 peer ` + routerAddr + ` dev lan
link set lan up
route add ` + dnsAddr + ` dev lan
`,
	"wan1": `addr add 10.0.1.2 peer 10.0.1.1 dev wan1
link set wan1 up
route add default via 10.0.1.1 metric 10
`,
	"wan2": `addr add 10.0.2.2 peer 10.0.2.1 dev wan2
link set wan2 up
route add default via 10.0.2.1 metric 20
`,
}

// network is the host of the program, and all that it can reach, as two namespaces:
//
//	program --lan-- router, resolver
//	        --wan1, wan2-- reflectors
type network struct {
	host, far *netns.Namespace
	wires     map[string]*wire
	resolver  *resolver
	resolv    string // path of its resolv.conf
	https     net.Listener
	served    sync.WaitGroup
}

// buildNetwork makes the network of the run.
func (r *run) buildNetwork(ctx context.Context) error {
	if err := needRoot(); err != nil {
		return err
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("%w: %w", errUnavailable, err)
	}
	n := &network{wires: map[string]*wire{}, resolv: r.path("resolv.conf")}
	r.net = n
	r.cleanups = append(r.cleanups, n.close)
	var err1, err2 error
	n.host, err1 = netns.New()
	n.far, err2 = netns.New()
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("%w: %w", errUnavailable, err)
	}
	if err := errors.Join(n.host.Do(setSysctls), n.far.Do(setSysctls)); err != nil {
		return err
	}
	loopback := "link set lo up\naddr add " + dnsAddr + " dev lo\n"
	for _, addr := range reflectors {
		loopback += "addr add " + addr + " dev lo\n"
	}
	err := errors.Join(n.ip(ctx, n.host, "link set lo up\n"), n.ip(ctx, n.far, loopback))
	for _, name := range []string{"lan", "wan1", "wan2"} {
		if err == nil {
			err = n.connect(ctx, name)
		}
	}
	if err != nil {
		return err
	}
	if n.https, err = n.listen(ctx, "tcp4", ":443"); err != nil {
		return err
	}
	n.served.Go(func() { hangUp(n.https) })
	if err := os.WriteFile(n.resolv, []byte("nameserver "+dnsAddr+"\noptions timeout:1 attempts:1\n"), 0o644); err != nil {
		return err
	}
	return n.far.Do(func() (err error) { n.resolver, err = startResolver(net.JoinHostPort(dnsAddr, "53")); return err })
}

// setSysctls runs on the thread of a namespace.
func setSysctls() error {
	for name, value := range map[string]string{
		"ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0", "ipv4/ping_group_range": "0 2147483647",
	} {
		if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}

// connect makes a wire and the interfaces at its ends.
func (n *network) connect(ctx context.Context, name string) error {
	w := &wire{}
	err := n.far.Do(func() (err error) { w.ends[1], err = netns.OpenTUN(name); return err })
	if err != nil {
		return err
	}
	n.wires[name] = w
	w.start(1)
	far := map[string]string{
		"lan":  "addr add " + routerAddr + " peer 192.0.2.2 dev lan\nlink set lan up\n",
		"wan1": "addr add 10.0.1.1 peer 10.0.1.2 dev wan1\nlink set wan1 up\nroute add 10.0.1.0/24 dev wan1\n",
		"wan2": "addr add 10.0.2.1 peer 10.0.2.2 dev wan2\nlink set wan2 up\nroute add 10.0.2.0/24 dev wan2\n",
	}
	if err := n.ip(ctx, n.far, far[name]); err != nil {
		return err
	}
	return n.plug(ctx, name)
}

// plug makes the interface of the host.
func (n *network) plug(ctx context.Context, name string) error {
	w := n.wires[name]
	var tun *os.File
	if err := n.host.Do(func() (err error) { tun, err = netns.OpenTUN(name); return err }); err != nil {
		return err
	}
	w.mu.Lock()
	w.ends[0] = tun
	w.mu.Unlock()
	w.start(0)
	return n.ip(ctx, n.host, interfaces[name])
}

func (n *network) listen(ctx context.Context, kind, addr string) (ln net.Listener, err error) {
	err = n.far.Do(func() (err error) {
		var lc net.ListenConfig
		ln, err = lc.Listen(ctx, kind, addr)
		return err
	})
	return ln, err
}

// hangUp accepts connections and closes them, until the listener is closed.
func hangUp(ln net.Listener) {
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		_ = conn.Close()
	}
}

// serve serves the router.
func (n *network) serve(ctx context.Context, r *simrouter.Router, service simrouter.Service) error {
	ln, err := n.listen(ctx, "tcp4", routerAddr+":0")
	if err != nil {
		return err
	}
	return r.ServeService(service, ln)
}

// dial connects from the host.
func (n *network) dial(ctx context.Context, kind, addr string) (c net.Conn, err error) {
	err = n.host.Do(func() (err error) {
		dialer := net.Dialer{Timeout: time.Second}
		c, err = dialer.DialContext(ctx, kind, addr)
		return err
	})
	return c, err
}

// enter is the start of a command line that runs on the host and uses the resolver.
func (n *network) enter() []string {
	const bind = `mount --bind "$0" /etc/resolv.conf && exec "$@"`
	return []string{"nsenter", "--net=" + n.host.Path, "--", "unshare", "-m", "sh", "-c", bind, n.resolv}
}

// config are the keys of a WAN in this network.
func (n *network) config() map[string]any {
	return map[string]any{"continuous_monitoring": map[string]any{
		"ping_hosts":      reflectors,
		"fallback_checks": map[string]any{"enabled": true, "tcp_targets": []string{reflectors[0] + ":443", reflectors[1] + ":443"}},
	}}
}

// ip runs lines of ip(8) in a namespace.
func (n *network) ip(ctx context.Context, ns *netns.Namespace, lines string) error {
	cmd := exec.CommandContext(ctx, "nsenter", "--net="+ns.Path, "--", "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(lines)
	return combined(cmd)
}

func (n *network) close() {
	if n.https != nil {
		_ = n.https.Close()
	}
	if n.resolver != nil {
		n.resolver.close()
	}
	for _, w := range n.wires {
		w.close()
	}
	n.served.Wait()
	for _, ns := range []*netns.Namespace{n.host, n.far} {
		if ns != nil {
			ns.Close()
		}
	}
}

// networkStep carries out a step about the network; false for another one.
func (r *run) networkStep(ctx context.Context, verb, rest string) (bool, error) {
	name, rest2, _ := strings.Cut(rest, " ")
	switch verb {
	case "wire", "unplug", "plug", "ip", "dns":
	default:
		return false, nil
	}
	if r.net == nil {
		return true, errors.New(`this fault has no "network": true`)
	}
	if verb == "ip" {
		return true, r.net.ip(ctx, r.net.host, rest+"\n")
	}
	if verb == "dns" {
		return true, r.net.resolver.set(rest)
	}
	w := r.net.wires[name]
	if w == nil {
		return true, errors.New("no such wire")
	}
	switch verb {
	case "unplug":
		w.mu.Lock()
		defer w.mu.Unlock()
		return true, w.ends[0].Close()
	case "plug":
		return true, r.net.plug(ctx, name)
	}
	h, err := parseHarm(strings.Fields(rest2))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.harm = h
	return true, err
}
