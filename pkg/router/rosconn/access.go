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

// Access is the configuration of a client: the router, the user, and the
// certificates to trust, for a service that exists with TLS and without.
type Access struct {
	Host string // name or address, IPv6 without brackets
	Port int    // 0: the one of the service
	User string

	// Password is called for every login, over REST for every request. Its result
	// is never stored, so that no dump of a client contains it. nil is the empty
	// password.
	Password func() string

	Plain       bool   // the service without TLS
	Fingerprint string // SHA-256 of the certificate in hex, colons allowed; "" when not pinned
	Verify      bool   // check the certificate against RootCAs; a Fingerprint wins

	MaxAnswer   int           // size limit of an answer in bytes; 0: the constant MaxAnswer
	Timeout     time.Duration // of one call with all its requests; 0: DefaultTimeout
	AuthBackoff time.Duration // pause after refused credentials; 0: 60 s

	RootCAs *x509.CertPool   // nil: the system's
	Now     func() time.Time // nil: time.Now

	// Dial opens the TCP connection, on which TLS begins; nil: net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Service is a pair of services of a router, under their names in /ip/service.
type Service struct {
	TLS, Plain         string
	TLSPort, PlainPort int
	Protocols          []string // offered in the TLS handshake (ALPN)
}

// Target checks a, sets its defaults, and returns the service it describes.
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
	t := &Target{Host: a.Host, Port: a.Port, Service: s.TLS, Timeout: a.Timeout, Password: a.Password, MaxAnswer: a.MaxAnswer, Dial: a.Dial}
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
