// Package eval runs scripts read by package rsc: variables, expressions, loops
// and the commands of the language itself. Menus and their commands belong to a
// Host.
//
// A script cannot hang or exhaust whoever runs it: work, output, nesting and
// waiting are bounded (Limits).
package eval

import (
	"fmt"
	"io"
	"time"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc"
	"github.com/wanctl/wanctl/pkg/sim/simrouter/rsc/value"
)

// Host is what scripts command.
type Host interface {
	// HasMenu reports whether path is a menu or leads to one.
	HasMenu(path string) bool
	// Command describes a command of a menu; false: there is none.
	Command(path, name string) (Signature, bool)
	// Run carries out a command. Errors that are not *Failure end the script.
	Run(c Call) (value.Value, error)
	// Log writes to the router's log.
	Log(topics, message string)
	// AtLeast reports whether the router's version is major.minor or newer.
	AtLeast(major, minor int) bool
	// Wait sleeps for a moment; an error ends the script.
	Wait(d time.Duration) error
}

// Signature says what a command accepts.
type Signature struct {
	Unnamed []string          // the names of arguments given without one, in order
	Has     func(string) bool // named arguments
	Flag    func(string) bool // words that are arguments by themselves; nil: none
}

// Call is one command with its arguments evaluated.
type Call struct {
	Path, Name string
	Args       map[string]value.Value
	Unset      []string // !name
	Flags      []string

	// Match is the condition after find or where; nil without one. It asks
	// for the properties of a row as it needs them.
	Match func(property func(string) value.Value) (bool, error)

	Captured bool      // the value is used: nothing is to be printed
	Out      io.Writer // where print prints
}

// Failure is why a command did not do what it was asked.
type Failure struct {
	Text   string
	Arg    string // the argument at fault, if it is one
	Placed bool   // Text says where it happened
}

func (f *Failure) Error() string { return f.Text }

// Class says how an Error came about, and so how it is worded.
type Class uint8

// The classes.
const (
	Syntax  Class = iota // found before anything ran
	Command              // a command failed
	Thrown               // by :error
	Limit                // a bound of the simulator; scripts cannot catch it
)

// Error is why a script ended early.
type Error struct {
	rsc.Pos
	Class   Class
	Text    string
	Detail  string // Syntax: more for people than routers say
	Command string // Command: "/queue/tree/set"
	Arg     string // Command: the argument at fault
}

func (e *Error) Error() string { return e.Words(true) }

// Words is the error as routers print it. Errors of syntax say where they are;
// those of commands do with places, as newer versions have it.
func (e *Error) Words(places bool) string {
	switch {
	case e.Class == Syntax:
		return fmt.Sprintf("%s (line %d column %d)", e.Text, e.Line, e.Column)
	case e.Class == Thrown && places:
		return fmt.Sprintf("%s (:error; line %d)", e.Text, e.Line)
	case e.Command != "" && e.Arg != "" && places:
		return fmt.Sprintf("%s (%s (%s); line %d)", e.Text, e.Command, e.Arg, e.Line)
	case e.Command != "" && places:
		return fmt.Sprintf("%s (%s; line %d)", e.Text, e.Command, e.Line)
	}
	return e.Text
}

// Limits bound what a script may use. Zero fields have the defaults named.
type Limits struct {
	Work   int           // steps, each with the size of what it handles; 1_000_000
	Output int           // bytes printed; 1 MiB
	Delay  time.Duration // in :delay, altogether; 10 s
}

func (l Limits) withDefaults() Limits {
	if l.Work == 0 {
		l.Work = 1_000_000
	}
	if l.Output == 0 {
		l.Output = value.MaxText
	}
	if l.Delay == 0 {
		l.Delay = 10 * time.Second
	}
	return l
}

const (
	maxItems = 100_000 // elements in an array
	maxNest  = 48      // of arrays, and of calls
)
