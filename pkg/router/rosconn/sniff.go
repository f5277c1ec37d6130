package rosconn

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"time"
)

// overdue is the time after which a service that has never answered is checked for
// another protocol.
const overdue = time.Second

// Protocol is another protocol that a port may speak.
type Protocol struct {
	Name     string // in errors, such as "HTTP"
	Settings string // the configuration that would fit, such as "router.transport: rest"

	tls     bool
	request string // without an effect on a router
	reply   string // what every reply contains among its first bytes
}

// API is the binary API, over TLS or without. Its replies begin with the length of
// a word that begins with "!".
func API(overTLS bool) Protocol {
	p := Protocol{Name: "the API", Settings: "router.transport: api", tls: overTLS, request: "\x05/quit\x00", reply: "!"}
	if !overTLS {
		p.Name, p.Settings = "the API without TLS", "router.transport: api and router.tls: false"
	}
	return p
}

// HTTP is the protocol of REST, over TLS or without.
func HTTP(overTLS bool) Protocol {
	return Protocol{Name: "HTTP", Settings: "router.transport: rest", tls: overTLS, request: "HEAD / HTTP/1.0\r\n\r\n", reply: "HTTP/"}
}

// SSH is recognised by its greeting; no request is needed.
func SSH() Protocol { return Protocol{Name: "SSH", Settings: "router.transport: ssh"} }

// WrongProtocolError is about a port that speaks another protocol than the service
// that was expected there.
type WrongProtocolError struct{ Protocol Protocol }

func (e *WrongProtocolError) Error() string { return "the port speaks " + e.Protocol.Name }

// Answered notes that the service answered in its own protocol: its port is right.
func (t *Target) Answered() { t.answered.Store(true) }

// Sniff checks, while an answer on raw is overdue, whether the port speaks p. It
// does so on a connection of its own, and only as long as the service has never
// answered: a service that does not understand a request may just stay silent. If
// the port speaks p, Sniff closes raw. The caller must call stop, which returns a
// *WrongProtocolError then, and otherwise nil.
func (t *Target) Sniff(ctx context.Context, raw net.Conn, p Protocol) (stop func() error) {
	if t.answered.Load() {
		return func() error { return nil }
	}
	ctx, cancel := context.WithCancel(ctx)
	found := make(chan error, 1)
	go func() {
		timer := time.NewTimer(overdue)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			found <- nil
			return
		}
		if !t.speaks(ctx, p) {
			found <- nil
			return
		}
		_ = raw.Close()
		found <- &WrongProtocolError{p}
	}()
	return func() error {
		cancel()
		return <-found
	}
}

// speaks reports whether the port answers a request in p.
func (t *Target) speaks(ctx context.Context, p Protocol) bool {
	raw, err := t.dial(ctx)
	if err != nil {
		return false
	}
	defer func() { _ = raw.Close() }()
	defer context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })()
	conn := raw
	if p.tls {
		conn = tls.Client(raw, t.TLS)
	}
	if _, err := io.WriteString(conn, p.request); err != nil {
		return false
	}
	var start [len("HTTP/")]byte
	n, _ := io.ReadFull(conn, start[:])
	return strings.Contains(string(start[:n]), p.reply)
}
