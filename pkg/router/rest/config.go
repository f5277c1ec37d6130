package rest

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/wanctl/wanctl/pkg/router/dial"
	"github.com/wanctl/wanctl/pkg/router/menus"
)

// Config says which router to talk to and as whom.
type Config struct {
	Host string // name or address, IPv6 without brackets
	Port int    // 0: 443, or 80 with Plain
	User string

	// Password is called for every request and never stored, so that no dump
	// of a Client contains it. nil is the empty password.
	Password func() string

	Plain       bool   // http instead of https
	Fingerprint string // SHA-256 of the certificate in hex, colons allowed; "" when not pinned
	Verify      bool   // check the certificate against RootCAs; a Fingerprint wins

	Timeout     time.Duration // of one call, with everything it takes; 5 s
	AuthBackoff time.Duration // no attempt for so long after refused credentials; 60 s

	RootCAs *x509.CertPool   // nil: the system's
	Now     func() time.Time // nil: time.Now

	// Dial replaces the dialling of the host and port, as for a router behind
	// something else; TLS and SSH begin on what it returns. nil: net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// New checks cfg and returns a client that has not connected yet: a router that
// is down is an error of the first call, not of New.
func New(cfg Config) (*menus.Client, error) {
	if err := dial.Check(cfg.Host, cfg.User, cfg.Port); err != nil {
		return nil, err
	}
	if strings.Contains(cfg.User, ":") {
		return nil, errors.New("router user contains a colon, which HTTP cannot carry: choose another user name")
	}
	if cfg.Plain && (cfg.Fingerprint != "" || cfg.Verify) {
		return nil, errors.New("a certificate cannot be checked over plain http: remove tls: false, or router.tls_fingerprint and router.verify_ssl")
	}
	trust := dial.Trust{Fingerprint: cfg.Fingerprint, Verify: cfg.Verify, Roots: cfg.RootCAs}
	if err := trust.Check(); err != nil {
		return nil, err
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = menus.DefaultTimeout
	}
	w := &wire{
		user: cfg.User, password: cfg.Password,
		target: &dial.Target{Host: cfg.Host, Port: cfg.Port, Service: "www-ssl", Timeout: cfg.Timeout, Dial: cfg.Dial},
	}
	scheme, port := "https", 443
	if cfg.Plain {
		scheme, port, w.target.Service = "http", 80, "www"
	} else {
		w.target.TLS = trust.Config(cfg.Host, "http/1.1")
	}
	if cfg.Port == 0 {
		w.target.Port = port
	}
	if w.password == nil {
		w.password = func() string { return "" }
	}
	w.base = scheme + "://" + w.target.Addr() + "/rest"
	return menus.New(menus.Config{Wire: w, User: cfg.User, Timeout: cfg.Timeout, AuthBackoff: cfg.AuthBackoff, Now: cfg.Now}), nil
}
