//go:build !linux

package owner

import "net"

// abortive has the kernel forget what has not been sent when the connection ends.
func abortive(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}
