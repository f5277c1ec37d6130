//go:build linux

package tc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// replyTimeout bounds the wait for the kernel, which answers within the
// request; only a lost reply makes anyone wait that long.
const replyTimeout = 2 * time.Second

var native = binary.NativeEndian

// Conn is a netlink socket. It belongs to the network namespace in which it
// was opened and is safe for concurrent use.
type Conn struct {
	mu  sync.Mutex // protects the following
	fd  int
	seq uint32
	buf []byte
}

// Dial opens a Conn in the network namespace of the calling thread.
func Dial() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening netlink socket: %w", err)
	}
	timeout := unix.NsecToTimeval(int64(replyTimeout))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("setting netlink timeout: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("binding netlink socket: %w", err)
	}
	return &Conn{fd: fd, buf: make([]byte, 64<<10)}, nil
}

// Close closes the socket.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return unix.Close(c.fd)
}

// request is one rtnetlink message about a traffic control object: struct
// tcmsg and its attributes.
type request struct {
	typ, flags     uint16
	ifindex        int
	handle, parent Handle
	attrs          []byte
}

func (r request) encode(seq uint32) []byte {
	const header, tcmsg = unix.SizeofNlMsghdr, 20
	m := make([]byte, header+tcmsg, header+tcmsg+len(r.attrs))
	m = append(m, r.attrs...)
	native.PutUint32(m[0:], uint32(len(m)))
	native.PutUint16(m[4:], r.typ)
	native.PutUint16(m[6:], r.flags|unix.NLM_F_REQUEST)
	native.PutUint32(m[8:], seq)
	native.PutUint32(m[header+4:], uint32(r.ifindex))
	native.PutUint32(m[header+8:], uint32(r.handle))
	native.PutUint32(m[header+12:], uint32(r.parent))
	return m
}

// change sends a request and waits until the kernel has carried it out.
func (c *Conn) change(r request) error {
	r.flags |= unix.NLM_F_ACK
	return c.do(r, func([]byte) {})
}

// dump asks for all objects of a kind and gives the body of each, from struct
// tcmsg on, to visit.
func (c *Conn) dump(r request, visit func(body []byte)) error {
	r.flags |= unix.NLM_F_DUMP
	return c.do(r, visit)
}

func (c *Conn) do(r request, visit func(body []byte)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	if err := unix.Sendto(c.fd, r.encode(c.seq), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sending to netlink: %w", err)
	}
	for {
		n, _, err := unix.Recvfrom(c.fd, c.buf, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for netlink: %w", err)
		}
		done, err := c.read(c.buf[:n], visit)
		if done || err != nil {
			return err
		}
	}
}

// read takes one datagram apart. It reports whether the answer is complete.
func (c *Conn) read(b []byte, visit func(body []byte)) (done bool, err error) {
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(native.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return false, errors.New("truncated netlink message")
		}
		typ, seq, body := native.Uint16(b[4:]), native.Uint32(b[8:]), b[unix.SizeofNlMsghdr:size]
		b = b[min(align(size), len(b)):]
		if seq != c.seq {
			continue // the rest of an answer that was given up
		}
		switch typ {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			if len(body) < 4 {
				return false, errors.New("truncated netlink error")
			}
			if errno := int32(native.Uint32(body)); errno != 0 {
				return true, unix.Errno(-errno)
			}
			return true, nil
		default:
			visit(body)
		}
	}
	return false, nil
}

func align(n int) int { return (n + 3) &^ 3 }

// attr encodes one netlink attribute.
func attr(typ uint16, value []byte) []byte {
	b := make([]byte, 4, 4+align(len(value)))
	native.PutUint16(b, uint16(4+len(value)))
	native.PutUint16(b[2:], typ)
	b = append(b, value...)
	return b[:4+align(len(value))]
}

// eachAttr walks encoded attributes.
func eachAttr(b []byte, visit func(typ uint16, value []byte)) {
	for len(b) >= 4 {
		size := int(native.Uint16(b))
		if size < 4 || size > len(b) {
			return
		}
		visit(native.Uint16(b[2:])&^unix.NLA_F_NESTED, b[4:size])
		b = b[min(align(size), len(b)):]
	}
}
