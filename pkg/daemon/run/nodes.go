package run

import (
	"context"
	"maps"
	"math"
	"net"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/wanctl/wanctl/pkg/config"
	"github.com/wanctl/wanctl/pkg/daemon"
	"github.com/wanctl/wanctl/pkg/daemon/owner"
	"github.com/wanctl/wanctl/pkg/daemon/routerdial"
	"github.com/wanctl/wanctl/pkg/daemon/supervisor"
	"github.com/wanctl/wanctl/pkg/ha"
	"github.com/wanctl/wanctl/pkg/notify"
	"github.com/wanctl/wanctl/pkg/telemetry"
)

// poll is the time between two reads of a router's claims.
const poll = 500 * time.Millisecond

// handOver bounds how long a node that ends waits until its routers are handed over.
const handOver = 10 * time.Second

// nodes makes the process one of several nodes: the loops of a router run only while this node
// owns it.
type nodes struct {
	cfg   *config.Node
	store *owner.Store
	m     *manager

	leaving context.Context // ends when everything is to be handed over
	ctx     context.Context // ends when that takes too long
	wg      sync.WaitGroup

	mu      sync.Mutex // protects the following field
	routers map[string]*claimed
	refused map[string]error // why a router is not claimed
}

// claimed is a router that this node claims or stands by for.
type claimed struct {
	runner *owner.Runner
	base   *config.Base // of the first file, with its access
	leave  context.CancelFunc
	pool   *routerdial.Pool // of the loops
	owned  bool             // protected by nodes.mu, as the following field
	// ownedAt is when it last came to be owned.
	ownedAt time.Time
}

// withNodes has the loops of p run as those of a node do, and returns it.
func withNodes(m *manager, cfg *config.Node, store *owner.Store) *nodes {
	n := &nodes{cfg: cfg, store: store, m: m, routers: map[string]*claimed{}, refused: map[string]error{}}
	ctx, end := context.WithCancel(context.Background())
	leaving, leave := context.WithCancel(ctx)
	n.ctx, n.leaving = ctx, leaving
	m.OnClose(func() error { end(); n.wg.Wait(); store.Close(); return nil })
	// The loops end when the routers have been handed over, not at once.
	m.Loops = []supervisor.Task{supervisor.NewTask("", m.Set.Ready(), func(ctx context.Context) error {
		loops, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		go func() {
			<-ctx.Done()
			leave()
			late := time.AfterFunc(handOver, end)
			n.wg.Wait()
			late.Stop()
			stop()
		}()
		return m.Set.Run(loops)
	})}
	m.Nodes = n.health
	return n
}

// follow starts and ends claims, so that they are those of the routers in use.
func (n *nodes) follow(settings []*setting) {
	bases := map[string]*config.Base{}
	for _, s := range settings {
		b := s.base()
		if bases[b.Router.Host] == nil {
			bases[b.Router.Host] = b
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for host, c := range n.routers {
		b := bases[host]
		if b == nil || !reflect.DeepEqual(b.Router.Endpoints()[0], c.base.Router.Endpoints()[0]) {
			c.leave()
			delete(n.routers, host)
		}
	}
	for host, b := range bases {
		if n.routers[host] == nil && n.leaving.Err() == nil {
			c, err := n.claim(host, b)
			if err == nil {
				n.routers[host] = c
			} else if n.refused[host] == nil {
				n.m.Complain(err, "a router cannot be claimed: its loops are not started")
			}
			n.refused[host] = err
		}
	}
}

// claim starts to claim a router. It is called with mu held.
func (n *nodes) claim(host string, b *config.Base) (*claimed, error) {
	claims, err := n.store.Claims(b, routerdial.Bounds{Timeout: n.cfg.Silence, Answer: daemon.RouterAnswer})
	if err != nil {
		return nil, err
	}
	leaving, leave := context.WithCancel(n.leaving)
	gate := owner.NewGate(claims, n.store.Dial())
	c := &claimed{base: b, leave: leave, pool: routerdial.NewPool(gate.Dial, n.m.log)}
	c.runner = &owner.Runner{
		Config: protocol(n.cfg),
		Claims: claims, Gate: gate, Loops: &routerLoops{n, c},
		Router: host, Log: n.m.log, Leaving: leaving,
	}
	n.wg.Go(func() {
		defer leave()
		defer func() { _ = claims.Close() }()
		_ = c.runner.Run(n.ctx) // it returns no errors of requests
	})
	return c, nil
}

// owns reports whether this node owns the router of a setting.
func (n *nodes) owns(s *setting) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.routers[s.base().Router.Host]
	return c != nil && c.owned
}

// routerLoops is the loops of one router.
type routerLoops struct {
	nodes  *nodes
	router *claimed
}

// Start implements owner.Loops. It does not wait: the claim is to be read meanwhile.
func (l *routerLoops) Start() {
	l.set(true)
	l.nodes.wg.Go(l.nodes.m.apportion)
}

// Stop implements owner.Loops.
func (l *routerLoops) Stop() {
	l.set(false)
	l.nodes.m.apportion()
}

func (l *routerLoops) set(owned bool) {
	l.nodes.mu.Lock()
	defer l.nodes.mu.Unlock()
	l.router.owned = owned
	if owned {
		l.router.ownedAt = time.Now()
	}
}

// health returns how this node stands with its routers.
func (n *nodes) health() *telemetry.HA {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &telemetry.HA{Node: n.cfg.Name, Routers: []telemetry.RouterOwner{}}
	for _, host := range slices.Sorted(maps.Keys(n.routers)) {
		h.Routers = append(h.Routers, n.router(host))
	}
	return h
}

// of returns how this node stands with the router of a setting, at the time that is called.
func (n *nodes) of(s *setting) func() *telemetry.RouterOwner {
	return func() *telemetry.RouterOwner {
		n.mu.Lock()
		defer n.mu.Unlock()
		return new(n.router(s.base().Router.Host))
	}
}

// router is called with mu held.
func (n *nodes) router(host string) telemetry.RouterOwner {
	r := telemetry.RouterOwner{Router: host, Node: n.cfg.Name, Role: telemetry.RoleBlocked, Takeovers: map[string]int{}}
	c := n.routers[host]
	if c == nil {
		if err := n.refused[host]; err != nil {
			r.Why = err.Error()
		}
		return r
	}
	s := c.runner.Status()
	r.Role, r.Why, r.Owner, r.Epoch, r.Rules = string(s.Role), s.Why(), s.Owner.Node, s.Owner.Epoch, s.Guarded
	if s.Role == owner.Owner {
		r.Owner, r.Epoch = n.cfg.Name, s.Epoch
	}
	if !s.Since.IsZero() {
		r.SinceSeconds = math.Round(time.Since(s.Since).Seconds())
	}
	for _, reason := range ha.Reasons {
		r.Takeovers[string(reason)] = s.Takeovers[reason]
	}
	for _, f := range s.Fenced {
		if left := time.Until(f.Until); left > 0 {
			r.Fenced = append(r.Fenced, telemetry.FencedNode{Node: f.Node, Address: f.Address, LeftSeconds: math.Round(left.Seconds())})
		}
	}
	if s.Err != nil {
		r.Error = telemetry.OneLine(s.Err.Error())
	}
	return r
}

// node returns what the loop of a setting knows of this node. That this node began, or began
// again, is no news.
func (n *nodes) node(s *setting) daemon.Node {
	if n == nil {
		return daemon.Node{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	node := daemon.Node{Status: n.of(s)}
	c := n.routers[s.base().Router.Host]
	if c == nil {
		return node
	}
	st := c.runner.Status()
	if (st.Taken.Reason == ha.Silence || st.Taken.Reason == ha.HandOver) && time.Since(c.ownedAt) < news {
		node.Taken = &notify.Takeover{Router: st.Router, Node: n.cfg.Name, From: st.Taken.From, Reason: st.Taken.String()}
	}
	return node
}

// sessions returns the sessions with the router of a setting that this node may use.
func (n *nodes) sessions(s *setting) *routerdial.Pool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.routers[s.base().Router.Host]; c != nil {
		return c.pool
	}
	return routerdial.NewPool(refuse, n.m.log)
}

// news is how long a take-over is reported by loops that begin.
const news = 30 * time.Second

func refuse(context.Context, string, string) (net.Conn, error) { return nil, owner.ErrNotOwner }
