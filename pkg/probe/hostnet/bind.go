package hostnet

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// CheckInterface says why packets cannot be sent through the interface name.
func CheckInterface(name string) error {
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
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return nil // no IPv4: the first probe will tell
	}
	defer func() { _ = syscall.Close(fd) }()
	if err := BindToInterface(fd, name); err != nil {
		return fmt.Errorf("interface %s: binding a socket to it: %v (needs CAP_NET_RAW)", name, err)
	}
	return nil
}

// CheckSource parses a local address and says why it cannot be used.
func CheckSource(source string) (netip.Addr, error) {
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
		return addr, nil // binding to it will tell
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
