package simrouter

import (
	"slices"
	"strings"
	"time"
)

// FaultKind says what goes wrong with a request.
type FaultKind string

// The kinds. Those that give another answer happen instead of the command, or
// after it when Fault.Applied is set; the others let the command run and corrupt
// its answer. A kind that a protocol cannot express is Garble there.
const (
	Slow  FaultKind = "slow"  // takes For longer
	Stall FaultKind = "stall" // no answer; the connection stays open
	Reset FaultKind = "reset" // the connection is reset

	// Other answers than the command's.
	HTML      FaultKind = "html"       // a web page, with Status or 200
	Status    FaultKind = "status"     // a failure: Status with Text as the detail; elsewhere Text alone
	Deny      FaultKind = "deny"       // a policy is missing
	Ignore    FaultKind = "ignore"     // success is reported, nothing changes
	Empty     FaultKind = "empty"      // as if the menu had no rows
	WrongData FaultKind = "wrong-data" // /system/resource instead of what was asked

	// Corrupted answers.
	Cut      FaultKind = "cut"      // the connection ends in the middle of the answer
	Truncate FaultKind = "truncate" // half of the answer, properly framed
	Garble   FaultKind = "garble"   // not what the protocol allows

	// Of the binary API only. The first four are other answers.
	Fatal       FaultKind = "fatal"        // !fatal with a bare word, and the end of the connection
	MultiTrap   FaultKind = "multi-trap"   // two traps before one !done
	HugeWord    FaultKind = "huge-word"    // announces a word of 1 GiB
	ControlByte FaultKind = "control-byte" // a reserved byte where a length should be
	EmptyRe     FaultKind = "empty-re"     // a row without attributes before the others
	Unsolicited FaultKind = "unsolicited"  // a sentence with an unused tag comes first
)

// FaultKinds lists every kind.
func FaultKinds() []FaultKind {
	return []FaultKind{
		Slow, Stall, Reset, HTML, Status, Deny, Ignore, Empty, WrongData, Cut, Truncate, Garble,
		Fatal, MultiTrap, HugeWord, ControlByte, EmptyRe, Unsolicited,
	}
}

// Fault makes matching requests go wrong.
type Fault struct {
	Kind    FaultKind
	Times   int           // how many requests; 0 until ClearFaults
	Service Service       // only requests that come by this service; "" any
	Command string        // only this command, such as "print", "set" or "login"; "" any but login
	Path    string        // only requests below this path, such as "/queue/tree"; "" any
	Applied bool          // the command takes effect before the fault
	For     time.Duration // Slow: how long
	Status  int           // Status, HTML
	Text    string        // Status: the detail, none when empty
}

// matches reports whether f applies to a request: one of its steps has the
// command and the path.
func (f *Fault) matches(kind Service, steps []step) bool {
	if f.Service != "" && f.Service != kind {
		return false
	}
	return slices.ContainsFunc(steps, func(s step) bool {
		named := f.Command == s.command || f.Command == "" && s.command != loginCommand
		return named && strings.HasPrefix(s.path, f.Path)
	})
}

// loginCommand is the step that faults apply to only when they name it.
const loginCommand = "login"

// Inject adds a fault. Earlier faults apply first.
func (r *Router) Inject(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, &f)
}

// ClearFaults removes all faults.
func (r *Router) ClearFaults() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults, r.race = nil, 0
}

// Faults counts the faults that may still strike.
func (r *Router) Faults() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.faults)
}

// SetLatency sets how long every request takes, on top of its own work.
func (r *Router) SetLatency(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latency = d
}

// nextFault returns the fault for a request, if any. The caller holds r.mu.
func (r *Router) nextFault(kind Service, steps []step) Fault {
	if r.race > 0 && !slices.ContainsFunc(steps, func(s step) bool { return s.command == loginCommand }) {
		r.race--
		return Fault{Kind: r.raceKind}
	}
	for i, f := range r.faults {
		if !f.matches(kind, steps) {
			continue
		}
		struck := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				r.faults = slices.Delete(r.faults, i, i+1)
			}
		}
		return struck
	}
	return Fault{}
}

// Reboot describes a restart of the router.
type Reboot struct {
	Down     time.Duration // how long connections are refused
	Renumber bool          // every id means another row postReply
	Race     int           // number of first requests that are answered with wrong data
	RaceKind FaultKind     // WrongData, or Empty
}

// Reboot resets all connections, forgets counters and dynamic rows, and comes
// back after o.Down.
func (r *Router) Reboot(o Reboot) {
	r.Refuse()
	r.DropConnections()
	r.state.Reboot(o.Renumber)

	r.mu.Lock()
	r.race, r.raceKind = o.Race, o.RaceKind
	if r.raceKind == "" {
		r.raceKind = WrongData
	}
	if o.Down > 0 && !r.closed {
		r.boot = time.AfterFunc(o.Down, func() { r.listenAgain() })
		r.mu.Unlock()
		return
	}
	r.mu.Unlock()
	r.listenAgain()
}

func (r *Router) listenAgain() {
	if err := r.Listen(); err != nil {
		r.log.Error("listening again after a reboot", "error", err)
	}
}
