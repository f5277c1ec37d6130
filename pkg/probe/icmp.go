package probe

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/backoff"
	"github.com/wanctl/wanctl/pkg/probe/hostnet"
)

const (
	// recycleAfter is the maximum age of a pinger, and of a resolved address.
	recycleAfter = time.Hour
	// silentFor without a reply, a name is resolved again.
	silentFor = time.Minute
	// stalledFor of failing sends restarts a pinger: its interface may have come
	// back under another index.
	stalledFor = time.Second
)

// superviseICMP runs one pinger of t after the other until ctx ends or the run is
// complete. It waits longer after each failure and replaces old pingers. The first
// argument is there for workers that distinguish sending from receiving.
func (g *Group) superviseICMP(_, ctx context.Context, t *target) {
	var drains sync.WaitGroup
	defer drains.Wait()
	var retry backoff.Backoff
	for ctx.Err() == nil {
		next, last := t.progress()
		if !g.mayStart(next, g.due(t, last)) {
			return
		}
		before := t.snapshot().replies
		addr, err := g.address(ctx, t)
		if err == nil {
			err = g.ping(ctx, t, addr, &drains)
		}
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			retry.Reset()
			continue
		}
		if t.snapshot().replies > before {
			retry.Reset()
		}
		t.cannotSend(plain(err))
		if !g.waitToRetry(ctx, &retry, t) {
			return
		}
	}
}

// ping runs one pinger until it has sent its last probe, and then returns nil:
// outstanding answers are received in the background, as part of drains.
func (g *Group) ping(ctx context.Context, t *target, addr netip.Addr, drains *sync.WaitGroup) error {
	base, lastSent := t.progress()
	if !g.waitDue(ctx, t, lastSent) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	started := g.clock.now()
	last := make(chan struct{})
	stalled := make(chan error, 1)
	ended := make(chan error, 1)
	e := echo{
		addr: addr, interval: t.interval,
		binding: g.binding, raw: g.access == hostnet.RawSockets && !g.usePing,
		received: func(seq int) bool { return t.reply(base + uint32(seq)) },
		failed: func(err error) {
			if err = plain(err); t.cannotSend(err) >= stalledFor {
				select {
				case stalled <- err:
				default:
				}
			}
		},
		sent: func(seq int) bool {
			// Where probes are rare there is a pinger for each. The role is read first, so
			// that one dropped meanwhile gets a probe as a spare, which ends its use.
			single := t.standby() || t.slowly()
			planned := t.begin() + 1
			more := seq+1 < maxEchoes && !single && g.mayFollow(planned, t) && !g.stale(t, started)
			if !more {
				close(last)
			}
			return more
		},
	}
	go func() { ended <- g.echo(ctx, e) }()

	select {
	case <-last:
		drains.Go(func() {
			defer cancel()
			settled, stop := context.WithTimeout(ctx, g.cfg.Timeout+time.Millisecond)
			defer stop()
			select {
			case <-ended:
			case <-settled.Done():
				cancel()
				<-ended
			}
		})
		return nil
	case err := <-stalled:
		cancel()
		<-ended
		return err
	case err := <-ended:
		cancel()
		select {
		case <-last: // all answers arrived at the same time
			return nil
		default:
		}
		if err == nil {
			err = errEnded
		}
		return err
	}
}

// waitDue waits until the next probe of t is due, which a change of its role may alter,
// and reports whether ctx is still alive.
func (g *Group) waitDue(ctx context.Context, t *target, last time.Duration) bool {
	for {
		timer := time.NewTimer(g.due(t, last) - g.clock.now())
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
			return true
		case <-t.roleChanged:
			timer.Stop()
		}
	}
}

// stale reports whether a pinger of t that was started then should be replaced.
func (g *Group) stale(t *target, started time.Duration) bool {
	now := g.clock.now()
	if now-started >= recycleAfter {
		return true
	}
	if _, err := netip.ParseAddr(t.host); err == nil || now-started < silentFor {
		return false
	}
	return now-max(t.snapshot().lastReplyAt, started) >= silentFor
}
