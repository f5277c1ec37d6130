package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// makeDir makes the directory at path, and those above it, such that a power cut does
// not take it away.
func makeDir(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(path, 0o755) // there, or says why it cannot be
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeDir(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}

// syncDir makes the names in the directory at path durable. Where a file system knows
// no sync of directories, or this user may not open them, that is left to the system.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return nil //nolint:nilerr // the names are there, and will be written
	}
	defer func() { _ = dir.Close() }()
	if err := dir.Sync(); !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
