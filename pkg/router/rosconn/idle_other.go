//go:build !unix

package rosconn

import "net"

// Idle cannot be known here; a dead connection shows when it is used.
func Idle(net.Conn) bool { return true }
