package config

import (
	"fmt"
	"log/slog"

	"github.com/wanctl/wanctl/pkg/redact"
)

const mask = redact.Mask

// Secret is a password that does not print itself: not by any verb of fmt, not
// in JSON or YAML, not in a log. Only Reveal gives it away, which makes every
// use easy to find. The zero Secret is empty.
type Secret struct {
	// Comparing two secrets with == would compare the pointers: not compilable.
	_ [0]func()

	// fmt cannot call methods on an unexported field of a foreign struct, but
	// it prints a pointer below the top level as an address.
	value *string
}

// NewSecret hides s.
func NewSecret(s string) Secret {
	if s == "" {
		return Secret{}
	}
	return Secret{value: &s}
}

// Reveal returns the secret itself, "" when there is none.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether there is a secret, without revealing it.
func (s Secret) IsSet() bool { return s.value != nil }

// Equal reports whether both hide the same string.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

func (s Secret) String() string {
	if s.IsSet() {
		return mask
	}
	return ""
}

// Format makes every verb, %#v and %x included, print the mask.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText masks the secret in JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText hides text.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// LogValue masks the secret in structured logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
