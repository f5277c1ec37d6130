package steersource

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipes is a network within a synctest bubble: real sockets know no virtual
// time. Its connections have room, unlike those of net.Pipe, at which TLS and
// SSH stop when both ends speak first.
type pipes struct {
	mu        sync.Mutex // protects the following
	listening map[string]*pipeListener
}

func newPipes() *pipes { return &pipes{listening: make(map[string]*pipeListener)} }

// listen is for simrouter.Config.Listen.
func (p *pipes) listen(_, addr string) (net.Listener, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listening[addr] != nil {
		return nil, syscall.EADDRINUSE
	}
	l := &pipeListener{net: p, addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
	p.listening[addr] = l
	return l, nil
}

// dial is for the Config of a client.
func (p *pipes) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	p.mu.Lock()
	l := p.listening[addr]
	p.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	forth, back := newHalf(), newHalf()
	here, there := tcpAddr("192.0.2.2:40000"), tcpAddr(addr)
	select {
	case l.conns <- &pipe{in: forth, out: back, local: there, remote: here}:
		return &pipe{in: back, out: forth, local: here, remote: there}, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func tcpAddr(addr string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)) }

type pipeListener struct {
	net    *pipes
	addr   string
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		delete(l.net.listening, l.addr)
	})
	return nil
}

func (l *pipeListener) Addr() net.Addr { return tcpAddr(l.addr) }

// pipe is one end of a connection.
type pipe struct {
	in, out       *half
	local, remote net.Addr
}

func (c *pipe) Read(b []byte) (int, error)         { return c.in.read(b) }
func (c *pipe) Write(b []byte) (int, error)        { return c.out.write(b) }
func (c *pipe) LocalAddr() net.Addr                { return c.local }
func (c *pipe) RemoteAddr() net.Addr               { return c.remote }
func (c *pipe) SetReadDeadline(t time.Time) error  { return c.in.expire(t) }
func (c *pipe) SetWriteDeadline(t time.Time) error { return nil } // writing never waits
func (c *pipe) SetDeadline(t time.Time) error      { return c.in.expire(t) }

func (c *pipe) Close() error {
	c.in.close(&c.in.unread)
	c.out.close(&c.out.done)
	return nil
}

// half is what goes one way.
type half struct {
	mu       sync.Mutex // protects the following
	change   sync.Cond
	bytes    []byte
	unread   bool // the reader has closed
	done     bool // the writer has
	deadline time.Time
	timer    *time.Timer
}

func newHalf() *half {
	h := &half{}
	h.change.L = &h.mu
	return h
}

func (h *half) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.unread:
			return 0, net.ErrClosed
		case !h.deadline.IsZero() && !time.Now().Before(h.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(h.bytes) > 0:
			n := copy(b, h.bytes)
			h.bytes = h.bytes[n:]
			return n, nil
		case h.done:
			return 0, io.EOF
		}
		h.change.Wait()
	}
}

func (h *half) write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.done:
		return 0, net.ErrClosed
	case h.unread:
		return 0, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}
	}
	h.bytes = append(h.bytes, b...)
	h.change.Broadcast()
	return len(b), nil
}

// close sets one of the flags of h.
func (h *half) close(flag *bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*flag = true
	h.change.Broadcast()
}

// expire ends reading at t; the zero time is never.
func (h *half) expire(t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
	h.deadline = t
	// A timer that is due crashes a bubble under the race detector now and then, and
	// HTTP servers end their reads by a deadline long ago.
	if wait := time.Until(t); !t.IsZero() && wait > 0 {
		h.timer = time.AfterFunc(wait, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.change.Broadcast()
		})
	}
	h.change.Broadcast()
	return nil
}
