package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// SecretsFile holds the environment of the services and, where it may be read, of
// commands: the EnvironmentFile of the units.
const SecretsFile = "/etc/wanctl/secrets"

const maxSecrets = 1 << 16

var assignment = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)=(.*)$`)

// ReadSecrets reads the variables of a file in the format of systemd's EnvironmentFile:
// lines NAME=VALUE, where the value may have quotes. Lines that begin with # or ; are
// comments. With optional, a file that does not exist, or that the user may not read,
// has none. open reports whether everyone may read it. An error is an *Error, quotes no
// line, and comes with the variables of the good lines.
func ReadSecrets(path string, optional bool) (variables map[string]string, open bool, err error) {
	f, err := regfile.Open(path)
	if optional && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, ErrorAt(path, "", "cannot be read: "+schema.Cause(err))
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(f, maxSecrets+1))
	switch {
	case err != nil:
		return nil, false, ErrorAt(path, "", "cannot be read: "+schema.Cause(err))
	case len(text) > maxSecrets:
		return nil, false, ErrorAt(path, "", fmt.Sprintf("is larger than %d bytes: this is no file of secrets", maxSecrets))
	}
	variables = map[string]string{}
	var bad Error
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		m := assignment.FindStringSubmatch(line)
		if m == nil {
			bad.Problems = append(bad.Problems, Problem{File: path, Line: number, Text: "is not NAME=VALUE"})
			continue
		}
		variables[m[1]] = unquote(m[2])
	}
	info, err := f.Stat()
	open = err == nil && info.Mode().Perm()&0o004 != 0
	if bad.Problems != nil {
		return variables, open, &bad
	}
	return variables, open, nil
}

// unsetAdvice returns what to do about a variable that neither the environment nor the
// file of secrets has.
func (o Options) unsetAdvice(name string) string {
	_, sudo := o.lookup("SUDO_USER")
	return unsetAdvice(name, cmp.Or(o.Secrets, SecretsFile), sudo)
}

func unsetAdvice(name, secrets string, sudo bool) string {
	f, err := os.Open(secrets)
	if err == nil {
		_ = f.Close() // only read
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("; %s may have it, but this user may not read that: use sudo, or export it", secrets)
	case sudo:
		return fmt.Sprintf("; sudo drops the environment: use 'sudo --preserve-env=%s', or write %[1]s=... into %s", name, secrets)
	}
	return fmt.Sprintf("; write %s=... into %s, or export it", name, secrets)
}

// unquote removes the quotes of a value: nothing is special between single ones, and a
// backslash makes the next character ordinary elsewhere.
func unquote(s string) string {
	var out strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote && quote != 0:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			if quote == '"' && !strings.ContainsRune("\"\\`$", rune(s[i])) {
				out.WriteByte(c)
			}
			out.WriteByte(s[i])
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
