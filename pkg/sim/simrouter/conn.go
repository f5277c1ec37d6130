package simrouter

import (
	"cmp"
	"net"
	"net/netip"
	"sync"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/console"
)

// conn is an accepted TCP connection, below TLS.
type conn struct {
	net.Conn
	router  *Router
	service *service
	from    netip.Addr

	closing sync.Once
	closed  chan struct{}

	mu   sync.Mutex // protects user
	user *console.User
}

// accept serves connections until the listener closes, as many at a time as
// the service has sessions.
func (r *Router) accept(s *service, ln net.Listener) {
	for {
		raw, err := ln.Accept()
		if err != nil {
			return
		}
		c := &conn{Conn: raw, router: r, service: s, from: remote(raw), closed: make(chan struct{})}
		most := cmp.Or(r.cfg.MaxSessions, r.machine.MaxSessions(string(s.kind)))
		r.mu.Lock()
		full := r.closed || most > 0 && s.counts.Open >= most
		if !full {
			r.conns[c] = struct{}{}
			s.counts.Connections++
			s.counts.Open++
		}
		r.mu.Unlock()
		if full {
			c.reset()
			continue
		}
		r.wg.Add(1)
		go func() {
			defer r.wg.Done()
			defer func() { _ = c.Close() }()
			defer r.machine.Connected(string(s.kind), raw.LocalAddr().String(), raw.RemoteAddr().String())()
			if c.heard() {
				s.codec.serve(c)
			}
		}()
	}
}

func remote(c net.Conn) netip.Addr {
	if a, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		return a.Addr().Unmap()
	}
	return netip.Addr{}
}

// heard waits until the service is not silent; false when the connection
// closed before that.
func (c *conn) heard() bool {
	c.router.mu.Lock()
	silent := c.service.silent
	c.router.mu.Unlock()
	if silent == nil {
		return true
	}
	select {
	case <-silent:
		return true
	case <-c.closed:
		return false
	}
}

// Read withholds what arrives while the service is silent.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && !c.heard() {
		return 0, net.ErrClosed
	}
	return n, err
}

// Close ends the session.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.closing.Do(func() {
		close(c.closed)
		c.router.mu.Lock()
		_, counted := c.router.conns[c]
		if counted {
			delete(c.router.conns, c)
			c.service.counts.Open--
		}
		c.router.mu.Unlock()
		c.mu.Lock()
		u := c.user
		c.mu.Unlock()
		if counted && u != nil && !c.oncePerRequest() {
			c.router.machine.LoggedOut(u, c.service.kind.policy(), c.from)
		}
	})
	return err
}

// reset closes with RST instead of FIN, so that the peer's read fails.
func (c *conn) reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// authenticate checks a password for the service of the connection and, when
// it is right, notes the session.
func (c *conn) authenticate(name, password string) (*console.User, error) {
	return c.authenticateBy(name, func(want string) bool { return want == password })
}

// authenticateBy is authenticate for a peer that does not show its password.
func (c *conn) authenticateBy(name string, knows func(password string) bool) (*console.User, error) {
	u, err := c.router.machine.LoginBy(name, c.service.kind.policy(), c.from, knows)
	if err != nil {
		c.refused()
		return nil, err
	}
	c.login(u)
	return u, nil
}

// refused counts a login that failed.
func (c *conn) refused() {
	c.router.mu.Lock()
	defer c.router.mu.Unlock()
	c.service.counts.LoginFailures++
}

// login notes the user of a session, once a connection or once a request.
func (c *conn) login(u *console.User) {
	c.mu.Lock()
	known := c.user != nil && c.user.Name == u.Name
	c.user = u
	c.mu.Unlock()
	if known && !c.oncePerRequest() {
		return
	}
	c.router.mu.Lock()
	c.service.counts.Logins++
	c.router.mu.Unlock()
	c.router.machine.LoggedIn(u, c.service.kind.policy(), c.from)
}

// oncePerRequest is how REST may tell of logins; other sessions have a length.
func (c *conn) oncePerRequest() bool {
	return c.router.cfg.Quirks.LoginPerRequest && c.service.kind.policy() == "rest-api"
}
