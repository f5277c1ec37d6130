package rosconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/rosdata"
)

// Fail returns an error about this router.
func (t *Target) Fail(class error, text, hint string) *rosdata.Error {
	return &rosdata.Error{Addr: t.Addr(), Class: class, Text: text, Hint: hint, Redact: t.Redact}
}

// NotSent returns the error about a request that could not be sent, since the
// connection was lost before.
func (t *Target) NotSent() *rosdata.Error {
	return t.Fail(router.ErrUnreachable, "connection lost before the request could be sent", "")
}

// Malformed returns the error about an answer that does not fit the request.
func (t *Target) Malformed(text string) *rosdata.Error {
	return t.Fail(router.ErrOutcomeUnknown, text, "is it starting?")
}

// Describe returns a failure of the connection, an *Error, as a *rosdata.Error with
// text, hint and class. It returns other errors unchanged.
func (t *Target) Describe(ctx context.Context, err error) error {
	var at *Error
	if !errors.As(err, &at) {
		return err
	}
	e := t.Fail(router.ErrUnreachable, "", "")
	if at.Phase == Waiting {
		e.Class = router.ErrOutcomeUnknown
	}
	var wrong *WrongProtocolError
	var certificate *CertificateError
	var notTLS tls.RecordHeaderError
	var remote *net.OpError
	var dns *net.DNSError
	switch cause := at.Cause; {
	case errors.Is(cause, context.Canceled):
		e.Text, e.Cause = "cancelled while "+at.Phase.String(), context.Canceled
		return e
	case errors.Is(cause, context.DeadlineExceeded):
		t.timedOut(ctx, e, at.Phase)
		return e
	case errors.As(cause, &wrong):
		e.Class, e.Text = router.ErrUnreachable, cause.Error()+", not "+t.Service
		e.Hint = fmt.Sprintf("use the port of %s (router.port), or set %s", t.Service, wrong.Protocol.Settings)
		return e
	case errors.As(cause, &certificate):
		badCertificate(e, certificate)
	case errors.As(cause, &dns):
		e.Text, e.Hint = dns.Error(), "check the host name (router.host)"
	case errors.Is(cause, syscall.ECONNREFUSED):
		e.Text = "connection refused"
		e.Hint = fmt.Sprintf("check the port (router.port) and that the service %s is enabled; on the router: /ip service enable %[1]s", t.Service)
	case errors.As(cause, &notTLS) && string(notTLS.RecordHeader[:4]) == "SSH-":
		e.Text = "the port speaks SSH, not " + t.Service
		e.Hint = fmt.Sprintf("use the port of %s (router.port), or set %s", t.Service, SSH().Settings)
	case errors.As(cause, &notTLS):
		e.Text = "the port does not speak TLS"
		e.Hint = fmt.Sprintf("use the port of %s (router.port), or leave TLS out (router.tls: false)", t.Service)
	case errors.As(cause, &remote) && remote.Op == "remote error": // a TLS alert
		e.Text = "TLS handshake refused (" + plain(cause) + ")"
		e.Hint = fmt.Sprintf("the service has no certificate? on the router: /ip service set %s certificate=NAME", t.Service)
	case errors.Is(cause, ErrTooLarge):
		e.Text = cause.Error()
		return e
	case at.Phase == Connecting && errors.Is(cause, syscall.ECONNRESET):
		e.Text = "cannot connect (" + plain(cause) + ")"
		e.Hint = fmt.Sprintf("does the service %s let this host in, and has it a session left? on the router: /ip service print", t.Service)
	case at.Phase == Connecting:
		e.Text, e.Hint = "cannot connect ("+plain(cause)+")", "check the host (router.host)"
	default:
		e.Text = "connection lost while " + at.Phase.String() + " (" + plain(cause) + ")"
		if at.Phase == Handshaking {
			e.Hint = fmt.Sprintf("is this the port of %s (router.port)? or %s", t.Service, t.AdmissionHint())
			if t.TLS != nil {
				e.Hint = fmt.Sprintf("is this the port of %s (router.port), and has the service a certificate? or %s", t.Service, t.AdmissionHint())
			}
		}
	}
	e.ConnReset = at.Phase == Waiting && at.Served > 0
	return e
}

// AdmissionHint returns what to check when the router closes connections as soon as
// they are made.
func (t *Target) AdmissionHint() string {
	return fmt.Sprintf("the service %s does not admit this host (address, from RouterOS 7.24 available-from); on the router: /ip service print", t.Service)
}

// timedOut fills in e for a timeout.
func (t *Target) timedOut(ctx context.Context, e *rosdata.Error, p Phase) {
	e.Cause = context.DeadlineExceeded
	took := t.Timeout
	if start, ok := ctx.Value(startKey{}).(time.Time); ok {
		took = min(took, time.Since(start))
	}
	waited := " for " + took.Round(100*time.Millisecond).String()
	switch p {
	case Connecting:
		e.Text = "no answer to a connection attempt" + waited
		e.Hint = "check the host (router.host) and the router's firewall (input chain)"
	case Handshaking:
		e.Text = "router silent" + waited + ": it accepted the connection and did not answer the handshake"
		if t.TLS != nil {
			e.Text = "router silent" + waited + ": it accepted the connection and did not answer the TLS handshake"
		}
		e.Hint = "is it starting or overloaded?"
	case LoggingIn:
		e.Text = "router silent" + waited + ": it accepted the connection and did not answer the login"
		e.Hint = fmt.Sprintf("is it starting or overloaded, or is this not the port of %s (router.port)?", t.Service)
	case Waiting:
		e.Text = "router silent" + waited
		e.Hint = "is it starting or overloaded?"
	}
}

// badCertificate fills in e for a refused certificate.
func badCertificate(e *rosdata.Error, cert *CertificateError) {
	e.Class = router.ErrCertificate
	e.Text = cert.Error()
	if cert.Wanted != "" {
		e.Hint = "on the router: /certificate print where fingerprint=" + cert.Seen + "; if that lists one, set router.tls_fingerprint: " + cert.Seen +
			"; if not, something answers in the router's place"
		return
	}
	e.Hint = "routers sign their own: if it is yours, pin it with router.tls_fingerprint: " + cert.Seen
}

// plain returns the text of an error without the addresses that package net adds.
func plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	return strings.TrimPrefix(err.Error(), "tls: ")
}
