package hostnet

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// ListenPing opens a ping socket with this binding, for IPv4 or IPv6.
func (b Binding) ListenPing(v6 bool) (net.PacketConn, error) {
	domain, protocol := syscall.AF_INET, syscall.IPPROTO_ICMP
	var local syscall.Sockaddr = &syscall.SockaddrInet4{Addr: b.source4()}
	if v6 {
		domain, protocol, local = syscall.AF_INET6, syscall.IPPROTO_ICMPV6, &syscall.SockaddrInet6{Addr: b.source6()}
	}
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(domain, syscall.SOCK_DGRAM, protocol)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "ping socket")
	defer func() { _ = file.Close() }() // FilePacketConn has a duplicate
	if err := b.apply(fd); err != nil && (b.Interface != "" || b.Mark != 0) {
		return nil, err
	}
	if err := syscall.Bind(fd, local); err != nil {
		return nil, fmt.Errorf("source address %s: %w", b.Source, os.NewSyscallError("bind", err))
	}
	return net.FilePacketConn(file)
}

func (b Binding) source4() (a [4]byte) {
	if b.Source.Is4() {
		a = b.Source.As4()
	}
	return a
}

func (b Binding) source6() (a [16]byte) {
	if b.Source.Is6() {
		a = b.Source.As16()
	}
	return a
}
