package linksim

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/sim/linksim/fluid"
)

// Config describes a link. Functions of time are called with the virtual time
// since the start, and must answer the same for the same time. What is indexed
// by 2 is indexed by autorate.Direction. Nil functions mean nothing happens.
type Config struct {
	Seed uint64

	// The path: RTT without any queue, what the ISP carries, the bytes its FIFO
	// holds, and delay that is there without any queue.
	BaseRTT  func(t time.Duration) time.Duration
	Capacity [2]func(t time.Duration) bitrate.Rate
	Buffer   [2]int
	Queue    [2]Discipline
	Jitter   Jitter
	// Wander is delay of the line in a direction, on top of Jitter and like it shared by
	// all packets, which stay in order. In the download it comes before the bottleneck:
	// what it holds back arrives there in a burst.
	Wander [2]func(t time.Duration) time.Duration
	// Cross is traffic of others behind the same bottleneck: it passes neither
	// shaper and does not react.
	Cross [2]func(t time.Duration) bitrate.Rate

	// The router's limits at the start, 0 for none.
	Limit [2]bitrate.Rate

	// The load: how many bulk flows are wanted, up to MaxBulk, how they react,
	// and how much is offered in short flows as browsing makes them.
	Flows      [2]func(t time.Duration) int
	Congestion func(d, flow int) fluid.Congestion // nil: all CUBIC
	ShortFlows [2]func(t time.Duration) bitrate.Rate

	// HyStart makes CUBIC end its slow start when the RTT grows, as it does where
	// nothing hides that; without it the first burst fills the ISP's buffer.
	HyStart bool

	// Burst is the greatest number of segments that a sender sends back to back,
	// as real ones do; 0 makes the traffic a fluid that leaves no queue below the
	// capacity.
	Burst int

	// AckShare is the bytes of acknowledgements that a byte of data sends the
	// other way: about 1/40 where every second packet is acknowledged, 1/20
	// where every one is. AckFilter is the share of them that the shaper filters
	// out while its queue is busy.
	AckShare, AckFilter float64

	// Reflectors are pinged every ProbeInterval each, all at once: up to
	// rtt.MaxUsed of them, while others are spares. Blackout says when none of them
	// answers a ping; TCPTargets answer connections instead, asked once pings have
	// failed for a second. Fault makes a reflector worse.
	Reflectors    int
	ProbeInterval time.Duration
	SlowProbes    time.Duration // between two probes of a reflector while they are slow; 0: rtt.SlowInterval
	Blackout      func(t time.Duration) bool
	TCPTargets    int
	Fault         Fault

	// OneWay makes the reflectors answer timestamp requests; the zero value has none.
	OneWay OneWay

	// EchoShare is the share of the bottleneck's queue that a probe waits for, where
	// the network favours it; 0: all of it.
	EchoShare float64
	// Radio returns how long a packet of the probing host waits before it reaches
	// the router, or comes from it: the bulk belongs to other hosts. Starved returns
	// how long from t on the host runs nothing: what arrives is noticed late.
	Radio, Starved func(t time.Duration) time.Duration
	// Uncounted is a router that counts no backlog.
	Uncounted bool
}

// Discipline is how the ISP's bottleneck treats what waits.
type Discipline uint8

// Disciplines of a bottleneck.
const (
	FIFO    Discipline = iota // drops what does not fit
	FQCoDel                   // CoDel on the bulk, and sparse flows do not wait
	Policer                   // nobody waits: the buffer is the depth of its bucket
)

// MaxBulk is the greatest number of bulk flows in one direction.
const MaxBulk = 8

// maxFlows bounds bulk and short flows together.
const maxFlows = 2 * MaxBulk
