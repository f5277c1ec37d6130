package hostnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
)

// Binding is what makes the kernel route a socket: the source address, the interface
// and the mark. Rules of `ip rule` may look at each of them. The zero value leaves the
// route to the main routing table.
type Binding struct {
	Source    netip.Addr
	Interface string
	Mark      uint32 // fwmark (SO_MARK); 0 sets none
}

// Bind checks that sockets of this process can have the source address, the interface
// and the mark, each of which may be unset.
func Bind(source, iface string, mark uint32) (Binding, error) {
	b := Binding{Interface: iface, Mark: mark}
	if iface != "" {
		if err := checkInterface(iface); err != nil {
			return b, err
		}
	}
	if source != "" {
		var err error
		if b.Source, err = parseSource(source); err != nil {
			return b, err
		}
	}
	return b, b.try()
}

// Control applies the interface and the mark to a socket before it is used. It has the
// signature that net.Dialer and net.ListenConfig expect; the source is their local
// address.
func (b Binding) Control(_, _ string, c syscall.RawConn) error {
	var failed error
	if err := c.Control(func(fd uintptr) { failed = b.apply(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// try applies the binding to a socket, to find out whether that is permitted.
func (b Binding) try() error {
	if b.Interface == "" && b.Mark == 0 {
		return nil
	}
	domain := syscall.AF_INET
	if b.Source.Is6() {
		domain = syscall.AF_INET6
	}
	fd, err := syscall.Socket(domain, syscall.SOCK_DGRAM, 0)
	if errors.Is(err, syscall.EAFNOSUPPORT) {
		return nil // the first probe reports it
	}
	if err != nil {
		return err
	}
	defer func() { _ = syscall.Close(fd) }()
	return b.apply(fd)
}

// markError explains why a mark cannot be set.
func markError(mark uint32, err error) error {
	if !errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("setting the mark %#x: %w", mark, err)
	}
	program, pathErr := os.Executable()
	if pathErr != nil {
		program = "/usr/bin/wanctl"
	}
	// Before Linux 5.17 it took CAP_NET_ADMIN.
	return fmt.Errorf("setting the mark %#x is not permitted: it needs CAP_NET_RAW, before Linux 5.17 CAP_NET_ADMIN; "+
		"run 'setcap cap_net_raw,cap_net_admin+ep %s', or as a service 'systemctl edit wanctl@NAME' and add both to AmbientCapabilities and CapabilityBoundingSet",
		mark, program)
}

// checkInterface returns why packets cannot be sent through the interface name.
func checkInterface(name string) error {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		var names []string
		all, _ := net.Interfaces()
		for _, i := range all {
			names = append(names, i.Name)
		}
		slices.Sort(names)
		return fmt.Errorf("interface %q: not on this host, which has %s", name, strings.Join(names, ", "))
	}
	if iface.Flags&net.FlagUp == 0 {
		return fmt.Errorf("interface %s: is down; run 'ip link set %s up'", name, name)
	}
	return nil
}

// parseSource parses a local address, or returns why it cannot be used.
func parseSource(source string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(source)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("source address %q: must be an IP address", source)
	}
	addr = addr.Unmap()
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		return netip.Addr{}, fmt.Errorf("source address %s: link-local; name the interface instead", source)
	}
	var have []string
	prefixes, err := net.InterfaceAddrs()
	if err != nil {
		return addr, nil // binding to it fails if it is not there
	}
	for _, p := range prefixes {
		local, err := netip.ParsePrefix(p.String())
		if err != nil {
			continue
		}
		// All of 127.0.0.0/8 is local although only 127.0.0.1 is listed.
		if local.Addr() == addr || addr.IsLoopback() && addr.Is4() {
			return addr, nil
		}
		if !local.Addr().IsLinkLocalUnicast() {
			have = append(have, local.Addr().String())
		}
	}
	return netip.Addr{}, fmt.Errorf("source address %s: not on this host, which has %s", source, strings.Join(have, ", "))
}
