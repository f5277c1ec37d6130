package state

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

var (
	// ErrLocked: another live process holds the lock.
	ErrLocked = errors.New("another instance is running")
	// ErrDamaged: a state file is there, but what it holds cannot be used.
	ErrDamaged = errors.New("damaged")
	// ErrBusy: another process kept a state file locked for too long.
	ErrBusy = errors.New("locked by another process")
)

// damagef is an ErrDamaged with its reason.
func damagef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// explain names what was being done to path and, where there is one, the way
// out. key is the configuration key that chooses path.
func explain(doing, path, key string, err error) error {
	dir := filepath.Dir(path)
	hint := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		hint = fmt.Sprintf("; see what fills the disk: df -h %s", dir)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("; let this user write there (chown or chmod %s), or set %s to a path it may write", dir, key)
	case errors.Is(err, syscall.ENOTDIR):
		hint = fmt.Sprintf("; a part of that path is a file, set %s to another path", key)
	}
	// The errors of package os repeat the path, which stands here already.
	var inPath *fs.PathError
	if errors.As(err, &inPath) {
		err = inPath.Err
	}
	return fmt.Errorf("%s %s: %w%s", doing, path, err, hint)
}
