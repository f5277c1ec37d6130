// Package probe measures the round-trip time of several targets at once: ICMP
// echo with one long-lived pinger per host, and the timing of TCP connections
// where ICMP is filtered. Hosts that answer ICMP timestamp requests get those too,
// which gives the delay of each direction.
//
// A Group delivers its measurements as rtt.Events. No probe waits for the consumer
// of the events or for an unreachable target. All times are monotonic.
package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
)

const (
	maxSweep        = 250 * time.Millisecond // longest time between two checks for losses
	gatewayInterval = time.Second
	gatewayPort     = 80 // a refused connection is an answer too
)

// Group measures a fixed set of targets.
type Group struct {
	// configuration
	cfg      Config
	binding  hostnet.Binding
	access   hostnet.Access
	usePing  bool  // echoes leave by ping sockets
	denied   error // why ICMP is not permitted, where TCP replaces it
	sweep    time.Duration
	targets  []*target // by index: the ICMP hosts, then the TCP targets
	gateways []*target // the gateway by each method, none without the check
	selector *selector // of the ICMP hosts, nil without any

	// dependencies
	log       *slog.Logger
	clock     clock
	queue     *queue
	echo      echoFunc
	dial      dialFunc
	lookup    func(context.Context, string) ([]netip.Addr, error)
	reachable func(context.Context, netip.Addr) error
	// timestamps opens the socket of timestamp requests with the identifier; nil: none are sent.
	timestamps func(ctx context.Context, id uint16) (timestampSocket, error)

	// state
	running atomic.Bool
	slow    atomic.Bool   // see SetSlow
	awake   atomic.Int64  // event time at which probes were slow last
	start   time.Duration // of Run, as an event time
	review  time.Duration // time of the next review of the selection
	mode    atomic.Uint32
}

// New returns a Group, or an error when the configuration is invalid, when its
// source address or interface does not exist, or when ICMP is not permitted
// (ErrNotPermitted). With Auto and TCP targets a missing permission is logged, and
// TCP is used alone. Nothing is sent before Run.
func New(cfg Config) (*Group, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	g := &Group{cfg: cfg, log: cfg.Logger, lookup: lookup, echo: proBing}
	g.dial, g.reachable, g.timestamps = g.connect, g.hasRoute, g.openTimestamps
	if cfg.Sockets != nil {
		g.timestamps = func(ctx context.Context, id uint16) (timestampSocket, error) {
			return cfg.Sockets.timestamps(ctx, g.binding, id, g.openTimestamps)
		}
	}
	if g.binding, err = hostnet.Bind(cfg.Source, cfg.Interface, cfg.Mark); err != nil {
		return nil, err
	}
	if cfg.Method != TCP {
		if g.access, err = hostnet.ICMPAccess(); g.access == hostnet.NoICMP {
			denied := &permissionError{err}
			if cfg.Method == ICMP || !cfg.Fallback || !cfg.CheckTCP || len(cfg.TCPTargets) == 0 {
				return nil, denied
			}
			g.denied = denied
			g.log.Warn("measuring by TCP connections only, at a low rate", "error", denied)
		}
		g.usePing = cfg.Sockets != nil && hostnet.MayPing()
	}
	if g.usePing {
		g.echo = cfg.Sockets.echo
	}
	if err := g.addTargets(); err != nil {
		return nil, err
	}
	return g, nil
}

// addTargets creates the targets of the methods that are configured and permitted.
func (g *Group) addTargets() error {
	c := &g.cfg
	g.queue = newQueue(queueLen)
	g.clock = newClock(c.Epoch)
	g.sweep = max(min(c.Timeout, maxSweep), MinInterval)
	if g.access != hostnet.NoICMP {
		for _, host := range c.Targets {
			t := newTarget(host, ICMP, c, g.clock, g.queue)
			t.host, t.slow, t.slowInterval = host, &g.slow, c.SlowInterval
			g.targets = append(g.targets, t)
		}
	}
	if c.Method == TCP || g.fallbackTCP() {
		for _, name := range c.TCPTargets {
			t := newTarget(name, TCP, c, g.clock, g.queue)
			var err error
			if t.host, t.port, err = splitTarget(name); err != nil {
				return err
			}
			g.targets = append(g.targets, t)
		}
	}
	for i, t := range g.targets {
		t.index = uint8(i)
		if err := g.checkFamily(t); err != nil {
			return err
		}
	}
	if c.Method == Auto && c.Fallback && c.CheckGateway {
		name := "gateway"
		if c.Gateway != "" {
			name = "gateway " + c.Gateway
		}
		if g.access != hostnet.NoICMP {
			g.gateways = append(g.gateways, newTarget(name, ICMP, c, g.clock, g.queue))
		}
		g.gateways = append(g.gateways, newTarget(name, TCP, c, g.clock, g.queue))
		for _, t := range g.gateways {
			t.gateway, t.host, t.port, t.index = true, c.Gateway, gatewayPort, uint8(len(g.targets))
		}
	}
	if hosts := g.targetsBy(ICMP); len(hosts) > 0 {
		use := c.Use
		if use == 0 || c.Count > 0 {
			use = len(hosts)
		}
		g.selector = newSelector(hosts, use, c)
	}
	g.plan(0)
	for _, t := range slices.Concat(g.targets, g.gateways) {
		t.interval, t.spareInterval = t.schedule.Interval, t.spareSchedule.Interval
	}
	return nil
}

// plan sets the schedules of all targets for a run that begins at start.
func (g *Group) plan(start time.Duration) {
	p := rtt.Plan{Start: start, Interval: g.cfg.Interval, Staggered: g.cfg.Staggered}
	connections := p.Fallback()
	if g.cfg.Method == TCP {
		connections = g.cfg.Interval
	}
	set := func(targets []*target, schedules []rtt.Schedule) {
		for i, t := range targets {
			t.schedule = schedules[i]
		}
	}
	hosts := g.targetsBy(ICMP)
	set(hosts, p.Echoes(len(hosts)))
	for i, s := range p.Spares(len(hosts)) {
		hosts[i].spareSchedule = s
	}
	for i, s := range p.Slow(len(hosts), g.cfg.SlowInterval) {
		hosts[i].slowSchedule = s
	}
	set(g.targetsBy(TCP), p.Spread(len(g.targetsBy(TCP)), connections))
	set(g.gateways, p.Spread(len(g.gateways), gatewayInterval))
}

// checkFamily returns an error for a target of another address family than the
// source address.
func (g *Group) checkFamily(t *target) error {
	addr, err := netip.ParseAddr(t.host)
	if err != nil || !g.binding.Source.IsValid() || addr.Unmap().Is4() == g.binding.Source.Is4() {
		return nil
	}
	return fmt.Errorf("source address %s: cannot reach %s, which is of the other address family", g.binding.Source, t.name)
}

func (g *Group) fallbackTCP() bool {
	return g.cfg.Method == Auto && g.cfg.Fallback && g.cfg.CheckTCP && len(g.cfg.TCPTargets) > 0
}

// Events returns the channel of events, in order for each target. It never blocks a
// probe: when the consumer is too slow the oldest events are dropped and counted.
// The channel is closed when Run returns.
func (g *Group) Events() <-chan rtt.Event { return g.queue.ch }

// Run measures until ctx ends or, with Config.Count or Config.Duration, until every
// probe was answered or lost. Both return nil. Run can be called once only.
//
// ICMP targets are probed at their full rate while the fallback runs as well, so
// that three replies suffice to end it.
func (g *Group) Run(ctx context.Context) error {
	if !g.running.CompareAndSwap(false, true) {
		return errors.New("probe group: Run called twice")
	}
	defer close(g.queue.ch)
	g.start = g.clock.now()
	g.plan(g.start)
	g.review = g.start + rtt.ReviewInterval
	ctx, cancel := context.WithCancel(ctx)
	primary, fallback, gateway := g.workerSets()
	var clocks sync.WaitGroup
	clocks.Go(func() { g.pollClocks(ctx) })
	defer func() {
		cancel()
		clocks.Wait()
		for _, c := range []*workerSet{primary, fallback, gateway} {
			c.wg.Wait()
		}
		g.expire()
	}()

	f := g.newFallback()
	primary.setRunning(ctx, true)
	p := running
	tick := time.NewTicker(g.sweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-primary.done:
			primary.done, p = nil, finished
		case <-fallback.done:
			fallback.done = nil
		case <-tick.C:
		}
		if p == running && g.lastEchoesOut() {
			p = finishing
		}
		g.expire()
		g.reviewSelection()
		g.updateMode(f, p)
		fallback.setRunning(ctx, f.active)
		gateway.setRunning(ctx, f.tcpDown)
		if p == finished && fallback.done == nil {
			return nil
		}
	}
}

// SetSlow lets the ICMP hosts in use have one probe in Config.SlowInterval each, or the full
// rate again: those that are due then leave at once. It may be called at any time, and
// never blocks.
func (g *Group) SetSlow(slow bool) {
	if g.slow.Swap(slow) == slow {
		return
	}
	g.awake.Store(int64(g.clock.now()))
	for _, t := range g.targetsBy(ICMP) {
		t.reschedule()
	}
}

// reviewSelection updates the roles of the ICMP hosts once a rtt.ReviewInterval.
func (g *Group) reviewSelection() {
	if now := g.clock.now(); g.selector != nil && now >= g.review {
		g.review = max(g.review+rtt.ReviewInterval, now)
		g.selector.review(now)
	}
}

// expire counts overdue probes of all targets as lost.
func (g *Group) expire() {
	for _, t := range g.targets {
		t.expire()
	}
	for _, t := range g.gateways {
		t.expire()
	}
}

// lastEchoesOut reports whether Config.Count or Config.Duration allow no further echo.
func (g *Group) lastEchoesOut() bool {
	for _, t := range g.targets {
		if next, last := t.progress(); t.method == ICMP && !t.standby() && g.mayStart(next, g.due(t, last)) {
			return false
		}
	}
	return g.access != hostnet.NoICMP
}

// targetsBy returns the targets measured by method.
func (g *Group) targetsBy(method Method) []*target {
	n := 0
	for n < len(g.targets) && g.targets[n].method == ICMP {
		n++
	}
	if method == ICMP {
		return g.targets[:n]
	}
	return g.targets[n:]
}
