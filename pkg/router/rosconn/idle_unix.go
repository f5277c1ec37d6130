//go:build unix

package rosconn

import (
	"net"
	"syscall"
)

// Idle reports whether a connection is open and nothing has been received on it.
// It peeks at the receive buffer, without consuming data or waiting.
func Idle(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	idle := false
	// Control, not Read: Read would fail after a deadline.
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		// EAGAIN: nothing to read. Anything else is the end of the
		// connection, an error, or unexpected data.
		idle = n <= 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK)
	})
	return err == nil && idle
}
