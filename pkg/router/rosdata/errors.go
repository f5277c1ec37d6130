package rosdata

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
)

// Error is a failed call to a router: where, what happened, and what to do about
// it.
type Error struct {
	Addr string // "host:port"
	Text string
	Hint string // what to do about it; "" when there is nothing to suggest

	Class error // a sentinel of package router
	Cause error // nil, or an error that callers may test for, such as one of package context

	// Redact, if set, removes secrets from the text of the error.
	Redact func(string) string

	// ConnReset: the connection was lost during the request, after it had
	// carried others. A read is worth repeating on a new one.
	ConnReset bool
}

func (e *Error) Error() string {
	s := "router " + e.Addr + ": " + e.Text
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	if e.Redact != nil {
		s = e.Redact(s)
	}
	return s
}

func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Class}
	}
	return []error{e.Class, e.Cause}
}

// messages maps texts of RouterOS to classes. The texts are the same in every
// protocol; categories and HTTP statuses are not dependable.
var messages = []struct {
	part  string
	class error
}{
	{"not enough permissions", router.ErrDenied},
	{"std failure: not allowed", router.ErrDenied},
	{"no such item", router.ErrNotFound},

	{"invalid user name or password", router.ErrAuth},
	{"cannot log in", router.ErrAuth},
	{"could not authenticate", router.ErrAuth},
	{"not logged in", router.ErrAuth},

	{"unknown parameter", router.ErrUnsupported},
	{"bad parameter", router.ErrUnsupported},
	{"no such command", router.ErrUnsupported},
	{"bad command name", router.ErrUnsupported},
	{"expected end of command", router.ErrUnsupported},

	{"already have such", router.ErrExists},
	{"already exists", router.ErrExists},

	{"session closed", router.ErrOutcomeUnknown},
	{"action timed out", router.ErrOutcomeUnknown},
	{"interrupted", router.ErrOutcomeUnknown},
}

// Classify returns the class of a message of the router, a sentinel of package
// router: ErrInvalid for a message that no other class fits.
func Classify(message string) error {
	message = strings.ToLower(message)
	for _, m := range messages {
		if strings.Contains(message, m.part) {
			return m.class
		}
	}
	return router.ErrInvalid
}
