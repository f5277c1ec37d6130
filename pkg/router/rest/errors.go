package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
	"github.com/wanctl/wanctl/pkg/router/ros"
)

// callError is what a call fails with: where, what happened, and what to do.
type callError struct {
	addr  string
	text  string
	hint  string
	class error // a sentinel of package router
	cause error // nil, or a context error callers may test for
}

func (e *callError) Error() string {
	s := "router " + e.addr + ": " + e.text
	if e.hint != "" {
		s += "; " + e.hint
	}
	return s
}

func (e *callError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.class}
	}
	return []error{e.class, e.cause}
}

func (c *Client) fail(class error, text, hint string) *callError {
	return &callError{addr: c.cfg.addr(), class: class, text: text, hint: hint}
}

// broken words a failure of the connection.
func (c *Client) broken(ctx context.Context, err error) error {
	var at *phaseError
	if !errors.As(err, &at) {
		return err
	}
	e := c.fail(router.ErrUnreachable, "", "")
	if at.phase == sending {
		e.class = router.ErrOutcomeUnknown
	}
	var certificate *certificateError
	var notTLS tls.RecordHeaderError
	var alert tls.AlertError
	var dns *net.DNSError
	switch cause := at.cause; {
	case errors.Is(cause, context.Canceled):
		e.text, e.cause = "cancelled while "+at.phase.String(), context.Canceled
	case errors.Is(cause, context.DeadlineExceeded):
		c.silent(ctx, e, at.phase)
	case errors.As(cause, &certificate):
		c.distrusted(e, certificate)
	case errors.As(cause, &dns):
		e.text, e.hint = dns.Error(), "check the host name (router.host)"
	case errors.Is(cause, syscall.ECONNREFUSED):
		e.text = "connection refused"
		e.hint = fmt.Sprintf("check the port (router.port) and that the service %s is enabled; on the router: %s", c.cfg.service(), c.enable())
	case errors.As(cause, &notTLS):
		e.text = "the port does not speak TLS"
		e.hint = "use the port of www-ssl (router.port), or plain http (router.tls: false)"
	case errors.As(cause, &alert):
		e.text = "TLS handshake refused (" + alert.Error() + ")"
		e.hint = "the service has no certificate? on the router: /ip service set www-ssl certificate=NAME"
	case errors.Is(cause, errTooLarge):
		e.text = errTooLarge.Error()
	case at.phase == connecting:
		e.text, e.hint = "cannot connect ("+plain(cause)+")", "check the host (router.host)"
	default:
		e.text = "connection lost while " + at.phase.String() + " (" + plain(cause) + ")"
		if at.phase == handshaking {
			e.hint = "is this the port of www-ssl (router.port), and has the service a certificate?"
		} else if c.cfg.Plain && at.served == 0 {
			e.hint = "a TLS port does this to plain http: remove tls: false, or use the port of www"
		}
	}
	return e
}

func (c *Client) enable() string {
	return fmt.Sprintf("/ip service enable %s", c.cfg.service())
}

// silent words a timeout.
func (c *Client) silent(ctx context.Context, e *callError, p phase) {
	e.cause = context.DeadlineExceeded
	waited := c.cfg.Timeout
	if start, ok := ctx.Value(startKey{}).(time.Time); ok {
		waited = min(waited, time.Since(start))
	}
	for_ := " for " + waited.Round(100*time.Millisecond).String()
	switch p {
	case connecting:
		e.text = "no answer to a connection attempt" + for_
		e.hint = "check the host (router.host) and the router's firewall (input chain)"
	case handshaking:
		e.text = "router silent" + for_ + ": it accepted the connection and did not answer the TLS handshake"
		e.hint = "is it starting or overloaded?"
	case sending:
		e.text = "router silent" + for_
		e.hint = "is it starting or overloaded?"
	}
}

// distrusted words a refused certificate.
func (c *Client) distrusted(e *callError, cert *certificateError) {
	e.class = router.ErrCertificate
	e.text = cert.Error()
	if cert.wanted != "" {
		e.hint = "if you renewed it, set router.tls_fingerprint: " + cert.seen + "; if not, something answers in the router's place"
		return
	}
	e.hint = "routers sign their own: if it is yours, pin it with router.tls_fingerprint: " + cert.seen
}

func (p phase) String() string {
	switch p {
	case connecting:
		return "connecting"
	case handshaking:
		return "starting TLS"
	case sending:
		return "waiting for an answer"
	}
	return "unknown"
}

// plain shortens an error of package net, which repeats addresses.
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

// refusal words an answer that is an error. notJSON says why there is no body.
func (c *Client) refusal(status int, body ros.Row, notJSON error) error {
	detail := body["detail"]
	text := fmt.Sprintf("HTTP %d %s", status, http.StatusText(status))
	if detail != "" {
		text = "it says " + ros.Quote(detail)
	}
	class := ros.Classify(detail)
	switch {
	case status == http.StatusUnauthorized:
		return c.fail(router.ErrAuth, "user or password refused for "+ros.Quote(c.cfg.User),
			"check router.user and router.password, and that the user's group has the policy rest-api")
	case class == router.ErrDenied || status == http.StatusForbidden:
		return c.fail(router.ErrDenied, text,
			"the group of user "+ros.Quote(c.cfg.User)+" needs policy=read,write,rest-api; on the router: /user group print")
	case errors.Is(notJSON, errHTML) && status == http.StatusNotFound:
		return c.fail(router.ErrOutcomeUnknown, "it has no REST interface (HTTP 404)", "RouterOS 7.1 has it over https, 7.9 over http")
	case notJSON != nil && c.cfg.Plain:
		return c.fail(router.ErrOutcomeUnknown, text, "a TLS port does this to plain http: remove tls: false, or use the port of www")
	case notJSON != nil || status >= 500:
		return c.fail(router.ErrOutcomeUnknown, text, "is it starting?")
	case class != router.ErrInvalid:
		return c.fail(class, text, "")
	case status == http.StatusNotFound:
		return c.fail(router.ErrNotFound, text, "")
	case status == http.StatusMethodNotAllowed || status == http.StatusNotAcceptable:
		return c.fail(router.ErrUnsupported, text, "")
	case status >= 300 && status < 400:
		return c.fail(router.ErrOutcomeUnknown, text, "it redirects: check router.port and router.tls")
	}
	return c.fail(router.ErrInvalid, text, "")
}

// nonsense is an answer that cannot be an answer to what was asked.
func (c *Client) nonsense(err error) error {
	return c.fail(router.ErrOutcomeUnknown, err.Error(), "is it starting?")
}
