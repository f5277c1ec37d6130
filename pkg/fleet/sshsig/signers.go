package sshsig

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// MaxSigners bounds a file of allowed signers, in bytes.
const MaxSigners = 1 << 18

// Signers are the keys that may sign, as a file of allowed signers of ssh-keygen(1) lists
// them.
type Signers struct {
	file string
	list []signer
}

// signer is one line of such a file.
type signer struct {
	principals string
	key        ssh.PublicKey
	namespaces []string // patterns; none: every namespace
	from, to   time.Time
}

// ParseSigners reads a file of allowed signers; name is for messages. A line that cannot be
// used is an error, so that nobody believes in a restriction that is not understood.
func ParseSigners(name string, text []byte) (*Signers, error) {
	if len(text) > MaxSigners {
		return nil, fmt.Errorf("%s has more than %d bytes", name, MaxSigners)
	}
	s := &Signers{file: name}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		one, err := parseSigner(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, number, err)
		}
		s.list = append(s.list, one)
	}
	if len(s.list) == 0 {
		return nil, fmt.Errorf("%s names no key: write lines such as 'admin@example.org namespaces=\"wanctl\" ssh-ed25519 AAAA...'", name)
	}
	return s, nil
}

func parseSigner(line string) (s signer, err error) {
	var rest string
	if quoted, found := strings.CutPrefix(line, `"`); found {
		s.principals, rest, found = strings.Cut(quoted, `"`)
		if !found {
			return s, errors.New("a quote has no end")
		}
	} else {
		i := strings.IndexAny(line, " \t")
		if i < 0 {
			return s, errors.New("is not 'PRINCIPALS [OPTIONS] KEYTYPE KEY'")
		}
		s.principals, rest = line[:i], line[i:]
	}
	key, _, options, more, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(rest)))
	if err != nil || len(more) > 0 {
		return s, errors.New("has no public key: is it 'PRINCIPALS [OPTIONS] KEYTYPE KEY'?")
	}
	if _, isCert := key.(*ssh.Certificate); isCert {
		return s, errors.New("is a certificate; list the key itself")
	}
	s.key = key
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "namespaces":
			s.namespaces = strings.Split(value, ",")
			for _, pattern := range s.namespaces {
				if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
					return s, fmt.Errorf("namespaces has the pattern %q", pattern)
				}
			}
		case "valid-after":
			s.from, err = parseTime(value)
		case "valid-before":
			s.to, err = parseTime(value)
		case "cert-authority":
			err = errors.New("cert-authority: certificates are not supported; list the keys themselves")
		default:
			err = fmt.Errorf("unknown option %q", name)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// parseTime reads a time as ssh-keygen does: YYYYMMDD or YYYYMMDDHHMM[SS], of the local zone
// unless a Z follows.
func parseTime(text string) (time.Time, error) {
	zone, digits := time.Local, text
	if utc, found := strings.CutSuffix(text, "Z"); found {
		zone, digits = time.UTC, utc
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(layout) == len(digits) {
			if t, err := time.ParseInLocation(layout, digits, zone); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time YYYYMMDD or YYYYMMDDHHMMSS", text)
}

// Allowed returns the principals of the line that allows key to sign in a namespace at the
// time now.
func (s *Signers) Allowed(key ssh.PublicKey, namespace string, now time.Time) (principals string, err error) {
	why := fmt.Errorf("is not in %s", s.file)
	for _, one := range s.list {
		if !equal(one.key, key) {
			continue
		}
		switch {
		case !one.inNamespace(namespace):
			why = fmt.Errorf("may not sign for %q by %s", namespace, s.file)
		case !one.from.IsZero() && now.Before(one.from):
			why = fmt.Errorf("is not valid yet by %s", s.file)
		case !one.to.IsZero() && !now.Before(one.to):
			why = fmt.Errorf("is not valid any more by %s", s.file)
		default:
			return one.principals, nil
		}
	}
	return "", fmt.Errorf("the key %s %w", Fingerprint(key), why)
}

func (s signer) inNamespace(namespace string) bool {
	if s.namespaces == nil {
		return true
	}
	for _, pattern := range s.namespaces {
		if ok, _ := path.Match(pattern, namespace); ok {
			return true
		}
	}
	return false
}

// Verify returns who signed message in a namespace, if the armored signature is one of it by
// a key that may sign at the time now. Errors name the key.
func (s *Signers) Verify(armored, namespace string, message []byte, now time.Time) (principals string, err error) {
	if strings.TrimSpace(armored) == "" {
		return "", errors.New("it is not signed")
	}
	sig, err := Parse(armored)
	if err != nil {
		return "", err
	}
	if err := sig.Verify(namespace, message); err != nil {
		return "", fmt.Errorf("signed by the key %s: %w", Fingerprint(sig.Key), err)
	}
	return s.Allowed(sig.Key, namespace, now)
}
