package rest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
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
}

const (
	defaultTimeout     = 5 * time.Second
	defaultAuthBackoff = time.Minute
)

// check fills in defaults and refuses what cannot work.
func (cfg *Config) check() error {
	switch {
	case cfg.Host == "":
		return errors.New("router host is empty: set router.host")
	case strings.HasPrefix(cfg.Host, "-") || strings.ContainsAny(cfg.Host, " /@?#"):
		return fmt.Errorf("router host %q is neither a name nor an address: set router.host", cfg.Host)
	case cfg.User == "":
		return errors.New("router user is empty: set router.user")
	case strings.Contains(cfg.User, ":"):
		return errors.New("router user contains a colon, which HTTP cannot carry: choose another user name")
	case cfg.Port < 0 || cfg.Port > 65535:
		return fmt.Errorf("router port %d is out of range: set router.port to 1..65535", cfg.Port)
	case cfg.Plain && (cfg.Fingerprint != "" || cfg.Verify):
		return errors.New("a certificate cannot be checked over plain http: remove tls: false, or router.tls_fingerprint and router.verify_ssl")
	}
	if cfg.Port == 0 {
		cfg.Port = 443
		if cfg.Plain {
			cfg.Port = 80
		}
	}
	if cfg.Fingerprint != "" {
		sum := strings.ToLower(strings.ReplaceAll(cfg.Fingerprint, ":", ""))
		if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 32 {
			return fmt.Errorf("router.tls_fingerprint %q: write the 64 hex digits of the certificate's SHA-256", cfg.Fingerprint)
		}
		cfg.Fingerprint = sum
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.AuthBackoff <= 0 {
		cfg.AuthBackoff = defaultAuthBackoff
	}
	if cfg.Password == nil {
		cfg.Password = func() string { return "" }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return nil
}

func (cfg *Config) addr() string { return net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)) }

// service names the RouterOS service behind the port.
func (cfg *Config) service() string {
	if cfg.Plain {
		return "www"
	}
	return "www-ssl"
}

// certificateError says which certificate was seen and why it was refused.
type certificateError struct {
	seen   string // SHA-256 of the leaf, hex
	wanted string // pinned, "" when a name or an authority did not match
	cause  error
}

func (e *certificateError) Error() string {
	if e.wanted != "" {
		return "its certificate has SHA-256 " + e.seen + ", not the pinned " + e.wanted
	}
	return "its certificate (SHA-256 " + e.seen + ") is not trusted: " + e.cause.Error()
}

// tls returns the TLS configuration, nil for plain http.
//
// A pinned certificate is compared as a whole and nothing else is looked at:
// routers sign for themselves, under a common name alone, and their clock may
// stand at 1970 after a reboot.
func (cfg *Config) tls() *tls.Config {
	if cfg.Plain {
		return nil
	}
	t := &tls.Config{
		ServerName:         cfg.Host,
		MinVersion:         tls.VersionTLS12,
		RootCAs:            cfg.RootCAs,
		NextProtos:         []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
		InsecureSkipVerify: cfg.Fingerprint != "" || !cfg.Verify,
	}
	if want := cfg.Fingerprint; want != "" {
		t.VerifyConnection = func(s tls.ConnectionState) error {
			if seen := fingerprint(s.PeerCertificates); seen != want {
				return &certificateError{seen: seen, wanted: want}
			}
			return nil
		}
	}
	return t
}
