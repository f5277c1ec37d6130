package simrouter

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/wanctl/wanctl/pkg/sim/simrouter/routeros"
)

// SSHQuirks are points of the SSH service where RouterOS's behaviour is unknown
// or varies.
type SSHQuirks struct {
	// HostKey is "rsa" or "ed25519"; "" is rsa below 7.9 and with Legacy,
	// ed25519 otherwise.
	HostKey string
	// Legacy: only the algorithms of version 6: signatures with SHA-1,
	// diffie-hellman-group14-sha1, hmac-sha1.
	Legacy bool

	Exit ExitStatus
	Pad  int // lines are filled up with blanks to this number of columns

	PasswordBesideKey bool      // also users with a key may use their password
	NoPassword        bool      // passwords by keyboard-interactive only
	NoInteractive     bool      // passwords by the method "password" only
	Expired           string    // this user is asked for a new password instead of running commands
	Keepalive         Keepalive // the reply to keepalive@openssh.com
	MaxChannels       int       // open on one connection; 0 is no limit
}

// ExitStatus is the exit status of a line that failed.
type ExitStatus string

// The statuses. Lines that succeed end with 0, except with ExitMissing.
const (
	ExitZero    ExitStatus = ""        // 0: failures are seen in the output alone
	ExitOne     ExitStatus = "1"       // 1
	ExitMissing ExitStatus = "missing" // no exit-status at all, whatever happened
)

// Keepalive is the reply to requests of keepalive@openssh.com.
type Keepalive string

// The replies.
const (
	KeepaliveFailed   Keepalive = ""         // with a failure, which is an answer too
	KeepaliveAnswered Keepalive = "answered" // with a success
	KeepaliveIgnored  Keepalive = "ignored"  // not at all
)

// sshKeys are the keys of a router and of its users. The zero value has none.
type sshKeys struct {
	mu    sync.Mutex // protects the following fields
	host  ssh.Signer // nil until needed
	users map[string][]ssh.PublicKey
}

// SSHHostKey returns the public key of the SSH service; nil when none could be
// made.
func (r *Router) SSHHostKey() ssh.PublicKey {
	k, err := r.hostKey()
	if err != nil {
		return nil
	}
	return k.PublicKey()
}

// SSHFingerprint is SSHHostKey as "SHA256:...".
func (r *Router) SSHFingerprint() string {
	k := r.SSHHostKey()
	if k == nil {
		return ""
	}
	return ssh.FingerprintSHA256(k)
}

// ChangeSSHHostKey makes a new host key, "rsa" or "ed25519", for connections from
// now on.
func (r *Router) ChangeSSHHostKey(kind string) error {
	k, err := newHostKey(kind)
	if err != nil {
		return err
	}
	r.keys.mu.Lock()
	defer r.keys.mu.Unlock()
	r.keys.host = k
	return nil
}

// AddSSHKey admits a user by a key. From then on the user's password is refused,
// unless Quirks.SSH.PasswordBesideKey is set.
func (r *Router) AddSSHKey(user string, key ssh.PublicKey) {
	r.keys.mu.Lock()
	defer r.keys.mu.Unlock()
	if r.keys.users == nil {
		r.keys.users = map[string][]ssh.PublicKey{}
	}
	r.keys.users[user] = append(r.keys.users[user], key)
}

func (r *Router) keysOf(user string) []ssh.PublicKey {
	r.keys.mu.Lock()
	defer r.keys.mu.Unlock()
	return r.keys.users[user]
}

func (r *Router) hostKey() (ssh.Signer, error) {
	r.keys.mu.Lock()
	defer r.keys.mu.Unlock()
	if r.keys.host != nil {
		return r.keys.host, nil
	}
	kind := r.cfg.Quirks.SSH.HostKey
	if kind == "" {
		kind = "ed25519"
		if r.cfg.Quirks.SSH.Legacy || !r.state.Version().AtLeast(7, 9) {
			kind = "rsa"
		}
	}
	var err error
	r.keys.host, err = newHostKey(kind)
	return r.keys.host, err
}

func newHostKey(kind string) (ssh.Signer, error) {
	switch kind {
	case "rsa":
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return nil, err
		}
		return ssh.NewSignerFromKey(key)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return ssh.NewSignerFromKey(key)
	}
	return nil, fmt.Errorf("SSH host key %q: use rsa or ed25519", kind)
}

// sshService is the command line over SSH.
type sshService struct{ router *Router }

func (r *Router) newSSH() (*sshService, error) {
	if _, err := r.hostKey(); err != nil {
		return nil, fmt.Errorf("making a host key: %w", err)
	}
	return &sshService{r}, nil
}

var errRefused = errors.New("refused")

// userKey is the key of the user in ssh.Permissions.
type userKey struct{}

// config returns the handshake configuration of one connection.
func (s *sshService) config(c *conn) (*ssh.ServerConfig, error) {
	r := s.router
	q := r.cfg.Quirks.SSH
	host, err := r.hostKey()
	if err != nil {
		return nil, err
	}
	cfg := &ssh.ServerConfig{ServerVersion: "SSH-2.0-ROSSSH"}
	if !q.NoPassword {
		cfg.PasswordCallback = func(m ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			return s.password(c, m.User(), string(password))
		}
	}
	if !q.NoInteractive {
		cfg.KeyboardInteractiveCallback = func(m ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil || len(answers) != 1 {
				return nil, errRefused
			}
			return s.password(c, m.User(), answers[0])
		}
	}
	cfg.PublicKeyCallback = func(m ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		return s.publicKey(c, m.User(), key)
	}
	algorithms := []string{ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512}
	if q.Legacy {
		algorithms = []string{ssh.KeyAlgoRSA}
		cfg.KeyExchanges = []string{ssh.InsecureKeyExchangeDH14SHA1}
		cfg.Ciphers = []string{ssh.CipherAES128CTR, ssh.CipherAES192CTR, ssh.CipherAES256CTR}
		cfg.MACs = []string{ssh.HMACSHA1}
		cfg.PublicKeyAuthAlgorithms = []string{ssh.KeyAlgoRSA}
	}
	if signer, ok := host.(ssh.AlgorithmSigner); ok && host.PublicKey().Type() == ssh.KeyAlgoRSA {
		if host, err = ssh.NewSignerWithAlgorithms(signer, algorithms); err != nil {
			return nil, err
		}
	}
	cfg.AddHostKey(host)
	return cfg, nil
}

// password checks a password of either method.
func (s *sshService) password(c *conn, login, password string) (*ssh.Permissions, error) {
	name := userName(login)
	barred := len(s.router.keysOf(name)) > 0 && !s.router.cfg.Quirks.SSH.PasswordBesideKey
	return s.admit(c, name, func(want string) bool { return want == password && !barred })
}

// publicKey is called for every key a client offers, before it has signed
// anything: an unknown key is not a failed login.
func (s *sshService) publicKey(c *conn, login string, key ssh.PublicKey) (*ssh.Permissions, error) {
	name := userName(login)
	for _, k := range s.router.keysOf(name) {
		if bytes.Equal(k.Marshal(), key.Marshal()) {
			return s.admit(c, name, func(string) bool { return true })
		}
	}
	return nil, errRefused
}

func (s *sshService) admit(c *conn, name string, matches func(string) bool) (*ssh.Permissions, error) {
	u, err := c.authenticate(name, matches)
	if err != nil {
		return nil, errRefused
	}
	return &ssh.Permissions{ExtraData: map[any]any{userKey{}: u}}, nil
}

var loginSuffix = regexp.MustCompile(`^[a-z0-9]*$`)

// userName returns the user of a login with terminal options, as in
// admin+cet512w4096h.
func userName(login string) string {
	i := strings.LastIndexByte(login, '+')
	if i < 0 || !loginSuffix.MatchString(login[i+1:]) {
		return login
	}
	return login[:i]
}

// loginFault applies a fault before the login; false when it ended the
// connection.
func (s *sshService) loginFault(c *conn) bool {
	r := s.router
	r.mu.Lock()
	f := r.nextFault(SSH, []step{{command: loginCommand, path: "/login"}})
	r.mu.Unlock()
	switch f.Kind {
	case "":
		return true
	case Slow:
		return r.pause(f.For, c.closed) == nil
	case Stall:
		_ = r.await(make(chan struct{}), c.closed)
	case Reset:
		c.reset()
	case Cut:
		_, _ = c.Write([]byte("SSH-2.0-RO"))
	default:
		_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	}
	return false
}

func (s *sshService) serve(c *conn) {
	if !s.loginFault(c) {
		return
	}
	cfg, err := s.config(c)
	if err != nil {
		s.router.log.Error("SSH service", "error", err)
		return
	}
	sc, channels, requests, err := ssh.NewServerConn(c, cfg)
	if err != nil {
		return // a refused login is in the log already
	}
	u, _ := sc.Permissions.ExtraData[userKey{}].(*routeros.User)
	c.login(u)
	session := &sshSession{router: s.router, conn: c, user: u}
	session.group.Go(func() { session.requests(requests) })
	session.channels(channels)
	_ = sc.Close()
	session.group.Wait()
}
