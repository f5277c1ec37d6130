//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wanctl/wanctl/pkg/lab/delayline"
	"github.com/wanctl/wanctl/pkg/lab/netns"
)

// WANs is a host with several WANs, which reach the same reflectors over lines of
// different length:
//
//	host --veth eth1-- provider 1 ==delay line== Internet
//	     --veth eth2-- provider 2 ==delay line==
//
// The host is 10.0.N.2 in WAN N, the provider's gateway 10.0.N.1. Table 10N has the
// default route by WAN N, the main table that by WAN 1.
type WANs struct {
	host, internet *netns.Namespace
	lines          []*wanLine
}

// wanLine is the line of one WAN.
type wanLine struct {
	provider *netns.Namespace
	tuns     [2]*os.File
	line     *delayline.Line

	mu     sync.Mutex // protects the following field
	counts map[string]int
}

// NewWANs connects a host by one WAN for each delay. It ends with the test, and skips
// that where it cannot run.
func NewWANs(t *testing.T, delays ...time.Duration) *WANs {
	t.Helper()
	if err := check(map[string]string{"ip": "iproute2", "nsenter": "util-linux", "chrt": "util-linux"}); err != nil {
		t.Skip(err)
	}
	w := &WANs{}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Errorf("closing the lab: %v", err)
		}
	})
	var err error
	if w.host, err = netns.New(); err != nil {
		t.Fatal(err)
	}
	if w.internet, err = netns.New(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.host.Do(setSysctls), w.internet.Do(setSysctls)); err != nil {
		t.Fatal(err)
	}
	reflectors := "link set lo up\n"
	for _, addr := range Reflectors() {
		reflectors += "addr add " + addr + "/32 dev lo\n"
	}
	w.ip(t, w.internet, reflectors)
	w.ip(t, w.host, "link set lo up\n")
	for i, delay := range delays {
		w.connect(t, i+1, delay)
	}
	w.ip(t, w.host, "route add default via 10.0.1.1\n")
	return w
}

// connect makes WAN n.
func (w *WANs) connect(t *testing.T, n int, delay time.Duration) {
	t.Helper()
	l := &wanLine{counts: map[string]int{}}
	w.lines = append(w.lines, l)
	var err error
	if l.provider, err = netns.New(); err != nil {
		t.Fatal(err)
	}
	far := fmt.Sprintf("wan%d", n)
	err = errors.Join(
		l.provider.Do(setSysctls),
		l.provider.Do(func() (err error) { l.tuns[0], err = netns.OpenTUN(tunName); return err }),
		w.internet.Do(func() (err error) { l.tuns[1], err = netns.OpenTUN(far); return err }))
	if err != nil {
		t.Fatal(err)
	}
	near, remote := fmt.Sprintf("198.51.100.%d", 2*n), fmt.Sprintf("198.51.100.%d", 2*n+1)
	w.ip(t, w.host, fmt.Sprintf(`
link add eth%[1]d type veth peer name lan netns %[2]s
addr add 10.0.%[1]d.2/24 dev eth%[1]d
link set eth%[1]d up
`, n, l.provider.Path))
	w.ip(t, l.provider, fmt.Sprintf(`
addr add 10.0.%[1]d.1/24 dev lan
link set lan up
addr add %[2]s peer %[3]s dev wan
link set wan up
route add default via %[3]s
`, n, near, remote))
	w.ip(t, w.internet, fmt.Sprintf(`
addr add %[3]s peer %[2]s dev %[4]s
link set %[4]s up
route add 10.0.%[1]d.0/24 dev %[4]s
`, n, near, remote, far))
	w.ip(t, w.host, fmt.Sprintf("route add default via 10.0.%[1]d.1 table 10%[1]d\n", n))
	if l.line, err = delayline.Start(l.tuns[0], l.tuns[1], delay); err != nil {
		t.Fatal(err)
	}
	l.line.SetFilter(l.count)
}

// count counts the packets to reflectors by protocol and source. It takes none.
func (l *wanLine) count(packet []byte) (eaten bool) {
	const protocol, source, destination, header = 9, 12, 16, 20
	if len(packet) < header || packet[0]>>4 != 4 {
		return false
	}
	for _, reflector := range Reflectors() {
		if netip.AddrFrom4([4]byte(packet[destination:])).String() == reflector {
			name := map[byte]string{unix.IPPROTO_ICMP: "icmp", unix.IPPROTO_TCP: "tcp"}[packet[protocol]]
			l.mu.Lock()
			l.counts[name+" from "+netip.AddrFrom4([4]byte(packet[source:])).String()]++
			l.mu.Unlock()
		}
	}
	return false
}

// Counts returns how many packets to reflectors arrived by WAN n since the last call,
// by protocol and source such as "icmp from 10.0.1.2".
func (w *WANs) Counts(n int) map[string]int {
	l := w.lines[n-1]
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := maps.Clone(l.counts)
	clear(l.counts)
	return counts
}

// IP runs a command line of ip on the host.
func (w *WANs) IP(t *testing.T, line string) {
	t.Helper()
	w.ip(t, w.host, line+"\n")
}

func (w *WANs) ip(t *testing.T, ns *netns.Namespace, lines string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "nsenter", "--net="+ns.Path, "--", "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(lines)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v: %s in\n%s", err, out, lines)
	}
}

// Command prepares a program to run on the host, under ordinary scheduling.
func (w *WANs) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	argv := append([]string{"--other", "0", "nsenter", "--net=" + w.host.Path, "--", name}, args...)
	return exec.CommandContext(ctx, "chrt", argv...)
}

// Listen opens a listener on the host.
func (w *WANs) Listen(ctx context.Context, addr string) (ln net.Listener, err error) {
	err = w.host.Do(func() (err error) {
		var lc net.ListenConfig
		ln, err = lc.Listen(ctx, "tcp", addr)
		return err
	})
	return ln, err
}

func (w *WANs) close() error {
	var errs []error
	for _, l := range w.lines {
		if l.line != nil {
			errs = append(errs, l.line.Stop())
		}
		for _, f := range l.tuns {
			if f != nil {
				errs = append(errs, f.Close())
			}
		}
		if l.provider != nil {
			l.provider.Close()
		}
	}
	for _, ns := range []*netns.Namespace{w.host, w.internet} {
		if ns != nil {
			ns.Close()
		}
	}
	return errors.Join(errs...)
}
