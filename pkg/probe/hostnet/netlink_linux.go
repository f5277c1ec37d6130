package hostnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// apply binds the socket fd. Since Linux 5.7 binding a new socket to an interface takes
// no privilege.
func (b Binding) apply(fd int) error {
	if b.Interface != "" {
		if err := unix.BindToDevice(fd, b.Interface); err != nil {
			return fmt.Errorf("interface %s: binding a socket to it: %w (before Linux 5.7 it needs CAP_NET_RAW)", b.Interface, err)
		}
	}
	if b.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(b.Mark)); err != nil {
			return markError(b.Mark, err)
		}
	}
	return nil
}

var errAnswer = errors.New("netlink: the answer is not a route")

// Route returns the route of a bound socket to an address, by the rules and tables of
// the kernel as they are now (RTM_GETROUTE, see rtnetlink(7)). An address that cannot
// be reached is a syscall.Errno, such as ENETUNREACH.
func (b Binding) Route(to netip.Addr) (Route, error) {
	request, err := b.request(to)
	if err != nil {
		return Route{}, err
	}
	answer, err := exchange(request)
	if err != nil {
		return Route{}, err
	}
	r, err := parseRoute(answer)
	if err == nil && b.Source.IsValid() {
		r.Source = b.Source // the answer leaves out what was given
	}
	return r, err
}

// request encodes the question for a route.
func (b Binding) request(to netip.Addr) ([]byte, error) {
	to = to.Unmap()
	m := syscall.RtMsg{Family: unix.AF_INET6, Dst_len: uint8(to.BitLen())}
	if to.Is4() {
		m.Family = unix.AF_INET
	}
	if b.Source.IsValid() {
		m.Src_len = uint8(b.Source.BitLen())
	}
	e := binary.NativeEndian
	r := make([]byte, unix.SizeofNlMsghdr, 128)
	r = append(r, m.Family, m.Dst_len, m.Src_len, 0, 0, 0, 0, 0)
	r = e.AppendUint32(r, 0) // flags
	attribute := func(kind uint16, value []byte) {
		r = e.AppendUint16(r, uint16(unix.SizeofRtAttr+len(value)))
		r = e.AppendUint16(r, kind)
		r = append(r, value...) // addresses and numbers are of whole words
	}
	attribute(unix.RTA_DST, to.AsSlice())
	if b.Source.IsValid() {
		attribute(unix.RTA_SRC, b.Source.AsSlice())
	}
	name := b.Interface
	if name == "" {
		name = to.Zone()
	}
	if name != "" {
		iface, err := net.InterfaceByName(name)
		if err != nil {
			return nil, fmt.Errorf("interface %s: %w", name, unix.ENODEV)
		}
		attribute(unix.RTA_OIF, e.AppendUint32(nil, uint32(iface.Index)))
	}
	if b.Mark != 0 {
		attribute(unix.RTA_MARK, e.AppendUint32(nil, b.Mark))
	}
	e.PutUint32(r, uint32(len(r)))
	e.PutUint16(r[4:], unix.RTM_GETROUTE)
	e.PutUint16(r[6:], unix.NLM_F_REQUEST)
	return r, nil
}

// exchange sends one request to the kernel and returns its answer.
func exchange(request []byte) ([]byte, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening netlink socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	// The kernel answers before Sendto returns.
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, unix.MSG_DONTWAIT)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	return answer[:n], nil
}

// parseRoute decodes the answer of the kernel.
func parseRoute(answer []byte) (Route, error) {
	messages, err := syscall.ParseNetlinkMessage(answer)
	if err != nil || len(messages) == 0 {
		return Route{}, errAnswer
	}
	m := messages[0]
	switch {
	case m.Header.Type == unix.NLMSG_ERROR && len(m.Data) >= 4:
		return Route{}, syscall.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
	// Package syscall assumes the header, and whole words.
	case m.Header.Type != unix.RTM_NEWROUTE, len(m.Data) < unix.SizeofRtMsg, len(m.Data)%4 != 0:
		return Route{}, errAnswer
	}
	attributes, err := syscall.ParseNetlinkRouteAttr(&m)
	if err != nil {
		return Route{}, errAnswer
	}
	var r Route
	for _, a := range attributes {
		switch a.Attr.Type {
		case unix.RTA_PREFSRC:
			r.Source, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_GATEWAY:
			r.Gateway, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_VIA: // a gateway of the other family: that, and the address
			if len(a.Value) > 2 {
				r.Gateway, _ = netip.AddrFromSlice(a.Value[2:])
			}
		case unix.RTA_OIF:
			if len(a.Value) != 4 {
				return Route{}, errAnswer
			}
			iface, err := net.InterfaceByIndex(int(binary.NativeEndian.Uint32(a.Value)))
			if err != nil {
				return Route{}, unix.ENODEV // it has just gone
			}
			r.Interface = iface.Name
		}
	}
	if r.Gateway.IsLinkLocalUnicast() && r.Gateway.Is6() {
		r.Gateway = r.Gateway.WithZone(r.Interface)
	}
	return r, nil
}
