// Package hostnet asks the kernel of this host what measuring needs to know:
// whether ICMP is permitted, whether an interface or address is there, and by
// which route packets leave.
package hostnet

import (
	"errors"
	"syscall"
)

// Access is what the kernel lets this process do about ICMP.
type Access uint8

// In rising order of privilege.
const (
	NoICMP      Access = iota
	PingSockets        // unprivileged, by net.ipv4.ping_group_range
	RawSockets         // CAP_NET_RAW
)

// ICMPAccess opens the sockets that a pinger would open. The permission is the
// same for IPv4 and IPv6, so either family will do; err is why there is none.
func ICMPAccess() (Access, error) {
	var denied error
	for _, try := range []struct {
		socketType int
		gives      Access
	}{
		{syscall.SOCK_RAW, RawSockets},
		{syscall.SOCK_DGRAM, PingSockets},
	} {
		for _, family := range []struct{ domain, protocol int }{
			{syscall.AF_INET, syscall.IPPROTO_ICMP},
			{syscall.AF_INET6, syscall.IPPROTO_ICMPV6},
		} {
			fd, err := syscall.Socket(family.domain, try.socketType, family.protocol)
			if err == nil {
				_ = syscall.Close(fd)
				return try.gives, nil
			}
			if denied == nil || errors.Is(denied, syscall.EAFNOSUPPORT) {
				denied = err
			}
		}
	}
	return NoICMP, denied
}
