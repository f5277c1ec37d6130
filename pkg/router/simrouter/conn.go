package simrouter

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/router/simrouter/console"
)

// service is one port. Its listener comes and goes with the router.
type service struct {
	addr string
	srv  *http.Server
	ln   net.Listener // nil while refusing
}

// conn is an accepted TCP connection, below TLS.
type conn struct {
	net.Conn
	router *Router
	from   netip.Addr

	closing sync.Once
	closed  chan struct{}

	mu   sync.Mutex // protects user
	user *console.User
}

type connKey struct{}

func (r *Router) newService(addr string) *service {
	return &service{addr: addr, srv: &http.Server{
		Handler:           http.HandlerFunc(r.serveHTTP),
		ReadHeaderTimeout: time.Minute,
		IdleTimeout:       r.cfg.Quirks.KeepAlive,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if t, ok := c.(*tls.Conn); ok {
				c = t.NetConn()
			}
			return context.WithValue(ctx, connKey{}, c)
		},
	}}
}

// open starts answering on ln. The caller holds r.mu.
func (r *Router) open(s *service, ln net.Listener) {
	s.ln = ln
	var accept net.Listener = &listener{Listener: ln, router: r}
	if !r.cfg.Plain {
		accept = tls.NewListener(accept, &tls.Config{
			Certificates: []tls.Certificate{r.cert},
			MinVersion:   tls.VersionTLS12,
			NextProtos:   []string{"http/1.1"},
		})
	}
	r.wg.Add(1)
	go func() {
		defer r.wg.Done()
		_ = s.srv.Serve(accept) // ends when the listener closes
	}()
}

// Refuse stops listening: connections are refused until Listen. Open
// connections stay.
func (r *Router) Refuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse()
}

func (r *Router) refuse() {
	for _, s := range r.services {
		if s.ln != nil {
			_ = s.ln.Close()
			s.ln = nil
		}
	}
}

// Listen ends Refuse, on the same addresses.
func (r *Router) Listen() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.services {
		if s.ln != nil || r.closed {
			continue
		}
		ln, err := r.cfg.Listen("tcp", s.addr)
		if err != nil {
			return err
		}
		r.open(s, ln)
	}
	return nil
}

// Silence makes the router accept connections and say nothing on them, not
// even a TLS handshake, until it is called with false.
func (r *Router) Silence(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case on && r.silent == nil:
		r.silent = make(chan struct{})
	case !on && r.silent != nil:
		close(r.silent)
		r.silent = nil
	}
}

// DropConnections resets every open connection.
func (r *Router) DropConnections() {
	r.mu.Lock()
	conns := make([]*conn, 0, len(r.conns))
	for c := range r.conns {
		conns = append(conns, c)
	}
	r.mu.Unlock()
	for _, c := range conns {
		c.reset()
	}
}

// listener wraps accepted connections and enforces the session cap.
type listener struct {
	net.Listener
	router *Router
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		r := l.router
		c := &conn{Conn: raw, router: r, from: remote(raw), closed: make(chan struct{})}
		r.mu.Lock()
		full := r.closed || r.cfg.MaxSessions > 0 && len(r.conns) >= r.cfg.MaxSessions
		if !full {
			r.conns[c] = struct{}{}
			r.counts.Connections++
		}
		r.mu.Unlock()
		if !full {
			return c, nil
		}
		c.reset()
	}
}

func remote(c net.Conn) netip.Addr {
	if a, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil {
		return a.Addr().Unmap()
	}
	return netip.Addr{}
}

// Read withholds what arrives while the router is silent.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.router.mu.Lock()
	silent := c.router.silent
	c.router.mu.Unlock()
	if silent != nil && err == nil {
		select {
		case <-silent:
		case <-c.closed:
			return 0, net.ErrClosed
		}
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
		delete(c.router.conns, c)
		c.router.mu.Unlock()
		c.mu.Lock()
		u := c.user
		c.mu.Unlock()
		if counted && u != nil && !c.router.cfg.Quirks.LoginPerRequest {
			c.router.machine.LoggedOut(u, restService, c.from)
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

// login notes the user of a session, once a connection or once a request.
func (c *conn) login(u *console.User) {
	r := c.router
	c.mu.Lock()
	known := c.user != nil && c.user.Name == u.Name
	c.user = u
	c.mu.Unlock()
	if known && !r.cfg.Quirks.LoginPerRequest {
		return
	}
	r.mu.Lock()
	r.counts.Logins++
	r.mu.Unlock()
	r.machine.LoggedIn(u, restService, c.from)
}
