package routeros

import "net/http"

// Category is RouterOS's number of a class of failures, which the binary API
// sends in =category=.
type Category uint8

// The categories.
const (
	MissingItem   Category = iota // no such item or command
	BadArgument                   // a value or parameter was refused
	Interrupted                   // cancelled
	ScriptFailure                 // a script ended with an error
	Failure                       // anything semantic
)

// Error is a failure in RouterOS's own words. Every protocol sends the same
// text for the same failure.
type Error struct {
	Category Category
	Text     string
	Status   int  // HTTP
	Denied   bool // a policy is missing; the protocol chooses the status
}

func (e *Error) Error() string { return e.Text }

func badRequest(c Category, text string) *Error {
	return &Error{Category: c, Text: text, Status: http.StatusBadRequest}
}

// errNoItem refuses a row that does not exist, or no longer.
func errNoItem() *Error { return badRequest(MissingItem, "no such item") }

func errNoPath() *Error { return badRequest(MissingItem, "no such command prefix") }

func errNoCommand(name string) *Error {
	return badRequest(MissingItem, "no such command or directory ("+name+")")
}

func errUnknownParameter(name string) *Error {
	return badRequest(BadArgument, "unknown parameter "+name)
}

func errMissing(arg string) *Error { return badRequest(BadArgument, "missing ="+arg+"=") }

func errValue(arg string) *Error {
	return badRequest(BadArgument, "invalid value for argument "+arg)
}

func errNoMatch(arg string) *Error {
	return badRequest(BadArgument, "input does not match any value of "+arg)
}

func errRange(arg, lo, hi string) *Error {
	return badRequest(BadArgument, "value of "+arg+" is out of range ("+lo+" .. "+hi+")")
}

func errFailure(text string) *Error { return badRequest(Failure, "failure: "+text) }

func errDynamic() *Error { return errFailure("cannot change dynamic item") }

func errDenied() *Error {
	return &Error{Category: Failure, Text: "not enough permissions (9)", Status: http.StatusInternalServerError, Denied: true}
}
