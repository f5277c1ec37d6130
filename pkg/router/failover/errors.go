package failover

import (
	"fmt"
	"strings"
)

// failure is a failed attempt on one endpoint.
type failure struct {
	label string
	err   error
}

// allFailedError is the error of a call that failed on several endpoints. It is of
// all the classes of its parts.
type allFailedError struct{ failures []failure }

func (e *allFailedError) Error() string {
	var s strings.Builder
	s.WriteString("no way to the router works:")
	for i, f := range e.failures {
		// The label contains the address, and so do the errors of clients.
		_, addr, _ := strings.Cut(f.label, " ")
		fmt.Fprintf(&s, " (%d) %s: %s", i+1, f.label, strings.TrimPrefix(f.err.Error(), "router "+addr+": "))
	}
	return s.String()
}

func (e *allFailedError) Unwrap() []error {
	errs := make([]error, len(e.failures))
	for i, f := range e.failures {
		errs[i] = f.err
	}
	return errs
}

// joinFailures returns one error for the failures on all endpoints tried.
func joinFailures(failures []failure) error {
	if len(failures) == 1 {
		return failures[0].err
	}
	return &allFailedError{failures}
}

// failed is joinFailures after one more failure.
func failed(failures []failure, label string, err error) error {
	return joinFailures(append(failures, failure{label, err}))
}
