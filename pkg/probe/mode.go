package probe

import "time"

// Mode is what a Group measures by at the moment.
type Mode uint8

// Modes, from the blindest to the best.
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
	// repliesToReturn end it: one stray reply does not.
	repliesToReturn = 3
)

// heard is what the targets of one kind have answered in all.
type heard struct {
	replies uint64
	at      time.Duration // of the newest reply, meaningless without any
}

func (h heard) within(now, d time.Duration) bool { return h.replies > 0 && now-h.at <= d }

// fallback decides by what to measure. It is a pure state machine.
type fallback struct {
	// configuration
	enabled    bool          // other means than ICMP exist
	silence    time.Duration // without an ICMP reply: ICMP does not work
	grace      time.Duration // for other means to answer before they are judged
	tcpFor     time.Duration // for so long one TCP reply is good
	gatewayFor time.Duration // and one of the gateway

	// state
	mode    Mode
	active  bool          // ICMP does not work
	blind   bool          // nor does TCP
	since   time.Duration // when blindness was noticed
	ignored uint64        // ICMP replies that do not count towards the return
}

// phase is how far a run with bounds has come.
type phase uint8

const (
	running   phase = iota // echoes go out
	finishing              // the last ones are out: silence means nothing
	finished               // they were answered or lost
)

// step takes in what was heard until now, with silence counting from start at
// the earliest.
func (f *fallback) step(now, start time.Duration, p phase, icmp, tcp, gateway heard) {
	last := start
	if icmp.replies > 0 {
		last = max(start, icmp.at)
	}
	if p == running && now-last > f.silence || p == finished && icmp.replies == 0 {
		f.active, f.ignored = true, icmp.replies
	}
	if f.active && icmp.replies-f.ignored >= repliesToReturn {
		f.active = false
	}
	could := !f.blind
	f.blind = f.active && !tcp.within(now, f.tcpFor)
	if f.blind && could {
		f.since = now
	}
	switch {
	case !f.active:
		if icmp.replies > 0 {
			f.mode = ModeICMP
		}
	case !f.blind:
		f.mode = ModeTCP
	case f.enabled && now-f.since < f.grace:
	case gateway.within(now, f.gatewayFor):
		f.mode = ModeGateway
	default:
		f.mode = ModeNone
	}
}
