package rosconn

import (
	"context"
	"crypto/tls"
)

// Certificate returns the SHA-256 of the certificate that the service presents, in
// lower-case hex, without trusting it and without logging in.
func (t *Target) Certificate(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	conn, raw, err := t.Connect(ctx)
	if err != nil {
		return "", t.Describe(ctx, err)
	}
	defer func() { _ = raw.Close() }()
	return Fingerprint(conn.(*tls.Conn).ConnectionState().PeerCertificates), nil
}
