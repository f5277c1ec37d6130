package config

import (
	"errors"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/wanctl/wanctl/pkg/config/schema"
)

var (
	errDirectory  = errors.New("is a directory")
	errNotRegular = errors.New("is not a regular file")
)

// openRegular opens a regular file. A pipe would wait for its writer, and a device may
// have no end.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = errDirectory
	case !info.Mode().IsRegular():
		err = errNotRegular
	default:
		return f, nil
	}
	_ = f.Close() // nothing was written
	return nil, err
}

// readSecret reads the file that holds one secret, without the line break at its end,
// and reports whether everyone may read it.
func readSecret(path string) (secret string, open bool, err error) {
	f, err := openRegular(path)
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
