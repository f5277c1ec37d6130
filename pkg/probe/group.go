// Package probe measures the round-trip time of several targets at once: ICMP
// echo with one long-lived pinger a host, and the timing of TCP connections
// where ICMP is filtered. Hosts that tell their clock in ICMP timestamps are asked
// for it too, so that the delay of each direction is known.
//
// A Group delivers what it sees as rtt.Events. No probe ever waits: not for
// the consumer of the events, not for a target that cannot be reached. All
// times are monotonic.
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
	maxSweep        = 250 * time.Millisecond // how late silence may be noticed
	gatewayInterval = time.Second
	gatewayPort     = 80 // refused or not, an answer is an answer
)

// Group measures a fixed set of targets.
type Group struct {
	// configuration
	cfg      Config
	source   netip.Addr // parsed Config.Source
	access   hostnet.Access
	denied   error // why there is no access, where that is put up with
	sweep    time.Duration
	targets  []*target // by index: the ICMP hosts, then the TCP targets
	gateways []*target // the ways to check the gateway, none without the check

	// dependencies
	log       *slog.Logger
	clock     clock
	queue     *queue
	echo      echoFunc
	dial      dialFunc
	lookup    func(context.Context, string) ([]netip.Addr, error)
	reachable func(context.Context, netip.Addr) error
	// timestamps opens what clocks are asked by; nil: nobody is asked.
	timestamps func(context.Context) (timestampSocket, error)

	// state
	running atomic.Bool
	start   time.Duration // of Run, as an event time
	mode    atomic.Uint32
}

// New checks the configuration, whether its source address and interface
// exist, and whether ICMP is permitted. With Auto and TCP targets it makes do
// with TCP when it is not, and says so in the log; otherwise that is an error
// that wraps ErrNotPermitted. Nothing is sent before Run.
func New(cfg Config) (*Group, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	g := &Group{cfg: cfg, log: cfg.Logger, lookup: lookup, echo: proBing}
	g.dial, g.reachable, g.timestamps = g.connect, g.hasRoute, g.openTimestamps
	if cfg.Interface != "" {
		if err := hostnet.CheckInterface(cfg.Interface); err != nil {
			return nil, err
		}
	}
	if cfg.Source != "" {
		if g.source, err = hostnet.CheckSource(cfg.Source); err != nil {
			return nil, err
		}
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
	}
	if err := g.addTargets(); err != nil {
		return nil, err
	}
	return g, nil
}

// addTargets makes the targets that the configuration and the permissions
// leave to be measured.
func (g *Group) addTargets() error {
	c := &g.cfg
	g.queue = newQueue(queueLen)
	g.clock = newClock(c.Epoch)
	g.sweep = max(min(c.Timeout, maxSweep), MinInterval)
	if g.access != hostnet.NoICMP {
		for _, host := range c.Targets {
			t := newTarget(host, ICMP, c, g.clock, g.queue)
			t.host = host
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
	g.plan(0)
	for _, t := range slices.Concat(g.targets, g.gateways) {
		t.every = t.schedule.Interval
	}
	return nil
}

// plan schedules all targets for a run that starts then.
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
	set(g.of(ICMP), p.Echoes(len(g.of(ICMP))))
	set(g.of(TCP), p.Spread(len(g.of(TCP)), connections))
	set(g.gateways, p.Spread(len(g.gateways), gatewayInterval))
}

// checkFamily refuses what the source address can never reach.
func (g *Group) checkFamily(t *target) error {
	addr, err := netip.ParseAddr(t.host)
	if err != nil || !g.source.IsValid() || addr.Unmap().Is4() == g.source.Is4() {
		return nil
	}
	return fmt.Errorf("source address %s: cannot reach %s, which is of the other address family", g.source, t.name)
}

func (g *Group) fallbackTCP() bool {
	return g.cfg.Method == Auto && g.cfg.Fallback && g.cfg.CheckTCP && len(g.cfg.TCPTargets) > 0
}

// Events delivers what happens, in order for each target. It never blocks a
// probe: when the consumer is too slow the oldest events are dropped and
// counted. It is closed when Run returns.
func (g *Group) Events() <-chan rtt.Event { return g.queue.ch }

// Run measures until ctx ends or, if the configuration bounds the run, until
// every probe was answered or lost. Either is a normal end. Run can be called
// once only.
//
// ICMP targets are probed at their rate all the time, while the fallback is at
// work too: that disturbs nobody who filters them, and tells within three
// replies that it is over.
func (g *Group) Run(ctx context.Context) error {
	if !g.running.CompareAndSwap(false, true) {
		return errors.New("probe group: Run called twice")
	}
	defer close(g.queue.ch)
	g.start = g.clock.now()
	g.plan(g.start)
	ctx, cancel := context.WithCancel(ctx)
	primary, spare, gateway := g.crews()
	var asking sync.WaitGroup
	asking.Go(func() { g.askClocks(ctx) })
	defer func() {
		cancel()
		asking.Wait()
		for _, c := range []*crew{primary, spare, gateway} {
			c.wg.Wait()
		}
		g.expire()
	}()

	f := g.newFallback()
	primary.work(ctx, true)
	p := running
	tick := time.NewTicker(g.sweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-primary.done:
			primary.done, p = nil, finished
		case <-spare.done:
			spare.done = nil
		case <-tick.C:
		}
		if p == running && g.lastEchoesOut() {
			p = finishing
		}
		g.expire()
		g.judge(f, p)
		spare.work(ctx, f.active)
		gateway.work(ctx, f.blind)
		if p == finished && spare.done == nil {
			return nil
		}
	}
}

// expire notices losses.
func (g *Group) expire() {
	for _, t := range g.targets {
		t.expire()
	}
	for _, t := range g.gateways {
		t.expire()
	}
}

// lastEchoesOut reports that the bounds of the run allow no further echo.
func (g *Group) lastEchoesOut() bool {
	for _, t := range g.targets {
		if next, last := t.progress(); t.method == ICMP && g.mayStart(next, g.due(t, last)) {
			return false
		}
	}
	return g.access != hostnet.NoICMP
}

// judge lets f decide by what to measure, and tells about a change.
func (g *Group) judge(f *fallback, p phase) {
	icmp, tcp, gateway := heardFrom(g.of(ICMP)), heardFrom(g.of(TCP)), heardFrom(g.gateways)
	was := f.mode
	f.step(g.clock.now(), g.start, p, icmp, tcp, gateway)
	if f.mode == was {
		return
	}
	g.mode.Store(uint32(f.mode))
	switch f.mode {
	case ModeICMP:
		g.log.Info("measuring by ICMP")
	case ModeTCP:
		if g.access == hostnet.NoICMP {
			g.log.Info("measuring by TCP connections")
		} else {
			g.log.Warn("no ICMP reply: measuring by TCP connections")
		}
	case ModeGateway:
		g.log.Warn("nothing answers but the gateway")
	case ModeNone:
		g.log.Warn("nothing answers")
	}
}

// of lists the targets measured by method.
func (g *Group) of(method Method) []*target {
	n := 0
	for n < len(g.targets) && g.targets[n].method == ICMP {
		n++
	}
	if method == ICMP {
		return g.targets[:n]
	}
	return g.targets[n:]
}

func heardFrom(targets []*target) (h heard) {
	for _, t := range targets {
		if n := t.tally(); n.replies > 0 {
			h.replies += n.replies
			h.at = max(h.at, n.lastReplyAt)
		}
	}
	return h
}

func (g *Group) newFallback() *fallback {
	f := &fallback{
		enabled:    len(g.of(TCP)) > 0 || len(g.gateways) > 0,
		silence:    max(maxSilence, 3*g.cfg.Interval),
		grace:      maxConnect,
		gatewayFor: 3 * gatewayInterval,
	}
	if targets := g.of(TCP); len(targets) > 0 {
		f.tcpFor = 3*targets[0].every + maxConnect
	}
	if g.access == hostnet.NoICMP {
		f.active, f.blind, f.since = true, true, g.start
	}
	return f
}
