package rosdata

// Error is what a call to a router fails with: where, what happened, and what
// to do about it.
type Error struct {
	Addr string // "host:port"
	Text string
	Hint string // "" when there is nothing to suggest

	Class error // a sentinel of package router
	Cause error // nil, or an error of package context that callers may test for

	// Died: the connection ended under the request, after it had carried
	// others. A read is worth repeating on a new one.
	Died bool
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
