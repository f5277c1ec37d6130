package rsc

import "fmt"

// Host is the router that scripts run on.
type Host interface {
	// HasMenu reports whether path is a menu or leads to one.
	HasMenu(path string) bool
	// Command describes a command of a menu; false when there is none.
	Command(path, name string) (Signature, bool)
	// Run carries out a command. A refusal is a *Failure.
	Run(c Call) (Value, error)
	// AtLeast reports whether the router's version is major.minor or newer.
	AtLeast(major, minor int) bool
}

// Signature says which arguments a command accepts.
type Signature struct {
	Unnamed []string          // the names of arguments given without one, in order
	Has     func(string) bool // named arguments; nil: none
	Flag    func(string) bool // words that are arguments by themselves; nil: none
}

func (s Signature) has(name string) bool  { return s.Has != nil && s.Has(name) }
func (s Signature) flag(word string) bool { return s.Flag != nil && s.Flag(word) }

// Call is one command of a menu with its arguments evaluated.
type Call struct {
	Pos
	Path, Name string
	Args       map[string]Value // "" for !name, "yes" for flags

	// Match is the condition after find; nil without one.
	Match func(Row) (bool, error)
}

// Row is a row of a menu that a condition is evaluated for.
type Row interface {
	// Get returns a property; Nil when it is unset or unknown.
	Get(property string) Value
	// Parse converts text that a property is compared with to the property's own
	// form: 500M is 500000000 for a rate.
	Parse(property, text string) Value
}

// Failure is why a command was refused.
type Failure struct {
	Text   string
	Arg    string // the argument at fault, "" for none
	Placed bool   // Text already says where it happened
}

func (f *Failure) Error() string { return f.Text }

// class says how an Error came about, which decides its wording.
type class uint8

const (
	syntax  class = iota // found before anything ran
	command              // a command failed
	thrown               // by :error
	limit                // a bound of the simulator
)

// Error is why a script ended early.
type Error struct {
	Pos
	Text   string
	Detail string // more specific than routers are, for people; may be empty

	class   class
	command string // "/queue/tree/set", "" when no command of a menu failed
	arg     string // the argument at fault
}

func (e *Error) Error() string { return e.Words(true) }

// Words returns the error as a router prints it. Syntax errors always say where
// they are; those of commands do with places, as newer versions print them.
func (e *Error) Words(places bool) string {
	switch {
	case e.class == syntax:
		return fmt.Sprintf("%s (line %d column %d)", e.Text, e.Line, e.Column)
	case !places:
	case e.class == thrown:
		return fmt.Sprintf("%s (:error; line %d)", e.Text, e.Line)
	case e.command != "" && e.arg != "":
		return fmt.Sprintf("%s (%s (%s); line %d)", e.Text, e.command, e.arg, e.Line)
	case e.command != "":
		return fmt.Sprintf("%s (%s; line %d)", e.Text, e.command, e.Line)
	}
	return e.Text
}
