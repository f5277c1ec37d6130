package rosdata

import (
	"strings"

	"github.com/wanctl/wanctl/pkg/router"
)

// Error is what a call to a router fails with: where, what happened, and what
// to do about it.
type Error struct {
	Addr string // "host:port"
	Text string
	Hint string // "" when there is nothing to suggest

	Class error // a sentinel of package router
	Cause error // nil, or an error of package context that callers may test for

	// ConnReset: the connection ended under the request, after it had carried
	// others. A read is worth repeating on a new one.
	ConnReset bool
}

func (e *Error) Error() string {
	s := "router " + e.Addr + ": " + e.Text
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Class}
	}
	return []error{e.Class, e.Cause}
}

// messages maps what RouterOS says to what it means. The text is the same in
// every protocol; categories and HTTP statuses are not dependable.
var messages = []struct {
	part  string
	class error
}{
	{"not enough permissions", router.ErrDenied},
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

// Classify returns the class of a message of the router: one of the errors of
// package router, ErrInvalid for everything that is only a refusal.
func Classify(message string) error {
	message = strings.ToLower(message)
	for _, m := range messages {
		if strings.Contains(message, m.part) {
			return m.class
		}
	}
	return router.ErrInvalid
}
