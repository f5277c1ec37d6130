package ssh

import (
	"errors"
	"slices"
	"strings"

	xssh "golang.org/x/crypto/ssh"
)

// credentials of a user.
type credentials struct {
	user     string
	password func() string
	signer   xssh.Signer // nil without a key
}

// Reasons of a failed login that the library does not report.
var (
	errRefused = errors.New("refused")
	errExpired = errors.New("the router asks for a new password")
)

// apply adds the key to c, then the password by two methods: which one a router
// accepts depends on its version.
func (l credentials) apply(c *xssh.ClientConfig) {
	c.User = l.user
	if l.signer != nil {
		c.Auth = append(c.Auth, xssh.PublicKeys(l.signer))
	}
	password := l.password()
	if password == "" && l.signer != nil {
		return
	}
	c.Auth = append(c.Auth, xssh.Password(password), xssh.KeyboardInteractive(func(_, instruction string, questions []string, echos []bool) ([]string, error) {
		answers := make([]string, len(questions))
		for i, q := range questions {
			if asksForNew(q) || asksForNew(instruction) {
				return nil, errExpired
			}
			if !echos[i] {
				answers[i] = password
			}
		}
		return answers, nil
	}))
	// A password that was refused is not sent again by the other method: it
	// would count as another failed login.
	c.AuthCallback = func(at *xssh.ClientAuthContext) (xssh.AuthMethod, error) {
		if slices.Contains(at.TriedMethods, "password") {
			return nil, errRefused
		}
		return nil, nil
	}
}

// asksForNew recognises the question for another password.
func asksForNew(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "new password") || strings.Contains(s, "change your password")
}

// refusedLogin reports whether a failed handshake is a refused login.
func refusedLogin(err error) bool {
	text := err.Error()
	return errors.Is(err, errRefused) || errors.Is(err, errExpired) ||
		strings.Contains(text, "ssh: unable to authenticate") || strings.Contains(text, "ssh: disconnect") ||
		strings.Contains(text, "ssh: no common public key signature algorithm")
}
