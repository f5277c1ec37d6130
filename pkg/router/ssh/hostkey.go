package ssh

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// trust is the policy for host keys.
type trust struct {
	pin    []byte   // SHA-256 of the only trusted key; nil: known_hosts decides
	files  []string // of known hosts; new ones are added to the first
	legacy bool

	proven []string // algorithms of the key that was accepted last
}

// parseFingerprint reads "SHA256:" and base64, or hex with or without colons.
func parseFingerprint(s string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	text := s
	if prefix, rest, ok := strings.Cut(s, ":"); ok && strings.EqualFold(prefix, "SHA256") {
		text = rest
	}
	sum, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil {
		sum, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	}
	if err != nil || len(sum) != sha256.Size {
		return nil, fmt.Errorf("router.ssh_fingerprint %q: write SHA256:... as ssh-keygen -l prints it", s)
	}
	return sum, nil
}

// knownHosts returns path, or the default files for "".
func knownHosts(path string) []string {
	if path != "" {
		return []string{path}
	}
	const system = "/etc/ssh/ssh_known_hosts"
	home, err := os.UserHomeDir()
	if err != nil {
		return []string{system}
	}
	return []string{filepath.Join(home, ".ssh", "known_hosts"), system}
}

// families returns the host key algorithms by type of key, best first. A router
// uses one key and offers the algorithms of its type.
func families(legacy bool) [][]string {
	rsa := []string{xssh.KeyAlgoRSASHA512, xssh.KeyAlgoRSASHA256}
	if legacy {
		rsa = append(rsa, xssh.KeyAlgoRSA)
	}
	return [][]string{
		{xssh.KeyAlgoED25519}, {xssh.KeyAlgoECDSA256}, {xssh.KeyAlgoECDSA384}, {xssh.KeyAlgoECDSA521}, rsa,
	}
}

// family returns the algorithms of a type of key; nil if it is not accepted.
func family(all [][]string, keyType string) []string {
	for _, f := range all {
		if slices.Contains(f, keyType) || keyType == xssh.KeyAlgoRSA && f[0] == xssh.KeyAlgoRSASHA512 {
			return f
		}
	}
	return nil
}

// check is the host key check of one attempt to connect, which may take several
// connections: a router presents one key on each, of a type both ends agree on,
// and may have a trusted one of another type.
type check struct {
	*trust
	addr  string
	known xssh.HostKeyCallback
	want  []knownhosts.KnownKey // what known_hosts has of addr
	left  [][]string            // not tried yet

	refused  atomic.Pointer[hostKeyError] // why the last key was refused
	accepted atomic.Pointer[string]       // the type of the accepted key
}

// begin reads the known hosts.
func (t *trust) begin(addr string) (*check, error) {
	c := &check{trust: t, addr: addr, left: families(t.legacy)}
	if t.pin == nil {
		if err := c.read(); err != nil {
			return nil, err
		}
	}
	if len(c.want) > 0 {
		all := c.left
		c.left = nil
		for _, k := range c.want {
			if f := family(all, k.Key.Type()); f != nil && !slices.ContainsFunc(c.left, func(g []string) bool { return g[0] == f[0] }) {
				c.left = append(c.left, f)
			}
		}
		if c.left == nil {
			c.left = all
		}
	}
	slices.SortStableFunc(c.left, func(a, b []string) int { return c.rank(a) - c.rank(b) })
	return c, nil
}

// rank sorts the family that was accepted last first.
func (t *trust) rank(family []string) int {
	if t.proven != nil && family[0] == t.proven[0] {
		return 0
	}
	return 1
}

func (c *check) read() error {
	var files []string
	var err error
	for _, f := range c.files {
		if unfit := regfile.Check(f); unfit == nil {
			files = append(files, f)
		} else if !errors.Is(unfit, fs.ErrNotExist) {
			err = errors.Join(err, unfit)
		}
	}
	var known xssh.HostKeyCallback
	if err == nil {
		known, err = knownhosts.New(files...)
	}
	if err != nil {
		return &hostKeyError{
			text: "cannot read the known hosts: " + strings.TrimPrefix(err.Error(), "knownhosts: "),
			hint: "correct that file, name another one with router.known_hosts, or pin the key with router.ssh_fingerprint",
		}
	}
	c.known = known
	// The error about a key of no host lists the keys of this one.
	var mismatch *knownhosts.KeyError
	if errors.As(known(c.addr, noAddr, noKey{}), &mismatch) {
		c.want = mismatch.Want
	}
	return nil
}

// algorithms returns those to offer on the next connection.
func (c *check) algorithms() []string { return slices.Concat(c.left...) }

// verify implements ssh.HostKeyCallback.
func (c *check) verify(addr string, remote net.Addr, key xssh.PublicKey) error {
	if err := c.compare(addr, remote, key); err != nil {
		c.refused.Store(err)
		return err
	}
	keyType := key.Type()
	c.accepted.Store(&keyType)
	return nil
}

func (c *check) compare(addr string, remote net.Addr, key xssh.PublicKey) *hostKeyError {
	seen := xssh.FingerprintSHA256(key)
	shown := "its host key has the fingerprint " + seen + " (" + key.Type() + ")"
	if c.pin != nil {
		sum := sha256.Sum256(key.Marshal())
		if bytes.Equal(sum[:], c.pin) {
			return nil
		}
		return &hostKeyError{
			keyType: key.Type(),
			text:    shown + ", not the pinned SHA256:" + base64.RawStdEncoding.EncodeToString(c.pin),
			hint:    "if you gave it a new key, set router.ssh_fingerprint: " + seen + "; if not, something answers in the router's place",
		}
	}
	err := c.known(addr, remote, key)
	var mismatch *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return &hostKeyError{
			text: fmt.Sprintf("%s, which %s line %d revokes", shown, revoked.Revoked.Filename, revoked.Revoked.Line),
			hint: "give the router a new key: /ip ssh regenerate-host-key",
		}
	case errors.As(err, &mismatch) && len(mismatch.Want) > 0:
		return c.changed(shown, seen, key.Type(), mismatch.Want)
	}
	host, port, _ := net.SplitHostPort(addr)
	return &hostKeyError{
		text: shown + " and is not known yet",
		hint: fmt.Sprintf("if that is the router's own (compare it on the router itself, or over a cable), set router.ssh_fingerprint: %s, or type: ssh-keyscan -p %s %s >> %s",
			seen, port, host, c.files[0]),
	}
}

// changed returns the error about a host that is known by another key.
func (c *check) changed(shown, seen, keyType string, want []knownhosts.KnownKey) *hostKeyError {
	k := want[0]
	for _, w := range want {
		if w.Key.Type() == keyType {
			k = w
			break
		}
	}
	return &hostKeyError{
		keyType: keyType,
		text: fmt.Sprintf("HOST KEY HAS CHANGED: %s, but %s line %d has %s (%s)",
			shown, k.Filename, k.Line, xssh.FingerprintSHA256(k.Key), k.Key.Type()),
		hint: fmt.Sprintf("if you gave it a new key, type: ssh-keygen -R '%s' -f %s, and add the new one, or set router.ssh_fingerprint: %s; if not, something answers in the router's place",
			knownhosts.Normalize(c.addr), k.Filename, seen),
	}
}

// nextFamily reports, after a failed handshake, whether to connect again and offer
// other types of keys. Otherwise it returns why the host is not trusted; nil if
// that was not the reason.
func (c *check) nextFamily(err error) (bool, *hostKeyError) {
	if c.accepted.Load() != nil {
		return false, nil
	}
	refused := c.refused.Load()
	var disagree *xssh.AlgorithmNegotiationError
	noCommonKey := errors.As(err, &disagree) && disagree.What == "host key"
	switch {
	case c.pin == nil && len(c.want) > 0 && noCommonKey && refused == nil && len(c.left) < len(families(c.legacy)):
		// It has no key of the types that are known: see which it has.
		c.left = families(c.legacy)
		return true, nil
	case refused != nil && c.pin != nil && refused.keyType != "" && !noCommonKey:
		tried := family(c.left, refused.keyType)
		c.left = slices.DeleteFunc(c.left, func(f []string) bool { return tried != nil && f[0] == tried[0] })
		return tried != nil && len(c.left) > 0, refused
	}
	return false, refused
}

// saveProven stores the type of the accepted key.
func (c *check) saveProven() {
	if keyType := c.accepted.Load(); keyType != nil {
		c.proven = family(families(c.legacy), *keyType)
	}
}

// hostKeyError is about a host key that is not trusted.
type hostKeyError struct{ keyType, text, hint string }

func (e *hostKeyError) Error() string { return e.text }

// noKey is a key that no host has.
type noKey struct{}

func (noKey) Type() string                         { return "none" }
func (noKey) Marshal() []byte                      { return nil }
func (noKey) Verify([]byte, *xssh.Signature) error { return errors.New("no key") }

// noAddr is an address that no known host has.
var noAddr = &net.TCPAddr{IP: net.IPv4zero}
