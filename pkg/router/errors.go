package router

import "errors"

// Classes of failure, the same for every protocol. Implementations wrap the
// router's own words around one of them, so that callers test with errors.Is
// and people read what the router said.
var (
	// ErrUnreachable: no connection could be made (refused, no route, TLS).
	ErrUnreachable = errors.New("router unreachable")
	// ErrOutcomeUnknown: after a request left, the connection broke, time ran
	// out, or what came back was no answer to it. It may or may not have taken
	// effect: read back before repeating.
	ErrOutcomeUnknown = errors.New("no usable answer from router")
	// ErrAuth: the router refused user or password. Never retried quickly.
	ErrAuth = errors.New("router refused the credentials")
	// ErrDenied: the user is known but lacks a policy.
	ErrDenied = errors.New("router denied permission")
	// ErrCertificate: the router's TLS certificate is not the one expected.
	ErrCertificate = errors.New("router certificate not trusted")
	// ErrNotFound: no item has that exact name.
	ErrNotFound = errors.New("not found on router")
	// ErrAmbiguous: several items have that name; none was touched.
	ErrAmbiguous = errors.New("ambiguous on router")
	// ErrDynamic: the item is the router's own and cannot be changed; it was not
	// touched.
	ErrDynamic = errors.New("made by the router itself")
	// ErrExists: what was to be added is there already.
	ErrExists = errors.New("exists on router already")
	// ErrNotApplied: the router answered, but the change is not visible.
	ErrNotApplied = errors.New("change not applied by router")
	// ErrInvalid: the router rejected a value or a parameter.
	ErrInvalid = errors.New("router rejected the request")
	// ErrUnsupported: this RouterOS version has no such command.
	ErrUnsupported = errors.New("not supported by this RouterOS")
)
