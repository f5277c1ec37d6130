package hostnet

import "syscall"

// BindToInterface lets the socket fd use the interface name only. Since Linux
// 5.7 that needs no privilege for a fresh socket.
func BindToInterface(fd int, name string) error {
	return syscall.BindToDevice(fd, name)
}
