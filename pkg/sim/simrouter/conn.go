package simrouter

import (
	"cmp"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

// conn is an accepted TCP connection, below TLS.
type conn struct {
	net.Conn
	router  *Router
	service *service
	from    netip.Addr

	closing sync.Once
	closed  chan struct{}

	mu       sync.Mutex // protects the following
	user     *routeros.User
	password string // of the user, over REST
}

// accept serves connections until the listener closes. Beyond the service's
// number of sessions they are reset.
func (r *Router) accept(s *service, ln net.Listener) {
	for {
		raw, err := ln.Accept()
		if err != nil {
			return
		}
		c := &conn{Conn: raw, router: r, service: s, from: remote(raw), closed: make(chan struct{})}
		most := cmp.Or(r.cfg.MaxSessions, r.state.MaxSessions(string(s.kind)))
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
		if !r.state.Admits(string(s.kind), c.from) {
			_ = c.Close()
			continue
		}
		r.wg.Add(1)
		go func() {
			defer r.wg.Done()
			defer func() { _ = c.Close() }()
			defer r.state.AddConnection(string(s.kind), raw.LocalAddr().String(), raw.RemoteAddr().String())()
			if c.waitWhileFenced(false) && c.waitWhileSilent() {
				s.serve(c)
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

// waitWhileSilent waits until the service speaks again; false when the
// connection closed before that.
func (c *conn) waitWhileSilent() bool {
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

// Read withholds data that arrives while the service is silent.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && (!c.waitWhileFenced(true) || !c.waitWhileSilent()) {
		return 0, net.ErrClosed
	}
	return n, err
}

// The router drops what a fenced address sends. The peer retransmits it, for a few
// seconds where a user timeout is set on its socket, as a node does.
const (
	fenceLook = 20 * time.Millisecond
	fenceHold = 3 * time.Second
)

// waitWhileFenced waits until the router no longer drops what comes from the peer; false when
// the connection has ended before.
func (c *conn) waitWhileFenced(established bool) bool {
	for since := time.Now(); c.router.state.Arrives(c.from, established); {
		if established && time.Since(since) >= fenceHold {
			c.reset()
			return false
		}
		select {
		case <-time.After(fenceLook):
		case <-c.closed:
			return false
		}
	}
	return true
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
		if counted && u != nil && !c.loginPerRequest() {
			c.router.state.LoggedOut(u, c.service.kind.policy(), c.from)
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

// authenticate admits a user to the service of the connection; matches reports
// whether the client has the user's password.
func (c *conn) authenticate(name string, matches func(password string) bool) (*routeros.User, error) {
	u, err := c.router.state.Login(name, c.service.kind.policy(), c.from, matches)
	if err != nil {
		c.router.mu.Lock()
		defer c.router.mu.Unlock()
		c.service.counts.LoginFailures++
	}
	return u, err
}

// loggedIn returns the user who has logged in on this connection by that name and
// password, nil for none. A login over REST lasts as long as the connection, but at
// most ten minutes: until then the user keeps the policies of the login.
func (c *conn) loggedIn(name, password string) *routeros.User {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.user == nil || c.user.Name != name || c.password != password || c.loginPerRequest() || c.router.state.Stale(c.user) {
		return nil
	}
	return c.user
}

// keepLogin stores the user that loggedIn returns.
func (c *conn) keepLogin(u *routeros.User, password string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.user, c.password = u, password
}

// login records the user of a session, once per connection or once per request.
func (c *conn) login(u *routeros.User) {
	c.mu.Lock()
	known := c.user != nil && c.user.Name == u.Name
	c.user = u
	c.mu.Unlock()
	if known && !c.loginPerRequest() {
		return
	}
	c.router.mu.Lock()
	c.service.counts.Logins++
	c.router.mu.Unlock()
	c.router.state.LoggedIn(u, c.service.kind.policy(), c.from)
}

// loginPerRequest reports whether every request is logged as a login, as REST
// may do.
func (c *conn) loginPerRequest() bool {
	return c.router.cfg.Quirks.LoginPerRequest && c.service.kind.policy() == "rest-api"
}
