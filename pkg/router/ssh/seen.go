package ssh

import (
	"context"
	"errors"
	"net"
	"slices"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

// errSeen ends a handshake before the login.
var errSeen = errors.New("the host key has been seen")

// HostKey returns the fingerprint of the host key of a router, as ssh-keygen -l prints
// it, without logging in and without trusting it. Of the configuration, what concerns
// the user is not used.
func HostKey(ctx context.Context, cfg Config) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	t := &rosconn.Target{Host: cfg.Host, Port: cfg.Port, Service: "ssh", Timeout: cfg.Timeout, Dial: cfg.Dial}
	conn, raw, err := t.Connect(ctx)
	if err != nil {
		return "", t.Describe(ctx, err)
	}
	defer func() { _ = raw.Close() }()
	done, err := rosconn.WithDeadline(ctx, raw)
	if err != nil {
		return "", err
	}
	defer done()
	seen := ""
	_, _, _, err = xssh.NewClientConn(conn, t.Addr(), &xssh.ClientConfig{
		Config:            algorithms(cfg.Legacy),
		ClientVersion:     "SSH-2.0-wanctl",
		HostKeyAlgorithms: slices.Concat(families(cfg.Legacy)...),
		HostKeyCallback: func(_ string, _ net.Addr, key xssh.PublicKey) error {
			seen = xssh.FingerprintSHA256(key)
			return errSeen
		},
	})
	if seen == "" {
		return "", t.Describe(ctx, &rosconn.Error{Phase: rosconn.Handshaking, Cause: rosconn.CtxError(ctx, err)})
	}
	return seen, nil
}
