package rosconn

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
)

// Trust is the policy for certificates. The zero Trust accepts any certificate:
// routers ship with self-signed ones.
type Trust struct {
	Fingerprint string         // SHA-256 of the certificate in hex, colons allowed; "" when not pinned
	Verify      bool           // check the certificate against Roots; a Fingerprint wins
	Roots       *x509.CertPool // nil: the system's
}

// Check normalises the fingerprint, or returns an error if it is malformed.
func (t *Trust) Check() error {
	if t.Fingerprint == "" {
		return nil
	}
	sum := strings.ToLower(strings.ReplaceAll(t.Fingerprint, ":", ""))
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size {
		return fmt.Errorf("router.tls_fingerprint %q: write the 64 hex digits of the certificate's SHA-256", t.Fingerprint)
	}
	t.Fingerprint = sum
	return nil
}

// Config returns the TLS configuration for a host.
//
// A pinned certificate is compared as a whole, and nothing else is checked:
// routers use self-signed certificates without alternative names, and their clock
// may stand at 1970 after a reboot.
func (t Trust) Config(host string, protocols ...string) *tls.Config {
	name, _, _ := strings.Cut(host, "%") // a certificate has an address without its zone
	c := &tls.Config{
		ServerName:         name,
		MinVersion:         tls.VersionTLS12,
		RootCAs:            t.Roots,
		NextProtos:         protocols,
		ClientSessionCache: tls.NewLRUClientSessionCache(1),
		InsecureSkipVerify: t.Fingerprint != "" || !t.Verify,
	}
	if want := t.Fingerprint; want != "" {
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if seen := Fingerprint(s.PeerCertificates); seen != want {
				return &CertificateError{Seen: seen, Wanted: want}
			}
			return nil
		}
	}
	return c
}

// CertificateError is about a certificate that was refused.
type CertificateError struct {
	Seen   string // SHA-256 of the leaf, hex
	Wanted string // pinned, "" when a name or an authority did not match
	cause  error
}

func (e *CertificateError) Error() string {
	if e.Wanted != "" {
		return "its certificate has SHA-256 " + e.Seen + ", not the pinned " + e.Wanted
	}
	return "its certificate (SHA-256 " + e.Seen + ") is not trusted: " + e.cause.Error()
}

// Fingerprint returns the SHA-256 of the leaf in lower-case hex.
func Fingerprint(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "none"
	}
	sum := sha256.Sum256(chain[0].Raw)
	return hex.EncodeToString(sum[:])
}
