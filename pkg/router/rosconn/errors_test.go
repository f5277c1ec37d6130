package rosconn

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wanctl/wanctl/pkg/router"
)

// TestDescribe: failures that only a network far away could produce.
func TestDescribe(t *testing.T) {
	target := &Target{Host: "192.0.2.1", Port: 443, Service: "www-ssl", Timeout: 5 * time.Second, TLS: Trust{}.Config("192.0.2.1")}
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, tt := range []struct {
		name  string
		at    Phase
		cause error
		class error
		want  string
	}{
		{"unknown name", Connecting, &net.DNSError{Err: "no such host", Name: "routr.lan"}, router.ErrUnreachable, "lookup routr.lan: no such host; check the host name (router.host)"},
		{"no route", Connecting, op(syscall.EHOSTUNREACH), router.ErrUnreachable, "cannot connect (no route to host); check the host"},
		{"no session left", Connecting, op(syscall.ECONNRESET), router.ErrUnreachable, "has it a session left? on the router: /ip service print"},
		{"nothing there", Connecting, context.DeadlineExceeded, router.ErrUnreachable, "no answer to a connection attempt for 5s; check the host (router.host) and the router's firewall"},
		{"closed in the handshake", Handshaking, errors.New("EOF"), router.ErrUnreachable, "has the service a certificate? or the service www-ssl does not admit this host"},
		{"silent at login", LoggingIn, context.DeadlineExceeded, router.ErrUnreachable, "did not answer the login"},
		{"reset", Waiting, op(syscall.ECONNRESET), router.ErrOutcomeUnknown, "connection lost while waiting for an answer (connection reset by peer)"},
		{"cancelled", Waiting, context.Canceled, router.ErrOutcomeUnknown, "cancelled while waiting for an answer"},
		{"endless", Waiting, ErrTooLarge, router.ErrOutcomeUnknown, "too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := target.Describe(t.Context(), &Error{Phase: tt.at, Cause: tt.cause})
			if !errors.Is(err, tt.class) || !strings.Contains(err.Error(), "router 192.0.2.1:443: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %q of class %v", err, tt.want, tt.class)
			}
		})
	}
}

// No text contains the password, also where somebody has written it in the place of
// the host or the user, and where the router repeats it.
func TestErrorsHideThePassword(t *testing.T) {
	const password = "hunter2-secret"
	target := &Target{Host: "x." + password, Port: 443, Service: "www-ssl", Password: func() string { return password }}
	dns := &net.DNSError{Err: "no such host", Name: target.Host}
	for _, text := range []string{
		target.Name(),
		target.Redact("user " + password),
		target.Fail(router.ErrAuth, "it says "+password, "is it "+password+"?").Error(),
		target.Describe(t.Context(), &Error{Phase: Connecting, Cause: dns}).Error(),
	} {
		if strings.Contains(text, password) || !strings.Contains(text, "********") {
			t.Errorf("text %q", text)
		}
	}
	// A password that is part of ordinary words, or a word of the advice, is none to be found.
	for _, word := range []string{"is", "wanctl", "router"} {
		target := &Target{Host: "192.0.2.1", Port: 443, Service: "www-ssl", Password: func() string { return word }}
		err := target.Fail(router.ErrInvalid, "this is it", "try 'wanctl router info'")
		if want := "router 192.0.2.1:443: this is it; try 'wanctl router info'"; err.Error() != want {
			t.Errorf("password %s: %q", word, err)
		}
	}
}
