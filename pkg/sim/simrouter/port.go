package simrouter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// heldPort is a TCP port that the system picked. A socket that never listens
// keeps it while the router refuses connections: otherwise any connection of
// any program on this machine may be given the port before the router is back.
type heldPort struct{ socket int }

// listenAnyPort listens on a port that the system picks.
func listenAnyPort(addr string) (net.Listener, *heldPort, error) {
	ln, err := listenShared(addr)
	if err != nil {
		return nil, nil, err
	}
	port, err := holdPort(ln.Addr().(*net.TCPAddr))
	if err != nil {
		return nil, nil, errors.Join(err, ln.Close())
	}
	return ln, port, nil
}

// listenShared listens beside the socket that holds the port, and beside nothing
// else: sockets of others do not share theirs.
func listenShared(addr string) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = sharePort(int(fd)) })
		return errors.Join(err, failed)
	}}
	return lc.Listen(context.Background(), "tcp", addr)
}

func sharePort(socket int) error {
	return unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

func holdPort(addr *net.TCPAddr) (*heldPort, error) {
	family, to := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: addr.Port, Addr: [16]byte(addr.IP.To16())})
	if ip := addr.IP.To4(); ip != nil {
		family, to = unix.AF_INET, &unix.SockaddrInet4{Port: addr.Port, Addr: [4]byte(ip)}
	}
	socket, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("holding port %d: %w", addr.Port, err)
	}
	if err := errors.Join(sharePort(socket), unix.Bind(socket, to)); err != nil {
		return nil, fmt.Errorf("holding port %d: %w", addr.Port, errors.Join(err, unix.Close(socket)))
	}
	return &heldPort{socket}, nil
}

func (p *heldPort) close() {
	if p != nil {
		_ = unix.Close(p.socket)
	}
}
