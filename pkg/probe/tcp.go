package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
)

// maxConnect is the longest wait for an answer: the kernel retransmits the SYN after
// it, and an answer could then belong to either.
const maxConnect = time.Second

// dialFunc opens a connection to addr and closes it again. It calls begin just
// before the SYN leaves and returns nil on any answer, a refusal included.
type dialFunc func(ctx context.Context, addr netip.AddrPort, begin func()) error

// connect is the dialFunc over real sockets.
func (g *Group) connect(ctx context.Context, addr netip.AddrPort, begin func()) error {
	d := net.Dialer{
		KeepAlive: -1, // the connection is closed at once
		Control: func(network, address string, c syscall.RawConn) error {
			if err := g.binding.Control(network, address, c); err != nil {
				return err
			}
			begin()
			return nil
		},
	}
	var local netip.AddrPort
	if g.binding.Source.IsValid() {
		local = netip.AddrPortFrom(g.binding.Source, 0)
	}
	c, err := d.DialTCP(ctx, "tcp", local, addr)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
			return nil
		}
		return err
	}
	// A reset leaves no connection state on either side.
	_ = c.SetLinger(0)
	_ = c.Close()
	return nil
}

// superviseTCP times connections to t until sending ends or the run is complete. It
// waits for open attempts, unless ctx ends too.
func (g *Group) superviseTCP(ctx, sending context.Context, t *target) {
	var dials sync.WaitGroup
	defer dials.Wait()
	var retry backoff.Backoff
	planned, last := t.progress()
	for sending.Err() == nil && g.mayStart(planned, g.due(t, last)) {
		addr, err := g.address(sending, t)
		if err == nil {
			retry.Reset()
			planned, last = g.connectTo(ctx, sending, t, addr, planned, last, &dials)
			continue
		}
		if sending.Err() != nil {
			return
		}
		t.cannotSend(plain(err))
		if !g.waitToRetry(sending, &retry, t) {
			return
		}
	}
}

// connectTo opens one connection after the other, until addr is stale or sending
// ends. It updates and returns the number of attempts and the time of the last one.
func (g *Group) connectTo(ctx, sending context.Context, t *target, addr netip.Addr,
	planned uint32, last time.Duration, dials *sync.WaitGroup) (uint32, time.Duration) {
	if !pause(sending, g.due(t, last)-g.clock.now()) {
		return planned, last
	}
	started := g.clock.now()
	to := netip.AddrPortFrom(addr, t.port)
	tick := time.NewTicker(t.interval)
	defer tick.Stop()
	for {
		planned++
		last = g.clock.now()
		dials.Go(func() { g.timeConnect(ctx, t, to) })
		if !g.mayFollow(planned, t) || g.stale(t, started) {
			return planned, last
		}
		select {
		case <-sending.Done():
			return planned, last
		case <-tick.C:
		}
	}
}

// timeConnect measures one connection.
func (g *Group) timeConnect(ctx context.Context, t *target, to netip.AddrPort) {
	limit, cancel := context.WithTimeout(ctx, min(g.cfg.Timeout, maxConnect))
	defer cancel()
	var seq uint32
	begun := false
	err := g.dial(limit, to, func() { seq, begun = t.begin(), true })
	switch {
	case ctx.Err() != nil:
	case !begun:
		t.cannotSend(plain(err))
	case err == nil:
		t.reply(seq)
	case limit.Err() != nil || timedOut(err):
		t.abandon(seq, nil)
	default:
		t.abandon(seq, plain(err))
	}
}

// timedOut reports whether err is a timeout. The network poller may report it before
// the context does.
func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}
