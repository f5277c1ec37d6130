package probe

import (
	"slices"
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Status is a snapshot of a Group.
type Status struct {
	Mode    Mode
	Targets []TargetStatus // in the order of Event.Reflector; the gateway, if checked, last
	Dropped uint64         // events dropped because the consumer was too slow
	Denied  error          // with Auto, why ICMP is not used at all; wraps ErrNotPermitted
}

// TargetStatus is a snapshot of one target.
type TargetStatus struct {
	Name    string // as configured
	Method  Method // ICMP or TCP
	Gateway bool   // the gateway, which emits no events
	Address string // "" until resolved

	Sent    uint64
	Replies uint64
	Lost    uint64 // without those answered late
	Late    uint64 // replies after the timeout

	LastRTT time.Duration
	Alive   bool  // answered recently: within a second, or three intervals
	Err     error // why probes cannot be sent, nil when they can

	Quality *rtt.Quality // of an ICMP host, nil for others
}

// Routes returns the routes to the targets in use that have been resolved, as they are
// now and each once. A target that cannot be reached has none.
func (g *Group) Routes() []hostnet.Route {
	var routes []hostnet.Route
	for _, t := range g.targets {
		addr := t.snapshot().addr
		if !addr.IsValid() || !t.inUse() {
			continue
		}
		if r, err := g.binding.Route(addr); err == nil && !slices.Contains(routes, r) {
			routes = append(routes, r)
		}
	}
	return routes
}

// Mode returns the current mode. It never blocks.
func (g *Group) Mode() Mode { return Mode(g.mode.Load()) }

// Quality returns the quality of the i-th ICMP host, of the zero Quality for others.
// It does not allocate.
func (g *Group) Quality(i int) (q rtt.Quality) {
	if i < len(g.targets) && g.targets[i].selector != nil {
		q = g.targets[i].selector.quality(i)
	}
	return q
}

// EchoLimit returns how many reflectors in use answer only a part of the echoes.
func (g *Group) EchoLimit() (l rtt.EchoLimit) {
	if g.selector != nil {
		l = g.selector.echoLimit(g.clock.now())
	}
	return l
}

// Status returns a snapshot. It may be called at any time, by any goroutine.
func (g *Group) Status() Status {
	s := Status{
		Mode:    g.Mode(),
		Dropped: g.queue.dropped.Load(),
		Denied:  g.denied,
		Targets: make([]TargetStatus, 0, len(g.targets)+1),
	}
	for _, t := range g.targets {
		s.Targets = append(s.Targets, g.status(t))
	}
	if len(g.gateways) > 0 {
		s.Targets = append(s.Targets, g.gatewayStatus())
	}
	return s
}

func (g *Group) status(t *target) TargetStatus {
	n := t.snapshot()
	s := TargetStatus{
		Name: t.name, Method: t.method, Gateway: t.gateway,
		Sent: n.sent, Replies: n.replies, Lost: n.lost, Late: n.late,
		LastRTT: n.lastRTT, Err: n.err,
		Alive: replies{n.replies, n.lastReplyAt}.within(g.clock.now(), max(maxSilence, 3*t.currentInterval())),
	}
	if t.selector != nil {
		s.Quality = new(t.selector.quality(int(t.index)))
	}
	if n.addr.IsValid() {
		s.Address = n.addr.String()
	}
	return s
}

// gatewayStatus returns the status of the method by which the gateway answers, of the
// first if by none.
func (g *Group) gatewayStatus() TargetStatus {
	best := g.status(g.gateways[0])
	for _, t := range g.gateways[1:] {
		if s := g.status(t); s.Alive && !best.Alive {
			best = s
		}
	}
	return best
}
