package actuate

// Fault is why a queue does not limit what it should.
type Fault uint8

// Faults of a queue, by what to look at first.
const (
	NoFault   Fault = iota
	Absent          // no queue has the name
	Ambiguous       // several queues have the name
	Invalid         // its parent or its type does not exist
	Disabled
	Bypassed   // the traffic goes past it
	Overridden // something else than its limit holds
)

// Faults lists all but NoFault.
var Faults = [...]Fault{Absent, Ambiguous, Invalid, Disabled, Bypassed, Overridden}

func (f Fault) String() string {
	switch f {
	case NoFault:
	case Absent:
		return "absent"
	case Ambiguous:
		return "ambiguous"
	case Invalid:
		return "invalid"
	case Disabled:
		return "disabled"
	case Bypassed:
		return "bypassed"
	case Overridden:
		return "overridden"
	}
	return ""
}

// Unwritable reports whether there is no queue that a limit could be written to.
func (f Fault) Unwritable() bool { return f == Absent || f == Ambiguous }
