package config

import (
	"errors"
	"io"
	"strings"

	"github.com/wanctl/wanctl/pkg/config/schema"
	"github.com/wanctl/wanctl/pkg/regfile"
)

// readSecret reads the file that holds one secret, without the line break at its end,
// and reports whether everyone may read it.
func readSecret(path string) (secret string, open bool, err error) {
	f, err := regfile.Open(path)
	if err != nil {
		return "", false, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return "", false, err
	}
	text, err := io.ReadAll(io.LimitReader(f, 1<<12))
	if err != nil {
		return "", false, err
	}
	secret = strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if secret == "" {
		return "", false, errors.New("is empty")
	}
	return secret, info.Mode().Perm()&0o004 != 0, schema.CheckSecret(secret)
}
