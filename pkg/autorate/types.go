// Package autorate is the control law: from round-trip times, queue counters
// and the limits in force it decides the next limit of each direction.
//
// It is a pure function of its state, the time and the input. There is no
// clock, no I/O and no logger in it, so that the live loop, a replayed trace,
// the simulator and the tests all run this same code.
package autorate

import (
	"time"

	"github.com/wanctl/wanctl/pkg/bitrate"
	"github.com/wanctl/wanctl/pkg/rtt"
)

// Direction indexes everything that exists once per direction of the WAN.
type Direction uint8

// The two directions, as seen from the home network.
const (
	Download Direction = iota
	Upload
)

// Directions lists both, for range loops.
var Directions = [2]Direction{Download, Upload}

func (d Direction) String() string {
	if d == Upload {
		return "upload"
	}
	return "download"
}

// ProbeBytes is what a queue of the router counts for an echo: 24 bytes of data, the
// headers of ICMP, IPv4 and Ethernet.
const ProbeBytes = 24 + 8 + 20 + 14

// MinChange is the smallest change of a limit that is worth a write.
const MinChange = 100 * bitrate.Kbps

// State is the severity of a direction's delay, for people, dashboards and
// steering. It explains a decision; it does not make it.
type State uint8

// States in rising severity; the numbers are those of the wanctl_state metric.
const (
	Green State = iota + 1
	Yellow
	SoftRed
	Red
)

func (s State) String() string {
	switch s {
	case Green:
		return "GREEN"
	case Yellow:
		return "YELLOW"
	case SoftRed:
		return "SOFT_RED"
	case Red:
		return "RED"
	}
	return "UNKNOWN"
}

// Counters is one reading of a direction's queue on the router.
type Counters struct {
	Bytes       uint64 // sent since boot
	Dropped     uint64 // packets dropped since boot
	QueuedBytes uint64 // backlog now
}

// Reading is the counters of both queues, read in one request.
type Reading struct {
	At     time.Duration // when the answer arrived, on the clock of Step
	Queues [2]Counters
}

// Input is what one Step sees. Slices belong to the caller and are not kept.
type Input struct {
	Events   []rtt.Event // probe events since the last step, in order
	Readings []Reading   // counter readings since the last step, in order

	// Applied is the newest limits the router confirmed; zero when not known
	// yet. The law reasons about these, not about what it wished for.
	Applied [2]bitrate.Rate

	// WriteLatency is how long a write takes now (90th percentile).
	WriteLatency time.Duration

	// SlowProbes is the time between two probes of a reflector while there are fewer
	// than usual, 0 otherwise: a late reply is none that is missing then.
	SlowProbes time.Duration

	// Hold forbids every change: the measurement is known to be unusable.
	Hold bool
}
