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
	interfaceName = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.@-]{0,14}$`)
	hostLabel     = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
	digitsAndDots = regexp.MustCompile(`^[0-9.]+$`)
)

// ParseScalar returns the canonical form of a value that needs nothing but its kind
// to be checked: Identifier, RouterName, Host, Address, Interface, User, TLSHash or
// SSHHash. An error continues a message that begins with the value.
func ParseScalar(k Kind, s string) (string, error) {
	check := k.spec().check
	if check == nil {
		return "", fmt.Errorf("cannot be parsed as kind %q", string(k))
	}
	return check(s)
}

func checkIdentifier(s string) (string, error) {
	if s != "" && strings.Trim(s, ".") == "" {
		return "", errors.New("is not a name: dots alone are a directory")
	}
	return s, mustMatch(identifier, s, "is not a name: use 1 to 64 letters, digits, _ . or -, and no - in front")
}

// checkRouterName accepts what RouterOS takes as the name of a queue or as a comment.
func checkRouterName(s string) (string, error) {
	n := utf8.RuneCountInString(s)
	if strings.TrimSpace(s) == "" || n > 128 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return "", errors.New("is not a name on a router: use 1 to 128 characters, not blanks alone and no control characters")
	}
	return s, nil
}

func checkInterface(s string) (string, error) {
	return s, mustMatch(interfaceName, s, "is not an interface name")
}

func mustMatch(pattern *regexp.Regexp, s, otherwise string) error {
	if !pattern.MatchString(s) {
		return errors.New(otherwise)
	}
	return nil
}

func checkAddress(s string) (string, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" && !interfaceName.MatchString(a.Zone()) {
		return "", errors.New("is not an IP address")
	}
	return a.String(), nil
}

func checkUser(s string) (string, error) {
	if strings.ContainsFunc(s, unicode.IsSpace) {
		return "", errors.New("has a space in it")
	}
	return s, checkPlain(s, 64)
}

func checkTLSHash(s string) (string, error) {
	digits := strings.ToLower(strings.ReplaceAll(s, ":", ""))
	if b, err := hex.DecodeString(digits); err != nil || len(b) != 32 {
		return "", errors.New("is not a SHA-256: 64 hex digits, with or without colons")
	}
	return digits, nil
}

func checkSSHHash(s string) (string, error) {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimPrefix(s, "SHA256:"), "="))
	if err != nil || len(b) != 32 {
		return "", errors.New("is not a fingerprint such as SHA256:..., which 'ssh-keygen -l' prints")
	}
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(b), nil
}

// checkPlain accepts what can be shown in one line and given to a program.
func checkPlain(s string, maxLen int) error {
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
func checkHost(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" && !interfaceName.MatchString(a.Zone()) {
			return "", errors.New("has a zone that is no interface name")
		}
		return s, nil
	}
	switch {
	case s == "":
		return "", errors.New("is empty; write an IP address or a host name")
	case strings.HasPrefix(s, "[") || strings.Count(s, ":") == 1:
		return "", errors.New("is not a host: write it without brackets and without a port")
	case len(s) > 256:
		return "", errors.New("is longer than 256 bytes")
	case digitsAndDots.MatchString(s):
		return "", errors.New("is not an IPv4 address")
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !hostLabel.MatchString(label) {
			return "", errors.New("is neither an IP address nor a host name")
		}
	}
	return s, nil
}

// checkTarget accepts host:port, IPv6 in brackets.
func checkTarget(s string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", errors.New("is not host:port, such as 1.1.1.1:443 or [2606:4700:4700::1111]:443")
	}
	if _, err := checkHost(host); err != nil {
		return "", fmt.Errorf("names a host that %w", err)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return "", errors.New("has a port outside 1..65535")
	}
	return net.JoinHostPort(host, strings.TrimLeft(port, "+0")), nil
}
