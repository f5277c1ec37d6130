package owner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/ha/etcd"
	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/sim/etcdserver"
	"github.com/wanctl/wanctl/pkg/sim/simrouter"
)

const queue = "WAN-Download-1"

// site is a router with nodes that write a limit every few milliseconds while they own it,
// each a limit of its own.
type site struct {
	*testing.T
	format  int // of the nodes that start; 0: ha.Format
	router  *simrouter.Router
	nodes   []*node
	journal journal
	etcd    *etcdserver.Server // nil: the claims are on the router
	name    string             // of the router, in etcd
}

type node struct {
	*Runner
	site   *site
	number int
	leave  context.CancelFunc
	kill   context.CancelFunc
	ended  chan struct{}
	links  [3]*link // of the claims, of the loops, of the claims to etcd
	clock  *clock

	writing context.CancelFunc
	writer  sync.WaitGroup
}

// link is a node's process, which can be stopped where that is worst, just before it sends
// something, and goes on with that later.
type link struct {
	mu   sync.Mutex
	open chan struct{} // closed while the process runs
	dead bool          // the process was killed: what it has not sent is lost
	lost bool          // nothing that is sent arrives
	own  []net.Conn
}

type linked struct {
	net.Conn
	link *link
}

func (c *linked) Write(b []byte) (int, error) {
	if !c.link.wait() {
		return 0, net.ErrClosed
	}
	if c.link.isCut() {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// SyscallConn is there for those who look whether the connection is idle.
func (c *linked) SyscallConn() (syscall.RawConn, error) { return c.Conn.(syscall.Conn).SyscallConn() }

func (l *link) wait() bool {
	l.mu.Lock()
	open := l.open
	l.mu.Unlock()
	<-open
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.dead
}

// hold stops whoever sends something until release.
func (l *link) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = make(chan struct{})
}

func (l *link) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
	default:
		close(l.open)
	}
}

// cut has nothing that is sent arrive, until heal.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = true
}

// heal ends a cut, and the connections in which something is missing.
func (l *link) heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost = false
	for _, c := range l.own {
		_ = c.Close()
	}
}

func (l *link) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// pause stops the process of a node.
func (n *node) pause() {
	for _, l := range n.links {
		l.hold()
	}
}

// resume has it go on, the loops first: that is worse.
func (n *node) resume() {
	n.links[1].release()
	time.Sleep(20 * time.Millisecond)
	n.links[0].release()
	n.links[2].release()
}

func newLink() *link {
	l := &link{open: make(chan struct{})}
	close(l.open)
	return l
}

func (l *link) dial(d Dial) Dial {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if !l.wait() {
			return nil, net.ErrClosed
		}
		if l.isCut() {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		c, err := d(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.own = append(l.own, c)
		return &linked{c, l}, nil
	}
}

// newSite returns a site whose claims are in an etcd, or with nil on the router.
func newSite(t *testing.T, server *etcdserver.Server, nodes int, quirks ...string) *site {
	s := &site{T: t, router: startRouter(t, simrouter.API, quirks...), etcd: server, name: strings.ReplaceAll(t.Name(), "/", ".")}
	for i := range nodes {
		s.start(i)
		if i == 0 {
			s.awaitOwner(0, 0, 10*time.Second)
		}
	}
	t.Cleanup(func() {
		for _, n := range s.nodes {
			n.end()
		}
	})
	return s
}

// start starts the process of a node.
func (s *site) start(i int) {
	s.Helper()
	n := &node{site: s, number: i, ended: make(chan struct{}), links: [3]*link{newLink(), newLink(), newLink()}, clock: &clock{began: time.Now()}}
	if i < len(s.nodes) {
		s.nodes[i] = n
	} else {
		s.nodes = append(s.nodes, n)
	}
	dial, _ := from(i)
	claims, disconnect := s.claims(n, dial)
	leaving, leave := context.WithCancel(context.Background())
	ctx, kill := context.WithCancel(context.Background())
	n.leave, n.kill = leave, kill
	n.Runner = &Runner{
		Config: ha.Config{Name: fmt.Sprint("node", i), Order: []string{"node0", "node1", "node2"}, Silence: 2 * time.Second, Poll: 500 * time.Millisecond, Format: s.format},
		Claims: claims, Gate: NewGate(claims, n.links[1].dial(dial)), Loops: n, Router: "r", Log: s.journal.logger(), Leaving: leaving,
		clock: n.clock.now,
	}
	go func() {
		defer close(n.ended)
		_ = n.Run(ctx)
		_ = claims.Close()
		disconnect()
	}()
}

// claims returns the claims of a node, and what ends the connections of its store.
func (s *site) claims(n *node, dial Dial) (c Claims, disconnect func()) {
	s.Helper()
	const silence = 2 * time.Second
	open := func(d Dial) (router.Client, error) { return client(s.router, simrouter.API, d) }
	var err error
	disconnect = func() {}
	if s.etcd == nil {
		var rc RouterClaims
		rc, err = NewRouterClaims(n.links[0].dial(dial), open)
		rc.newest = max(rc.newest, s.format)
		c = rc
	} else {
		e := etcd.New(etcd.Config{Endpoints: []string{s.etcd.URL}, Prefix: "wanctl", Silence: silence, Dial: n.links[2].dial(new(net.Dialer).DialContext)})
		disconnect = e.Close
		c, err = NewEtcdClaims(e.Log(s.name), n.links[0].dial(dial), open)
	}
	if err != nil {
		s.Fatal(err)
	}
	return c, disconnect
}

// end ends a node's process at once, as kill -9 does.
func (n *node) end() {
	for _, l := range n.links {
		l.mu.Lock()
		l.dead = true
		for _, c := range l.own {
			_ = c.Close()
		}
		l.mu.Unlock()
		l.release()
	}
	n.kill()
	<-n.ended
	n.site.journal.fate(n.Config.Name, ha.Killed)
}

// reboot restarts the router.
func (s *site) reboot() {
	s.router.Reboot(simrouter.Reboot{Down: time.Second})
	s.journal.fate("", ha.Rebooted)
}

// Start implements Loops.
func (n *node) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	n.writing = cancel
	n.writer.Go(func() {
		var c router.Client
		for i := 0; ctx.Err() == nil; i++ {
			if c == nil {
				c, _ = client(n.site.router, simrouter.API, n.Gate.Dial)
			}
			limit := bitrate.Rate(n.number+1)*100*bitrate.Mbps + bitrate.Rate(i%1000)*bitrate.Kbps
			if _, err := c.SetQueues(ctx, router.QueueChange{Name: queue, QueueSettings: router.QueueSettings{MaxLimit: &limit}}); err != nil && ctx.Err() == nil {
				if errors.Is(err, router.ErrUnreachable) {
					time.Sleep(10 * time.Millisecond)
				}
				continue
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
		if c != nil {
			_ = c.Close()
		}
	})
}

// Stop implements Loops.
func (n *node) Stop() {
	n.writing()
	n.writer.Wait()
}

var limitOf = regexp.MustCompile(`max-limit=(\d+)`)

// writers returns which nodes' limits have reached the router, in order, without
// repetitions.
func (s *site) writers() (order []int) {
	for _, q := range s.router.History() {
		m := limitOf.FindStringSubmatch(q.Body)
		if m == nil || q.Path != "/queue/tree/set" {
			continue
		}
		n, _ := strconv.Atoi(m[1])
		order = append(order, n/100_000_000-1)
	}
	return slices.Compact(order)
}

// limitBy returns whose limit the queue has.
func (s *site) limitBy() int {
	q, _ := s.router.Queue(queue)
	return int(q.MaxLimit/(100*bitrate.Mbps)) - 1
}

// awaitOwner waits until the limit is one of the node, and returns how long that took.
func (s *site) awaitOwner(node int, least, most time.Duration) time.Duration {
	s.Helper()
	return s.await(func() bool { return s.limitBy() == node }, least, most)
}

func (s *site) await(what func() bool, least, most time.Duration) time.Duration {
	s.Helper()
	began := time.Now()
	for !what() {
		if time.Since(began) > 30*time.Second {
			s.Fatalf("not within 30 s; writers %v", s.writers())
		}
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(began)
	if took < least || took > most {
		s.Errorf("after %v, want %v to %v", took, least, most)
	}
	return took
}
