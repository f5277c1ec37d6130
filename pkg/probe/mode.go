package probe

import (
	"time"

	"github.com/wanctl/wanctl/pkg/probe/hostnet"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Mode is what a Group measures by at the moment.
type Mode uint8

// Modes, from the worst to the best.
const (
	ModeNone    Mode = iota // nothing answers, or nothing has yet
	ModeGateway             // nothing beyond the gateway answers
	ModeTCP                 // TCP targets answer
	ModeICMP                // ICMP targets answer
)

func (m Mode) String() string {
	switch m {
	case ModeNone:
		return "none"
	case ModeGateway:
		return "gateway"
	case ModeTCP:
		return "tcp"
	case ModeICMP:
		return "icmp"
	}
	return "unknown"
}

const (
	// maxSilence without any ICMP reply starts the fallback; longer when the
	// interval between probes is.
	maxSilence = time.Second
	// repliesToReturn ICMP replies end it: a single stray one does not.
	repliesToReturn = 3
)

// replies counts the replies of targets of one kind.
type replies struct {
	count uint64
	at    time.Duration // of the newest reply, meaningless without any
}

func (r replies) within(now, d time.Duration) bool { return r.count > 0 && now-r.at <= d }

// fallback selects the Mode. It is a pure state machine.
type fallback struct {
	// configuration
	enabled    bool          // there are TCP targets or gateways
	silence    time.Duration // without an ICMP reply until ICMP counts as down
	grace      time.Duration // for TCP and the gateway to answer
	tcpFor     time.Duration // how long a TCP reply counts
	gatewayFor time.Duration // how long a reply of the gateway counts

	// state
	mode    Mode
	active  bool          // ICMP is down
	tcpDown bool          // TCP as well
	since   time.Duration // start of tcpDown
	ignored uint64        // ICMP replies that do not count towards the return
}

// phase is the progress of a run that is limited in number or time.
type phase uint8

const (
	running   phase = iota // echoes are being sent
	finishing              // all are sent: silence means nothing
	finished               // all were answered or lost
)

// step updates the mode from the replies so far. Silence counts from start at the
// earliest.
func (f *fallback) step(now, start time.Duration, p phase, icmp, tcp, gateway replies) {
	last := start
	if icmp.count > 0 {
		last = max(start, icmp.at)
	}
	if p == running && now-last > f.silence || p == finished && icmp.count == 0 {
		f.active, f.ignored = true, icmp.count
	}
	if f.active && icmp.count-f.ignored >= repliesToReturn {
		f.active = false
	}
	wasUp := !f.tcpDown
	f.tcpDown = f.active && !tcp.within(now, f.tcpFor)
	if f.tcpDown && wasUp {
		f.since = now
	}
	switch {
	case !f.active:
		if icmp.count > 0 {
			f.mode = ModeICMP
		}
	case !f.tcpDown:
		f.mode = ModeTCP
	case f.enabled && now-f.since < f.grace:
	case gateway.within(now, f.gatewayFor):
		f.mode = ModeGateway
	default:
		f.mode = ModeNone
	}
}

// updateMode updates the mode of the group and logs a change.
func (g *Group) updateMode(f *fallback, p phase) {
	icmp, tcp, gateway := repliesFrom(g.targetsBy(ICMP)), repliesFrom(g.targetsBy(TCP)), repliesFrom(g.gateways)
	was := f.mode
	// After slow probes silence counts from the first one at full rate.
	f.silence = rtt.SilentAfter(max(maxSilence, 3*g.cfg.Interval), g.slow.Load(), g.cfg.SlowInterval)
	f.step(g.clock.now(), max(g.start, time.Duration(g.awake.Load())), p, icmp, tcp, gateway)
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

// repliesFrom returns the replies of targets in use: a spare that answers says nothing
// about those that the control depends on.
func repliesFrom(targets []*target) (r replies) {
	for _, t := range targets {
		if n := t.snapshot().used; n.count > 0 {
			r.count += n.count
			r.at = max(r.at, n.at)
		}
	}
	return r
}

func (g *Group) newFallback() *fallback {
	f := &fallback{
		enabled:    len(g.targetsBy(TCP)) > 0 || len(g.gateways) > 0,
		silence:    max(maxSilence, 3*g.cfg.Interval),
		grace:      maxConnect,
		gatewayFor: 3 * gatewayInterval,
	}
	if targets := g.targetsBy(TCP); len(targets) > 0 {
		f.tcpFor = 3*targets[0].interval + maxConnect
	}
	if g.access == hostnet.NoICMP {
		f.active, f.tcpDown, f.since = true, true, g.start
	}
	return f
}
