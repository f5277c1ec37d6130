package ha

import (
	"fmt"
	"time"
)

// Reason is why a node claims a router.
type Reason string

// The reasons.
const (
	Silence  Reason = "silence"  // its owner had fallen silent
	HandOver Reason = "handover" // its owner had handed it over
	Restart  Reason = "restart"  // the claim was of an earlier run of the same node
	Free     Reason = "free"     // nobody had claimed it
)

// Reasons lists all of them.
var Reasons = [...]Reason{Silence, HandOver, Restart, Free}

// Takeover is how a node came to claim a router.
type Takeover struct {
	Reason Reason
	From   string        // the node before it; "" none
	Silent time.Duration // how long that one had been silent
	Ended  bool          // its lease had ended
}

// String returns the reason for people: "no packet from pop1-a for 2.1 s".
func (t Takeover) String() string {
	switch t.Reason {
	case Silence:
		if t.Ended {
			return "the lease of " + t.From + " has ended"
		}
		return fmt.Sprintf("no packet from %s for %.1f s", t.From, t.Silent.Seconds())
	case HandOver:
		return "handed over by " + t.From
	case Restart:
		return "claimed by an earlier run of this node"
	case Free:
		return "claimed by nobody"
	}
	return ""
}

// taken returns how a node comes to claim the router of v.
func taken(v View, free bool, silent time.Duration) Takeover {
	t := Takeover{From: v.Log.Latest().Node, Silent: silent, Reason: Silence}
	switch {
	case t.From == "":
		t.Reason = Free
	case free:
		t.Reason = HandOver
	case v.Log.Latest().Address == v.Self:
		t.Reason = Restart
	default:
		t.Ended = v.Lease == LeaseEnded
	}
	return t
}
