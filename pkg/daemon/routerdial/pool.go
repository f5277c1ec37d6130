package routerdial

import (
	"context"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/failover"
)

// Use is what a session is for. Calls of one use wait for each other.
type Use uint8

// Uses of sessions.
const (
	Limits   Use = iota // changes, and what must not wait for the rest
	Counters            // reads
)

// Pool shares sessions among the loops of a process: those with the same access to the
// same router have one for each use. The loss of a session is one event for all of them,
// and one attempt at a time is made to replace it. A refusal concerns only the loop that
// asked. A nil Pool opens a session for each loop.
type Pool struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	log  *slog.Logger

	mu       sync.Mutex // protects the following fields
	sessions []*session
	ticks    map[string]*ticks // by host
}

// NewPool returns a Pool whose sessions log to log. dial opens TCP connections; nil:
// net.Dialer.
func NewPool(dial func(ctx context.Context, network, addr string) (net.Conn, error), log *slog.Logger) *Pool {
	return &Pool{dial: dial, log: log, ticks: map[string]*ticks{}}
}

// session is a client with those who use it.
type session struct {
	client    router.Client
	counters  counterReads
	endpoints []config.Router
	most      Bounds
	use       Use

	mu     sync.Mutex // protects the following field
	leases []*lease
}

// lease is the client of one loop.
type lease struct {
	router.Client
	session  *session
	pool     *Pool
	onSwitch func(failover.Switch) // may be nil
}

// Open returns a client like that of the function Open, until it is closed. Log is for a
// nil Pool.
func (p *Pool) Open(base *config.Base, most Bounds, use Use, log *slog.Logger, onSwitch func(failover.Switch)) (router.Client, error) {
	if p == nil {
		return Open(base, most, log, onSwitch)
	}
	most.shared = true
	endpoints := base.Router.Endpoints()
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.sessions, func(s *session) bool {
		return s.use == use && s.most.Timeout == most.Timeout && s.most.Answer == most.Answer && reflect.DeepEqual(s.endpoints, endpoints)
	})
	if i < 0 {
		s := &session{endpoints: endpoints, most: most, use: use}
		most.Dial = p.dial
		client, err := Open(base, most, p.log.With("router", base.Router.Host), s.switched)
		if err != nil {
			return nil, err
		}
		s.client = client
		s.counters.client = client
		i = len(p.sessions)
		p.sessions = append(p.sessions, s)
	}
	s := p.sessions[i]
	l := &lease{Client: s.client, session: s, pool: p, onSwitch: onSwitch}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases = append(s.leases, l)
	return l, nil
}

// switched reports another endpoint to all who use the session.
func (s *session) switched(sw failover.Switch) {
	s.mu.Lock()
	leases := slices.Clone(s.leases)
	s.mu.Unlock()
	for _, l := range leases {
		if l.onSwitch != nil {
			l.onSwitch(sw)
		}
	}
}

// drop removes a lease, and reports whether it was one, and the last one.
func (s *session) drop(l *lease) (was, last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.leases)
	s.leases = slices.DeleteFunc(s.leases, func(x *lease) bool { return x == l })
	return len(s.leases) < n, len(s.leases) == 0
}

// Unwrap returns the client of the session.
func (l *lease) Unwrap() router.Client { return l.Client }

// Counters implements router.Client, by a read for all loops that ask now.
func (l *lease) Counters(ctx context.Context, names ...string) ([]router.Counters, error) {
	return l.session.counters.Counters(ctx, names...)
}

// Close ends the session with its last lease.
func (l *lease) Close() error {
	l.pool.mu.Lock()
	was, last := l.session.drop(l)
	if was && last {
		l.pool.sessions = slices.DeleteFunc(l.pool.sessions, func(s *session) bool { return s == l.session })
	}
	l.pool.mu.Unlock()
	if !was || !last {
		return nil
	}
	return l.session.client.Close()
}

// together is how many loops of a router tick at the same time.
const together = 16

// ticks is when the loops of one router tick.
type ticks struct {
	epoch time.Time
	loops int // so far
}

// Epoch returns a time in the last interval since which a loop of the router is to tick.
// Loops of one router tick together, so that one read serves them all, but not too many;
// those of different routers do not.
func (p *Pool) Epoch(host string, interval time.Duration) time.Time {
	now := time.Now()
	epoch := now.Add(-rand.N(interval))
	if p == nil {
		return epoch
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.ticks[host]
	if t == nil {
		t = &ticks{epoch: epoch}
		p.ticks[host] = t
	}
	// Multiples of the golden ratio are spread evenly, however many there are.
	_, share := math.Modf(float64(t.loops/together) * math.Phi)
	t.loops++
	since := now.Sub(t.epoch.Add(-time.Duration(share * float64(interval))))
	return now.Add(-(since % interval))
}
