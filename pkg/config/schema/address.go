package schema

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Masked is how a secret is printed. It is taken for one of any form, so that what was
// printed can be read.
const Masked = "********"

// isSecret reports whether values of the kind are never printed.
func (k Kind) isSecret() bool { return k == Password || k == SecretURL || k == HeaderList }

// parseSecretURL does not quote what is wrong.
func parseSecretURL(r *Reader, k Key, v RawValue) (any, error) {
	s := v.trimmed()
	r.secrets = append(r.secrets, s)
	if s == "" && r.WithoutSecrets || s == Masked {
		return s, nil
	}
	if err := CheckSecret(s); err != nil {
		return nil, err
	}
	if _, err := checkURL(s, "https", "http"); err != nil && !r.WithoutSecrets {
		return nil, err
	}
	return s, nil
}

// checkBroker accepts an address of an MQTT broker.
func checkBroker(s string) (string, error) {
	return checkServer(s, map[string]string{"mqtt": "1883", "mqtts": "8883"})
}

// checkNATS accepts an address of a NATS server.
func checkNATS(s string) (string, error) {
	return checkServer(s, map[string]string{"nats": "4222", "tls": "4222"})
}

// checkServer accepts an address of a host and a port with one of the schemes, each with
// its default port. The user belongs elsewhere.
func checkServer(s string, ports map[string]string) (string, error) {
	u, err := checkURL(s, slices.Sorted(maps.Keys(ports))...)
	switch {
	case err != nil:
		return "", err
	case u.User != nil:
		return "", errors.New("has a user in it; write that in user and password")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return "", errors.New("has more than a host and a port in it")
	}
	host := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), ports[u.Scheme]))
	return (&url.URL{Scheme: u.Scheme, Host: host}).String(), nil // a zone has its % escaped
}

// checkURL accepts an address with one of the schemes. The error does not quote it.
func checkURL(s string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "" || u.Fragment != "" || strings.ContainsFunc(s, unicode.IsSpace) {
		return nil, fmt.Errorf("is not an address that begins with %s:// and a host", strings.Join(schemes, ":// or "))
	}
	if _, err := checkHost(u.Hostname()); err != nil {
		return nil, errors.New("names an invalid host")
	}
	if n, err := strconv.ParseUint(u.Port(), 10, 16); u.Port() != "" && (err != nil || n == 0) {
		return nil, errors.New("has a port outside 1..65535")
	}
	return u, nil
}

// checkTopic accepts the beginning of an MQTT topic.
func checkTopic(s string) (string, error) {
	if s == "" || len(s) > 128 || strings.ContainsAny(s, "+#$ ") || strings.HasPrefix(s, "/") || strings.HasSuffix(s, "/") ||
		strings.Contains(s, "//") || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return "", errors.New("is not a topic such as home/wanctl: no + # $, no spaces, no / at its ends")
	}
	return s, nil
}

func checkArgument(s string) error {
	if len(s) > 4096 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return errors.New("holds a control character, or is longer than 4096 bytes")
	}
	return nil
}

// parseArgs keeps the entries as they are, repetitions and blanks included.
func parseArgs(_ *Reader, k Key, v RawValue) (any, error) {
	if err := k.checkLen(v); err != nil {
		return nil, err
	}
	list := make([]string, 0, len(v.Items))
	for _, item := range v.Items {
		if err := checkArgument(item.text); err != nil {
			return nil, fmt.Errorf("%s %w", item.quoted(), err)
		}
		list = append(list, item.text)
	}
	return list, nil
}

// parseHeaders quotes no value.
func parseHeaders(r *Reader, k Key, v RawValue) (any, error) {
	if err := k.checkLen(v); err != nil {
		return nil, err
	}
	list := make([]string, 0, len(v.Items))
	for i, item := range v.Items {
		s := item.trimmed()
		name, value, found := strings.Cut(s, ":")
		value = strings.TrimSpace(value)
		r.secrets = append(r.secrets, value)
		switch {
		case s == Masked, r.WithoutSecrets:
		case !found, name == "", value == "", strings.ContainsFunc(name, notToken), CheckSecret(value) != nil:
			return nil, fmt.Errorf("entry %d is not a header such as \"Authorization: Bearer ${TOKEN}\"", i+1)
		}
		list = append(list, s)
	}
	return list, nil
}

// notToken reports whether r cannot be part of the name of a header (RFC 9110).
func notToken(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// parseEnums reads a list of words of the key.
func parseEnums(r *Reader, k Key, v RawValue) (any, error) {
	return listOf(func(s string) (string, error) {
		if !slices.Contains(k.Values, s) {
			return "", fmt.Errorf("is not one of %s", strings.Join(k.Values, ", "))
		}
		return s, nil
	})(r, k, v)
}
