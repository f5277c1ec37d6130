package notify

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
)

// PinnedTLS returns the settings of a TLS connection: the certificate is checked against
// the authorities of the system or, with a fingerprint, is the one whose SHA-256 in lower
// case hex that is.
func PinnedTLS(fingerprint string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if fingerprint == "" {
		return c
	}
	c.InsecureSkipVerify = true // the fingerprint is checked instead
	c.VerifyConnection = func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("no certificate")
		}
		sum := sha256.Sum256(s.PeerCertificates[0].Raw)
		if got := hex.EncodeToString(sum[:]); got != fingerprint {
			return fmt.Errorf("the certificate is another one than tls_fingerprint says: its SHA-256 is %s", got)
		}
		return nil
	}
	return c
}

// Dial connects to host:port, with TLS as PinnedTLS if that is wanted. No proxy of the
// environment is used.
func Dial(ctx context.Context, address string, secure bool, fingerprint string) (net.Conn, error) {
	if !secure {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	c := PinnedTLS(fingerprint)
	c.ServerName = host
	return (&tls.Dialer{Config: c}).DialContext(ctx, "tcp", address)
}
