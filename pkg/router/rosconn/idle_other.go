//go:build !unix

package rosconn

import "net"

// Idle returns true: on this system a dead connection only shows when it is used.
func Idle(net.Conn) bool { return true }
