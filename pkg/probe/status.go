package probe

import "time"

// Status is what a Group knows at one moment.
type Status struct {
	Mode    Mode
	Targets []TargetStatus // in the order of Event.Reflector; the gateway, if checked, last
	Dropped uint64         // events that the consumer was too slow for
	Denied  error          // with Auto, why ICMP is not used at all; wraps ErrNotPermitted
}

// TargetStatus is what is known about one target.
type TargetStatus struct {
	Name    string // as configured
	Method  Method // ICMP or TCP
	Gateway bool   // the gateway: it has no events
	Address string // being probed, "" when not known yet

	Sent    uint64
	Replies uint64
	Lost    uint64 // without those whose reply came after all
	Late    uint64 // replies that took a loss back

	LastRTT time.Duration
	Alive   bool  // it answered within the last second, or so
	Err     error // why nothing can be sent to it, nil when it can
}

// Mode returns what the group measures by at the moment. It never waits.
func (g *Group) Mode() Mode { return Mode(g.mode.Load()) }

// Status returns a snapshot. It may be called at any time by any goroutine.
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
	n := t.tally()
	s := TargetStatus{
		Name: t.name, Method: t.method, Gateway: t.gateway,
		Sent: n.sent, Replies: n.replies, Lost: n.lost, Late: n.late,
		LastRTT: n.lastRTT, Err: n.err,
		Alive: heard{n.replies, n.lastReplyAt}.within(g.clock.now(), max(maxSilence, 3*t.every)),
	}
	if n.addr.IsValid() {
		s.Address = n.addr.String()
	}
	return s
}

// gatewayStatus is that of the one of the ways to check the gateway that
// works, if any.
func (g *Group) gatewayStatus() TargetStatus {
	best := g.status(g.gateways[0])
	for _, t := range g.gateways[1:] {
		if s := g.status(t); s.Alive && !best.Alive {
			best = s
		}
	}
	return best
}
