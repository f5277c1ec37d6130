//go:build linux

// Package netns makes network namespaces that end with the process, and TUN devices in
// them. It owns neither addresses nor routes.
package netns

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace that one thread of this process keeps
// alive. It has no name in the file system, so it cannot outlive the process,
// however that ends: there are no leftovers of dead runs to clean up.
type Namespace struct {
	Path string // under /proc, for nsenter and ip

	work chan func()
	done chan struct{}
}

// New makes a namespace, which needs root.
func New() (*Namespace, error) {
	n := &Namespace{work: make(chan func()), done: make(chan struct{})}
	ready := make(chan error)
	go n.own(ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	return n, nil
}

// own finds the namespace a thread that may end.
func (n *Namespace) own(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		n.serve(ready) // the thread ends with this goroutine, which stays locked to it
		return
	}
	// This is the first thread of the process, whose namespace is what others
	// take for that of the process. Sit on it until another thread is found.
	found := make(chan error)
	go n.own(found)
	err := <-found
	runtime.UnlockOSThread()
	ready <- err
}

func (n *Namespace) serve(ready chan<- error) {
	defer close(n.done)
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		ready <- fmt.Errorf("making network namespace: %w", err)
		return
	}
	n.Path = fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), unix.Gettid())
	ready <- nil
	for f := range n.work {
		f()
	}
}

// Do runs f on the namespace's thread: sockets and devices that f opens belong
// to the namespace.
func (n *Namespace) Do(f func() error) error {
	result := make(chan error)
	n.work <- func() { result <- f() }
	return <-result
}

// Close ends the thread. Sockets, devices and processes in the namespace keep
// it alive until they are gone too.
func (n *Namespace) Close() {
	close(n.work)
	<-n.done
}

// OpenTUN makes the TUN device name in the calling thread's namespace. The
// device lives as long as the file.
func OpenTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/net/tun: %w", err)
	}
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("making TUN device %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), "/dev/net/tun"), nil
}
