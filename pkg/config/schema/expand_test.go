package schema

import (
	"strings"
	"testing"
)

func lookup(name string) (string, bool) {
	v, ok := map[string]string{"A": "1", "LONG_name_2": "two", "EMPTY": "", "NESTED": "${A}"}[name]
	return v, ok
}

func TestExpand(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"plain":                "plain",
		"${A}":                 "1",
		"x${A}y${LONG_name_2}": "x1ytwo",
		"${EMPTY}":             "",
		"${NESTED}":            "${A}", // once only
		"$A $ $$ a$":           "$A $ $$ a$",
		"$${A}":                "${A}",
		"$$${A}":               "$${A}",
		"${A}$${A}${A}":        "1${A}1",
	} {
		if got, err := expand(in, lookup); err != nil || got != want {
			t.Errorf("expand(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"${B}":   "environment variable B is not set",
		"${}":    "name of an environment variable",
		"${A":    "name of an environment variable",
		"${A b}": "name of an environment variable",
		"${1}":   "name of an environment variable",
		"x${":    "name of an environment variable",
	} {
		if got, err := expand(in, lookup); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expand(%q) = %q, %v, want an error with %q", in, got, err, want)
		}
	}
}

// What escape writes, expand reads back, whatever the environment.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "${A}", "$${A}", "$$$", "a${", "${A"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := expand(escape(s), lookup); err != nil || got != s {
			t.Fatalf("%q was escaped to %q and read back as %q, %v", s, escape(s), got, err)
		}
	})
}
