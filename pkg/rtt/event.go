// Package rtt turns probe events into what a control law needs: per-reflector
// baselines, excess delay over them, and the combined view of all reflectors.
// It is pure: time is a monotonic offset that the caller brings along.
package rtt

import "time"

// Kind says what happened to a probe.
type Kind uint8

// The life of one probe: Sent, then Reply or Lost. A Reply that comes after
// Lost takes the loss back. OneWay stands for itself: its Seq means nothing.
const (
	Sent   Kind = iota + 1 // a request left this host
	Reply                  // its answer arrived; Event.RTT is valid
	Lost                   // no answer within the probe timeout
	OneWay                 // a reflector told its clock: Event.Up and Event.Down are valid
)

func (k Kind) String() string {
	switch k {
	case Sent:
		return "sent"
	case Reply:
		return "reply"
	case Lost:
		return "lost"
	case OneWay:
		return "one-way"
	}
	return "unknown"
}

// MaxReflectors bounds the reflectors of one WAN: up to 16 ICMP hosts and the
// TCP targets used when ICMP is filtered.
const MaxReflectors = 32

// Event is one observation of one probe. It holds no pointers, so a channel of
// events costs no allocation.
type Event struct {
	At        time.Duration // monotonic, since the epoch of whoever measures
	RTT       time.Duration // Reply only
	Up, Down  time.Duration // OneWay only; each off by an unknown constant, Up+Down is a round trip
	Seq       uint32        // numbers the probes of one reflector from 0
	Reflector uint8         // index into the measured targets, below MaxReflectors
	Kind      Kind
}
