package ssh

import (
	"context"
	"net"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/router/rosclient"
	"github.com/wanctl/wanctl/pkg/router/rosconn"
)

// Config is the configuration of a client: the router, the user, and the host keys
// to trust.
type Config struct {
	Host string // name or address, IPv6 without brackets
	Port int    // 0: 22
	User string

	// Password is called for every login. Its result is never stored, so that no
	// dump of a client contains it. nil is the empty password, or none beside a key.
	Password func() string

	KeyFile    string        // private key, of mode 600 or 400; "" without
	Passphrase func() string // of the key; nil and "" where it has none

	// KnownHosts is the file of trusted host keys, read for every connection;
	// "" is ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts. A Fingerprint wins:
	// "SHA256:..." as ssh-keygen -l prints it, or 64 hex digits.
	KnownHosts  string
	Fingerprint string

	// Legacy also accepts what RouterOS 6 needs and what is insecure: SHA-1 in key
	// exchange, signatures and message authentication.
	Legacy bool

	MaxAnswer   int              // size limit of an answer in bytes; 0: rosconn.MaxAnswer
	Timeout     time.Duration    // of one call with all its requests; 0: 5 s
	AuthBackoff time.Duration    // pause after refused credentials; 0: 60 s
	Now         func() time.Time // nil: time.Now

	// Dial opens the TCP connection, on which SSH begins; nil: net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// New checks cfg, reads the key file, and returns a client that has not
// connected yet: a router that is down is an error of the first call, not of
// New.
func New(cfg Config) (*rosclient.Client, error) {
	if err := rosconn.Check(cfg.Host, cfg.User, cfg.Port); err != nil {
		return nil, err
	}
	pin, err := parseFingerprint(cfg.Fingerprint)
	if err != nil {
		return nil, err
	}
	var signer xssh.Signer
	if cfg.KeyFile != "" {
		if signer, err = readKey(cfg.KeyFile, cfg.Passphrase, cfg.Legacy); err != nil {
			return nil, err
		}
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = rosconn.DefaultTimeout
	}
	if cfg.Port == 0 {
		cfg.Port = 22
	}
	if cfg.Password == nil {
		cfg.Password = func() string { return "" }
	}
	t := &transport{
		target: &rosconn.Target{Host: cfg.Host, Port: cfg.Port, Service: "ssh", Timeout: cfg.Timeout, Password: cfg.Password, MaxAnswer: cfg.MaxAnswer, Dial: cfg.Dial},
		login:  credentials{user: cfg.User, password: cfg.Password, signer: signer},
		trust:  trust{pin: pin, files: knownHosts(cfg.KnownHosts), legacy: cfg.Legacy},
		legacy: cfg.Legacy,
	}
	return rosclient.New(rosclient.Config{Transport: t, User: cfg.User, Timeout: cfg.Timeout, AuthBackoff: cfg.AuthBackoff, Now: cfg.Now}), nil
}
