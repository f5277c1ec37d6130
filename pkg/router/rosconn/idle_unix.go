//go:build unix

package rosconn

import (
	"net"
	"syscall"
)

// Idle looks into the receive buffer of a connection without reading it or
// waiting: an open connection on which nothing was said has none.
func Idle(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	// Control, not Read: Read would heed a deadline of the past.
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		// EAGAIN: nothing to read. Anything else is the end of the
		// connection, an error, or bytes nobody asked for.
		silent = n <= 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK)
	})
	return err == nil && silent
}
