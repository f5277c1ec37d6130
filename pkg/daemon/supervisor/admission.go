package supervisor

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// admission decides which connections and requests of one server are served, and
// when. Connections are bounded: for a new one, the connection that has been
// without a request for the longest time is closed. Requests are paced, so that
// clients that ask as fast as they can leave the processor to the loops.
type admission struct {
	most int // connections

	mu      sync.Mutex // protects the following four fields
	changed *sync.Cond // a connection became idle or was closed, or closed was set
	conns   map[*admitted]bool
	waiting bool // a new connection waits for room
	closed  bool

	turn   chan struct{} // of capacity 1: holds the request that is served next; protects nextAt
	nextAt time.Time     // when the next request may be served, without a burst
}

const (
	// maxConnections is the number of connections at a time, less where file
	// descriptors are few.
	maxConnections = 64
	// idleGrace is the time in which a connection is not closed for another: a
	// client that is about to send its request is not idle yet. Of fewer connections
	// it is shorter, so that as many clients take turns.
	idleGrace = time.Second
	// requestGap is the time between two requests when clients never pause, and
	// requestBurst the number of requests that may come at once after a pause: a
	// page and what it loads.
	requestGap   = 20 * time.Millisecond
	requestBurst = 25
)

func newAdmission() *admission {
	a := &admission{most: maxConnections, conns: map[*admitted]bool{}, turn: make(chan struct{}, 1)}
	// Clients must leave file descriptors to the router, probes and files.
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
		a.most = int(max(1, min(maxConnections, files.Cur/4))) //nolint:gosec // at most maxConnections
	}
	a.changed = sync.NewCond(&a.mu)
	return a
}

// admitted is a connection of an admission.
type admitted struct {
	net.Conn
	by    *admission
	close func() error

	// protected by the mu of by
	busy  bool // a request is being served
	since time.Time
}

// Close implements net.Conn.
func (c *admitted) Close() error { return c.close() }

type admittedKey struct{}

// configure makes srv serve by the rules of a.
func (a *admission) configure(srv *http.Server) {
	srv.Handler = a.pace(srv.Handler)
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, admittedKey{}, a.find(c))
	}
	// A response is complete when the connection is idle, not when the handler
	// has returned.
	srv.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateIdle {
			a.mark(a.find(c), false)
		}
	}
}

// find returns the connection of a below c, which may be one of TLS.
func (a *admission) find(c net.Conn) *admitted {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	found, _ := c.(*admitted)
	return found
}

func (a *admission) mark(c *admitted, busy bool) {
	if c == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c.busy, c.since = busy, time.Now()
	if !busy {
		a.changed.Signal()
	}
}

// pace serves requests one by one when there are too many.
func (a *admission) pace(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(admittedKey{}).(*admitted)
		a.mark(c, true)
		if !a.awaitTurn(r.Context()) {
			return
		}
		if a.crowded() { // so that clients which never pause make room
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// crowded reports whether a new connection waits for room.
func (a *admission) crowded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waiting
}

// awaitTurn waits until a request may be served and reports whether ctx lasted that
// long. Requests wait in the order of their arrival. One whose client is gone leaves
// the queue and delays nobody.
func (a *admission) awaitTurn(ctx context.Context) bool {
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-a.turn }()
	if earliest := time.Now().Add(-requestBurst * requestGap); a.nextAt.Before(earliest) {
		a.nextAt = earliest
	}
	next := a.nextAt.Add(requestGap)
	if wait := time.Until(next); wait > 0 && !sleep(ctx, wait) || ctx.Err() != nil {
		return false
	}
	a.nextAt = next
	return true
}

// listener returns ln with bounded connections.
func (a *admission) listener(ln net.Listener) net.Listener { return &admitting{ln, a} }

type admitting struct {
	net.Listener
	by *admission
}

// Accept implements net.Listener. While there is no room, it waits.
func (l *admitting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &admitted{Conn: conn, by: l.by}
	c.close = sync.OnceValue(func() error {
		l.by.remove(c)
		return conn.Close()
	})
	if !l.by.admit(c) {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close implements net.Listener.
func (l *admitting) Close() error {
	l.by.mu.Lock()
	l.by.closed = true
	l.by.changed.Broadcast()
	l.by.mu.Unlock()
	return l.Listener.Close()
}

// admit adds c once there is room, and reports whether the listener is still open.
func (a *admission) admit(c *admitted) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.waiting = false }()
	for len(a.conns) >= a.most && !a.closed {
		a.waiting = true
		idle := a.longestIdle()
		if idle == nil {
			a.changed.Wait()
			continue
		}
		grace := idleGrace * time.Duration(a.most) / maxConnections
		if wait := grace - time.Since(idle.since); wait > 0 {
			wake := time.AfterFunc(wait, a.wake)
			a.changed.Wait()
			wake.Stop()
			continue
		}
		delete(a.conns, idle)
		_ = idle.Conn.Close()
	}
	c.since = time.Now()
	a.conns[c] = true
	return !a.closed
}

func (a *admission) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changed.Broadcast()
}

func (a *admission) longestIdle() (idle *admitted) {
	for c := range a.conns {
		if !c.busy && (idle == nil || c.since.Before(idle.since)) {
			idle = c
		}
	}
	return idle
}

func (a *admission) remove(c *admitted) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, c)
	a.changed.Signal()
}
