package probe

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// ErrNotPermitted is returned by New when this process may not send ICMP echo
// requests. The error that wraps it names what to do about that.
var ErrNotPermitted = errors.New("sending ICMP echo requests is not permitted")

var (
	errRefused  = errors.New("the kernel refuses to send: permission denied (a prohibited route or a firewall rule)")
	errEnded    = errors.New("the pinger ended")
	errNoFamily = errors.New("no address of the family of the source address")
)

// permissionError names the commands that permit ICMP.
type permissionError struct{ cause error }

func (e *permissionError) Error() string {
	program, err := os.Executable()
	if err != nil {
		program = "/usr/bin/wanctl"
	}
	gid := os.Getegid()
	return fmt.Sprintf("%v (%v): run 'setcap cap_net_raw+ep %s', or 'sysctl -w net.ipv4.ping_group_range=\"%d %d\"'",
		ErrNotPermitted, e.cause, program, gid, gid)
}

func (e *permissionError) Is(target error) bool { return target == ErrNotPermitted }

// plain returns err without the socket addresses and system call names that the net
// package adds: the caller names the operation.
func plain(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if errno == syscall.EACCES || errno == syscall.EPERM {
			return errRefused
		}
		return errno
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		switch {
		case dns.IsNotFound:
			return fmt.Errorf("looking up %s: no such host", dns.Name)
		case dns.IsTimeout:
			return fmt.Errorf("looking up %s: the name server does not answer", dns.Name)
		}
		return fmt.Errorf("looking up %s: %s", dns.Name, dns.Err)
	}
	return err
}
