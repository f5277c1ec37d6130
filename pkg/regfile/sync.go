package regfile

import (
	"errors"
	"os"
	"syscall"
)

// SyncDir makes the names in the directory at path durable: a file that was made, renamed
// or removed there stays so after a power cut. Where a file system knows no sync of
// directories, or this user may not open them, that is left to the system.
func SyncDir(path string) error {
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
