package notify

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
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
