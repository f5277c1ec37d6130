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

// OpenRegular opens a regular file. A pipe would wait for its writer, and a device may
// have no end.
func OpenRegular(path string) (*os.File, error) {
	info, err := os.Stat(path) // opening a device may do something
	if err == nil {
		err = checkRegular(info)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil { // it may be another one by now
		if err = checkRegular(info); err == nil {
			return f, nil
		}
	}
	_ = f.Close() // nothing was written
	return nil, err
}

func checkRegular(info os.FileInfo) error {
	switch {
	case info.IsDir():
		return errDirectory
	case !info.Mode().IsRegular():
		return errNotRegular
	}
	return nil
}

// readSecret reads the file that holds one secret, without the line break at its end,
// and reports whether everyone may read it.
func readSecret(path string) (secret string, open bool, err error) {
	f, err := OpenRegular(path)
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
