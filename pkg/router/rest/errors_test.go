package rest

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/wanctl/wanctl/pkg/router"
)

// TestWordsOfTheNetwork: failures that only a network far away could produce.
func TestWordsOfTheNetwork(t *testing.T) {
	c, err := New(Config{Host: "192.0.2.1", User: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, tt := range []struct {
		name  string
		at    phase
		cause error
		class error
		want  string
	}{
		{"unknown name", connecting, &net.DNSError{Err: "no such host", Name: "routr.lan"}, router.ErrUnreachable, "lookup routr.lan: no such host; check the host name (router.host)"},
		{"no route", connecting, op(syscall.EHOSTUNREACH), router.ErrUnreachable, "cannot connect (no route to host); check the host"},
		{"nothing there", connecting, context.DeadlineExceeded, router.ErrUnreachable, "no answer to a connection attempt for 5s; check the host (router.host) and the router's firewall"},
		{"closed in the handshake", handshaking, errors.New("EOF"), router.ErrUnreachable, "has the service a certificate?"},
		{"reset", sending, op(syscall.ECONNRESET), router.ErrOutcomeUnknown, "connection lost while waiting for an answer (connection reset by peer)"},
		{"cancelled", sending, context.Canceled, router.ErrOutcomeUnknown, "cancelled while waiting for an answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := c.broken(t.Context(), &phaseError{phase: tt.at, cause: tt.cause})
			if !errors.Is(err, tt.class) || !strings.Contains(err.Error(), "router 192.0.2.1:443: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %q of class %v", err, tt.want, tt.class)
			}
		})
	}
}
