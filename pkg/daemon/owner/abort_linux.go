package owner

import (
	"net"
	"syscall"
	"time"
)

const (
	tcpUserTimeout = 0x12 // TCP_USER_TIMEOUT of tcp(7)
	userTimeout    = 3 * time.Second
)

// abortive has the kernel forget what has not been sent when the connection or the process
// ends, and end the connection when what was sent is not acknowledged: it must not arrive
// after the fence, from a process that does not run.
func abortive(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	_ = tcp.SetLinger(0)
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(userTimeout.Milliseconds()))
		})
	}
}
