// Package rtt derives the input of a control law from probe events: a baseline and
// the excess delay over it for each reflector, and the combined view of all of them.
// It is pure: time is a monotonic offset, an argument of each call.
package rtt

import "time"

// Kind is the type of an Event.
type Kind uint8

// A probe is Sent, then a Reply arrives or it is Lost. A Reply after Lost reverts the
// loss. OneWay is independent of these: its Seq has no meaning. Spare takes the place of
// Sent for a reflector that is not in use: it is ignored by a Path until its next Sent.
const (
	Sent   Kind = iota + 1 // a request left this host
	Reply                  // its answer arrived; Event.RTT is valid
	Lost                   // no answer within the probe timeout
	OneWay                 // a timestamp reply arrived: Event.Up and Event.Down are valid
	Spare                  // a request left this host, to a reflector that is not in use
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
	case Spare:
		return "spare"
	}
	return "unknown"
}

// MaxReflectors bounds the reflectors of one WAN: up to 64 ICMP hosts and the
// TCP targets used when ICMP is filtered.
const MaxReflectors = 96

// Event is one observation of one probe. It holds no pointers, so a channel of
// events costs no allocation.
type Event struct {
	At        time.Duration // monotonic, since the epoch of the prober
	RTT       time.Duration // Reply only
	Up, Down  time.Duration // OneWay only; each off by an unknown constant, Up+Down is a round trip
	Seq       uint32        // numbers the probes of one reflector from 0
	Reflector uint8         // index into the measured targets, below MaxReflectors
	Kind      Kind
}
