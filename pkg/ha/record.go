package ha

import (
	"fmt"
	"slices"
	"time"
)

// Record is an event of the protocol in a node's log: one of Start, Step, Session and Fate
// says what. Replay compares the records of several nodes with the model.
type Record struct {
	Node    string   `json:"node,omitempty"`
	At      int64    `json:"at_ns"`             // Unix time
	Start   *Config  `json:"start,omitempty"`   // a process begins, with Step as its first action
	Step    *Step    `json:"step,omitempty"`    // an action has ended and the next begins
	Session *Session `json:"session,omitempty"` // of the node's loops
	Fate    Fate     `json:"fate,omitempty"`    // what the node itself cannot report
}

// Step is a call of Node.Step, and what it has returned.
type Step struct {
	Now     time.Duration `json:"now_ns"`
	Leaving bool          `json:"leaving,omitempty"` // Node.Leave was called before
	Config  *Config       `json:"config,omitempty"`  // Node.Reconfigure was called with it before
	Event   Event         `json:"event"`
	Next    Action        `json:"next"`
}

// Session is what has become of a session of a node's loops.
type Session struct {
	Number uint64       `json:"number"` // unique in its process
	State  SessionState `json:"state"`
	View   *View        `json:"view,omitempty"` // Verified: what the log was after its opening
}

// SessionState says whether a session can be written to.
type SessionState string

// The states.
const (
	Opened   SessionState = "opened"
	Verified SessionState = "verified" // it may be written to
	Ended    SessionState = "ended"    // with all that was not sent
)

// Fate is what happens to a node or a router.
type Fate string

// The fates.
const (
	Killed   Fate = "killed"   // the node's process
	Rebooted Fate = "rebooted" // the router
	Unfenced Fate = "unfenced" // all nodes: somebody has removed the entries
)

var (
	opNames      = []string{"wait", "read", "append", "mark", "unmark", "fence", "request", "start", "stop", "quit"}
	outcomeNames = []string{"done", "refused", "failed"}
	kindNames    = []string{"unknown", "claimed", "running", "released"}
)

func (o Op) String() string      { return opNames[o] }
func (o Outcome) String() string { return outcomeNames[o] }

// MarshalText implements encoding.TextMarshaler.
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Op) UnmarshalText(text []byte) error { return named(o, opNames, text) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Outcome) UnmarshalText(text []byte) error { return named(o, outcomeNames, text) }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(text []byte) error { return named(k, kindNames, text) }

func named[T ~uint8](v *T, names []string, text []byte) error {
	i := slices.Index(names, string(text))
	if i < 0 {
		return fmt.Errorf("%q is none of %v", text, names)
	}
	*v = T(i)
	return nil
}
