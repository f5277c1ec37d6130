package rosconn

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"time"
)

// DefaultTimeout of a call.
const DefaultTimeout = 5 * time.Second

// Access says which router to talk to, as whom, and whom to trust, by a service
// that comes with TLS and without.
type Access struct {
	Host string // name or address, IPv6 without brackets
	Port int    // 0: the one of the service
	User string

	// Password is called for every login, over REST for every request, and never
	// stored, so that no dump of a client contains it. nil is the empty password.
	Password func() string

	Plain       bool   // the service without TLS
	Fingerprint string // SHA-256 of the certificate in hex, colons allowed; "" when not pinned
	Verify      bool   // check the certificate against RootCAs; a Fingerprint wins

	Timeout     time.Duration // of one call, with everything it takes; DefaultTimeout
	AuthBackoff time.Duration // no attempt for so long after refused credentials; 60 s

	RootCAs *x509.CertPool   // nil: the system's
	Now     func() time.Time // nil: time.Now

	// Dial replaces the dialling of the host and port, as for a router behind
	// something else; TLS begins on what it returns. nil: net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Service is a service of a router, by its names in /ip/service.
type Service struct {
	TLS, Plain         string
	TLSPort, PlainPort int
	Protocols          []string // told during the TLS handshake
}

// Target refuses what cannot work, completes a, and returns where it leads.
func (a *Access) Target(s Service) (*Target, error) {
	if err := Check(a.Host, a.User, a.Port); err != nil {
		return nil, err
	}
	if a.Plain && (a.Fingerprint != "" || a.Verify) {
		return nil, errors.New("a certificate cannot be checked without TLS: remove tls: false, or router.tls_fingerprint and router.verify_ssl")
	}
	trust := Trust{Fingerprint: a.Fingerprint, Verify: a.Verify, Roots: a.RootCAs}
	if err := trust.Check(); err != nil {
		return nil, err
	}
	if a.Timeout <= 0 {
		a.Timeout = DefaultTimeout
	}
	if a.Password == nil {
		a.Password = func() string { return "" }
	}
	t := &Target{Host: a.Host, Port: a.Port, Service: s.TLS, Timeout: a.Timeout, Dial: a.Dial}
	port := s.TLSPort
	if a.Plain {
		port, t.Service = s.PlainPort, s.Plain
	} else {
		t.TLS = trust.Config(a.Host, s.Protocols...)
	}
	if t.Port == 0 {
		t.Port = port
	}
	return t, nil
}
