package failover

import (
	"fmt"
	"strings"
)

// failure is an attempt on one way.
type failure struct {
	label string
	err   error
}

// vain is the error of a call that several ways did not answer. It is of all
// the classes its parts are of.
type vain struct{ failures []failure }

func (e *vain) Error() string {
	var s strings.Builder
	s.WriteString("no way to the router works:")
	for i, f := range e.failures {
		// A client names the address as the label does.
		_, addr, _ := strings.Cut(f.label, " ")
		fmt.Fprintf(&s, " (%d) %s: %s", i+1, f.label, strings.TrimPrefix(f.err.Error(), "router "+addr+": "))
	}
	return s.String()
}

func (e *vain) Unwrap() []error {
	errs := make([]error, len(e.failures))
	for i, f := range e.failures {
		errs[i] = f.err
	}
	return errs
}

// inVain joins what went wrong on every way that was tried.
func inVain(failures []failure) error {
	if len(failures) == 1 {
		return failures[0].err
	}
	return &vain{failures}
}

// failed is inVain with one more failure.
func failed(failures []failure, label string, err error) error {
	return inVain(append(failures, failure{label, err}))
}
