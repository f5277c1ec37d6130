// Package hostnet is what probes need of this host's kernel: whether ICMP is permitted,
// sockets that are bound to an address, an interface or a mark, and the route that such
// a socket has. It sends nothing and changes no route.
package hostnet

import (
	"errors"
	"syscall"
)

// Access is the kind of ICMP socket that this process may open.
type Access uint8

// In rising order of privilege.
const (
	NoICMP      Access = iota
	PingSockets        // unprivileged, by net.ipv4.ping_group_range
	RawSockets         // CAP_NET_RAW
)

// ICMPAccess returns the access that opening sockets shows, and for NoICMP why there is
// none. The permission is the same for IPv4 and IPv6, so either family will do.
func ICMPAccess() (Access, error) {
	raw := tryICMP(syscall.SOCK_RAW)
	if raw == nil {
		return RawSockets, nil
	}
	if tryICMP(syscall.SOCK_DGRAM) == nil {
		return PingSockets, nil
	}
	return NoICMP, raw
}

// MayPing reports whether this process may open ping sockets, whatever else it may.
func MayPing() bool { return tryICMP(syscall.SOCK_DGRAM) == nil }

// tryICMP opens and closes a socket of the type. The error is that of IPv4, unless the
// host has none.
func tryICMP(socketType int) error {
	var denied error
	for _, family := range []struct{ domain, protocol int }{
		{syscall.AF_INET, syscall.IPPROTO_ICMP},
		{syscall.AF_INET6, syscall.IPPROTO_ICMPV6},
	} {
		fd, err := syscall.Socket(family.domain, socketType, family.protocol)
		if err == nil {
			_ = syscall.Close(fd)
			return nil
		}
		if denied == nil || errors.Is(denied, syscall.EAFNOSUPPORT) {
			denied = err
		}
	}
	return denied
}
