package owner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/ha"
)

// ErrNotOwner: this node does not own the router, so that its loops get no session.
var ErrNotOwner = errors.New("another node owns the router")

// Gate opens the sessions of the loops. It is closed until Open, and ends all sessions in
// Close.
type Gate struct {
	claims Claims
	dial   Dial

	records *recorder     // nil: nobody reads them
	turn    chan struct{} // held while the log is read

	mu    sync.Mutex // protects the following fields
	owner ha.Entry   // as which sessions are opened; zero: the gate is closed
	conns map[*gated]struct{}
	next  *reading // has not begun yet; nil: none
}

// reading is a read of the log that several who open sessions wait for.
type reading struct {
	done chan struct{} // closed when the following are there
	view ha.View
	err  error
}

// readTime bounds a reading.
const readTime = 2 * time.Second

// NewGate returns a gate that is closed.
func NewGate(claims Claims, dial Dial) *Gate {
	return &Gate{claims: claims, dial: dial, turn: make(chan struct{}, 1), conns: map[*gated]struct{}{}}
}

// Open lets sessions be opened for the owner with that entry.
func (g *Gate) Open(e ha.Entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owner = e
}

// Close ends all sessions, with what they have not sent.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.owner = ha.Entry{}
	for c := range g.conns {
		_ = c.Conn.Close()
		g.records.session(c.number, ha.Ended, nil)
	}
	clear(g.conns)
}

// Dial opens a connection, and returns it only if a read of the log after that shows this
// node as the owner: a session that was opened before this node was fenced is fenced, too.
func (g *Gate) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	owner := g.present()
	if owner == (ha.Entry{}) {
		return nil, ErrNotOwner
	}
	conn, err := g.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	abortive(conn)
	c := &gated{Conn: conn, gate: g, number: g.records.opened()}
	v, err := g.verify(ctx, owner, localAddr(conn))
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.owner != owner {
		_ = conn.Close()
		return nil, ErrNotOwner
	}
	g.conns[c] = struct{}{}
	g.records.session(c.number, ha.Verified, &v)
	return c, nil
}

func (g *Gate) present() ha.Entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.owner
}

func (g *Gate) verify(ctx context.Context, owner ha.Entry, from netip.Addr) (ha.View, error) {
	if from.String() != owner.Address {
		return ha.View{}, fmt.Errorf("this connection leaves by %s and not by %s, which the router would fence: use one address of the router", from, owner.Address)
	}
	v, err := g.read(ctx)
	if err != nil {
		return v, err
	}
	now := v.Log.Owner()
	switch {
	case now.Address != owner.Address || now.Epoch < owner.Epoch:
		return v, ErrNotOwner
	case !v.Remembered(owner.Address):
		return v, errors.New("this node is not marked on the router, as after a reboot of that")
	}
	return v, nil
}

// read returns what a read of the log shows that has begun after the call. All who call while
// one is under way share the next: hundreds of loops that start together must not keep the
// node itself from reading the log for as long as an owner may be without an answer.
func (g *Gate) read(ctx context.Context) (ha.View, error) {
	g.mu.Lock()
	r := g.next
	first := r == nil
	if first {
		r = &reading{done: make(chan struct{})}
		g.next = r
	}
	g.mu.Unlock()
	if first {
		g.turn <- struct{}{}
		g.mu.Lock()
		g.next = nil
		g.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTime) // others wait, too
		var e ha.Event
		e, r.err = g.claims.Do(ctx, ha.Action{Op: ha.Read})
		cancel()
		r.view = e.View
		close(r.done)
		<-g.turn
	}
	select {
	case <-r.done:
		return r.view, r.err
	case <-ctx.Done():
		return ha.View{}, ctx.Err()
	}
}

// gated is a connection that its gate can end.
type gated struct {
	net.Conn
	gate   *Gate
	number uint64 // in records
}

func (c *gated) Close() error {
	err := c.Conn.Close()
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	if _, open := c.gate.conns[c]; open {
		delete(c.gate.conns, c)
		c.gate.records.session(c.number, ha.Ended, nil)
	}
	return err
}

// SyscallConn implements syscall.Conn, for those who look at the socket.
func (c *gated) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
