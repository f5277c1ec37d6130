package router

import "errors"

// Classes of failure, the same for every protocol. Implementations wrap them:
// callers test with errors.Is, and the text contains what the router said.
var (
	// ErrUnreachable: no connection could be made (refused, no route, TLS).
	ErrUnreachable = errors.New("router unreachable")
	// ErrOutcomeUnknown: after a request was sent, the connection was lost, time
	// ran out, or the answer made no sense. The request may have taken effect:
	// read back before repeating it.
	ErrOutcomeUnknown = errors.New("no usable answer from router")
	// ErrAuth: the router refused user or password. Never retried quickly.
	ErrAuth = errors.New("router refused the credentials")
	// ErrDenied: the user is known but lacks a policy.
	ErrDenied = errors.New("router denied permission")
	// ErrCertificate: the router's TLS certificate is not the one expected.
	ErrCertificate = errors.New("router certificate not trusted")
	// ErrNotFound: no item has that exact name.
	ErrNotFound = errors.New("not found on router")
	// ErrAmbiguous: several items have that name; none was changed.
	ErrAmbiguous = errors.New("ambiguous on router")
	// ErrDynamic: the router made the item itself and does not allow changes; it
	// was not changed.
	ErrDynamic = errors.New("made by the router itself")
	// ErrExists: the item to be added exists already.
	ErrExists = errors.New("exists on router already")
	// ErrNotApplied: the router answered, but the change is not visible.
	ErrNotApplied = errors.New("change not applied by router")
	// ErrInvalid: the router rejected a value or a parameter.
	ErrInvalid = errors.New("router rejected the request")
	// ErrUnsupported: this RouterOS version has no such command.
	ErrUnsupported = errors.New("not supported by this RouterOS")
)

// IsItemError reports whether err says that an item is absent, exists more than
// once, or must not be changed: the router answered.
func IsItemError(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrAmbiguous) || errors.Is(err, ErrDynamic)
}

// IsRefusal reports whether err says that the router answered a change and did not
// make it, so that the same change fails again until somebody changes the router.
func IsRefusal(err error) bool {
	if errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, ErrUnreachable) {
		return false
	}
	return IsItemError(err) || errors.Is(err, ErrDenied) || errors.Is(err, ErrInvalid) || errors.Is(err, ErrUnsupported) ||
		errors.Is(err, ErrNotApplied) || errors.Is(err, ErrExists)
}

// ItemError is an error about one of several items.
type ItemError struct {
	Name string // of the item
	Err  error
}

func (e *ItemError) Error() string { return e.Err.Error() }

// Unwrap returns the error without the name.
func (e *ItemError) Unwrap() error { return e.Err }

// ErrorOf returns the part of err, errors of several items joined, that is about
// the item of that name; nil when none is.
func ErrorOf(err error, name string) error {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *ItemError:
		if e.Name == name {
			return e
		}
		return ErrorOf(e.Err, name)
	case interface{ Unwrap() error }:
		return ErrorOf(e.Unwrap(), name)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if found := ErrorOf(one, name); found != nil {
				return found
			}
		}
	}
	return nil
}

// IsAccessError reports whether err says that the router was not reached, gave no
// usable answer or refused us.
func IsAccessError(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, ErrAuth) ||
		errors.Is(err, ErrDenied) || errors.Is(err, ErrCertificate)
}
