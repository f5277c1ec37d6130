package fluid

import (
	"math"
	"time"
)

const (
	mss         = 1448.0
	minWindow   = 2 * mss
	firstWindow = 10 * mss
	slowBurst   = 4 // a step may send this many times the paced share
)

// Congestion names how a sender reacts.
type Congestion uint8

// Kinds of congestion control.
const (
	Cubic Congestion = iota // window-based, backs off on loss (RFC 9438)
	BBR                     // rate-based, probes periodically, ignores loss
)

func (c Congestion) String() string {
	if c == BBR {
		return "bbr"
	}
	return "cubic"
}

// Sender is one TCP-like transfer: bytes instead of segments, one reaction to
// loss per RTT. The zero Sender is not active.
type Sender struct {
	Active bool
	kind   Congestion

	left     float64 // bytes still to send; +Inf for a bulk transfer
	inflight float64 // bytes
	rtt      float64 // seconds, as it is now
	minRTT   float64 // seconds
	window   float64 // bytes
	reacted  time.Duration

	// Packets leave in bursts, back to back; burst is the bytes of the next one.
	longest float64
	burst   float64
	credit  float64 // bytes the pacing has earned
	random  uint64

	cubic cubic
	bbr   bbr
}

// Transfer is what a Sender is to do.
type Transfer struct {
	Congestion Congestion
	Bytes      float64 // +Inf: it does not end by itself
	RTT        float64 // seconds, at the start
	HyStart    bool    // CUBIC: slow start ends when the RTT grows, not only by loss
	// Burst is the greatest number of segments sent back to back; 0: none, it
	// flows. Seed makes the bursts of one sender other than those of another.
	Burst int
	Seed  uint64
}

// Start makes the sender begin a transfer. What is in flight of a former one
// stays so.
func (s *Sender) Start(now time.Duration, t Transfer) {
	*s = Sender{
		Active: true, kind: t.Congestion, left: t.Bytes, inflight: s.inflight,
		rtt: t.RTT, minRTT: t.RTT, window: firstWindow,
		longest: float64(t.Burst) * mss, random: t.Seed*0x9e3779b97f4a7c15 + uint64(now) + 1,
	}
	s.rollBurst()
	switch t.Congestion {
	case BBR:
		s.bbr.start(now, t.RTT)
	case Cubic:
		s.cubic.start(now, t.HyStart)
	}
}

// InFlight returns the bytes sent and neither acknowledged nor lost.
func (s *Sender) InFlight() float64 { return s.inflight }

// SetRTT tells the sender the RTT of its packets.
func (s *Sender) SetRTT(seconds float64) {
	s.rtt = seconds
	s.minRTT = min(s.minRTT, seconds)
}

// Want returns the bytes to send in a step of dt seconds, and counts them as
// sent.
func (s *Sender) Want(dt float64) float64 {
	if !s.Active {
		return 0
	}
	paced, room := 0.0, 0.0
	if s.kind == BBR {
		paced, room = s.bbr.want(s, dt)
	} else {
		paced, room = slowBurst*s.window*dt/s.rtt, s.window-s.inflight
	}
	s.credit = min(s.credit+paced, paced+s.burst)
	n := min(room, s.credit)
	if n <= 0 || n < min(s.burst, s.window/2, s.left) {
		return 0
	}
	s.credit -= n
	s.rollBurst()
	if n >= s.left {
		n = s.left
		s.Active = false // the rest is for the network
	}
	s.left -= n
	s.inflight += n
	return n
}

// rollBurst draws the length of the next burst: from one segment to the longest.
func (s *Sender) rollBurst() {
	if s.longest == 0 {
		return
	}
	s.random ^= s.random << 13 // xorshift
	s.random ^= s.random >> 7
	s.random ^= s.random << 17
	s.burst = mss + (s.longest-mss)*float64(s.random>>40)/(1<<24)
}

// Acked tells the sender that bytes have arrived.
func (s *Sender) Acked(now time.Duration, bytes float64) {
	s.inflight = max(0, s.inflight-bytes)
	if !s.Active {
		return
	}
	if s.kind == BBR {
		s.bbr.acked(s, now, bytes)
		return
	}
	s.cubic.acked(s, now, bytes)
}

// Lost tells the sender that bytes are missing; they will be sent again.
func (s *Sender) Lost(now time.Duration, bytes float64) {
	s.inflight = max(0, s.inflight-bytes)
	if s.Active && !math.IsInf(s.left, 1) {
		s.left += bytes
	}
	if s.kind == BBR || float64(now-s.reacted) < s.rtt*1e9 {
		return
	}
	s.reacted = now
	s.cubic.lost(s, now)
}
