package schema

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	identifier    = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,63}$`)
	comment       = regexp.MustCompile(`^[A-Za-z0-9_.: ][A-Za-z0-9_.: -]{0,127}$`)
	interfaceName = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.@-]{0,14}$`)
	hostLabel     = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
	digitsAndDots = regexp.MustCompile(`^[0-9.]+$`)
)

// Word checks the types that are one word and returns its canonical form.
func Word(t Type, s string) (string, error) {
	switch t {
	case Identifier:
		if strings.Trim(s, ".") == "" {
			return "", errors.New("is not a name: dots alone are a directory")
		}
		return s, mustMatch(identifier, s, "is not a name: use 1 to 64 letters, digits, _ . or -, and no - in front")
	case Comment:
		return s, mustMatch(comment, s, "is not a comment: use 1 to 128 letters, digits, spaces, _ . : or -, and no - in front")
	case Interface:
		return s, mustMatch(interfaceName, s, "is not an interface name")
	case Host:
		return s, checkHost(s)
	case Address:
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" && !interfaceName.MatchString(a.Zone()) {
			return "", errors.New("is not an IP address")
		}
		return a.String(), nil
	case User:
		if strings.ContainsFunc(s, unicode.IsSpace) {
			return "", errors.New("has a space in it")
		}
		return s, plainText(s, 64)
	case TLSHash:
		digits := strings.ToLower(strings.ReplaceAll(s, ":", ""))
		if b, err := hex.DecodeString(digits); err != nil || len(b) != 32 {
			return "", errors.New("is not a SHA-256: 64 hex digits, with or without colons")
		}
		return digits, nil
	case SSHHash:
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimPrefix(s, "SHA256:"), "="))
		if err != nil || len(b) != 32 {
			return "", errors.New("is not a fingerprint such as SHA256:..., which 'ssh-keygen -l' prints")
		}
		return "SHA256:" + base64.RawStdEncoding.EncodeToString(b), nil
	default:
		return "", fmt.Errorf("cannot be parsed as type %d", t)
	}
}

func mustMatch(pattern *regexp.Regexp, s, otherwise string) error {
	if !pattern.MatchString(s) {
		return errors.New(otherwise)
	}
	return nil
}

// plainText accepts what may be shown in one line and given to a program.
func plainText(s string, maxLen int) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case len(s) > maxLen:
		return fmt.Errorf("is longer than %d bytes", maxLen)
	case s[0] == '-':
		return errors.New("begins with -, which programs take for an option")
	case !utf8.ValidString(s), strings.ContainsFunc(s, unicode.IsControl):
		return errors.New("holds a control character")
	}
	return nil
}

// checkHost accepts an IPv4 or IPv6 address or a host name.
func checkHost(s string) error {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" && !interfaceName.MatchString(a.Zone()) {
			return errors.New("has a zone that is no interface name")
		}
		return nil
	}
	switch {
	case s == "":
		return errors.New("is empty; write an IP address or a host name")
	case strings.HasPrefix(s, "[") || strings.Count(s, ":") == 1:
		return errors.New("is not a host: write it without brackets and without a port")
	case len(s) > 256:
		return errors.New("is longer than 256 bytes")
	case digitsAndDots.MatchString(s):
		return errors.New("is not an IPv4 address")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !hostLabel.MatchString(label) {
			return errors.New("is neither an IP address nor a host name")
		}
	}
	return nil
}

// parseTarget reads host:port, IPv6 in brackets.
func parseTarget(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", errors.New("is not host:port, such as 1.1.1.1:443 or [2606:4700:4700::1111]:443")
	}
	if err := checkHost(host); err != nil {
		return "", fmt.Errorf("names a host that %w", err)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", errors.New("has a port outside 1..65535")
	}
	return net.JoinHostPort(host, strings.TrimLeft(port, "+0")), nil
}

// joinTarget writes a pair as parseTarget reads it.
func joinTarget(host, port string) string { return net.JoinHostPort(host, port) }
