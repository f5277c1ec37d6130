//go:build !unix

package rosconn

import "net"

// Quiet cannot be known here; a dead connection shows when it is used.
func Quiet(net.Conn) bool { return true }
