package state

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/wanctl/wanctl/pkg/regfile"
)

var (
	// ErrLocked: another live process holds the lock.
	ErrLocked = errors.New("another instance is running")
	// ErrDamaged: a state file is there, but what it holds cannot be used.
	ErrDamaged = errors.New("damaged")
	// ErrBusy: another process kept a state file locked for too long.
	ErrBusy = errors.New("locked by another process")

	errOtherKind = errors.New("not the state that belongs there")
)

// damagef is an ErrDamaged with its reason.
func damagef(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// damageOf is ErrDamaged with the first of the invalid values and how many more
// there are; nil for none.
func damageOf(invalid []Invalid) error {
	switch n := len(invalid) - 1; {
	case n < 0:
		return nil
	case n > 0:
		return damagef("%s (and %d more)", invalid[0], n)
	}
	return damagef("%s", invalid[0])
}

// Reason is the text of an ErrDamaged without the word "damaged".
func Reason(err error) string { return strings.TrimPrefix(err.Error(), ErrDamaged.Error()+": ") }

// withHint says what was being done to path and, where there is one, what to do
// about err. key is the configuration key that names path.
func withHint(doing, path, key string, err error) error {
	dir := filepath.Dir(path)
	hint := ""
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		hint = fmt.Sprintf("; see what fills the disk: df -h %s", dir)
	case errors.Is(err, fs.ErrPermission) && strings.HasPrefix(doing, "reading"):
		hint = fmt.Sprintf("; run this as root or as the owner: ls -l %s", Quote(path))
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("; let this user write there (chown or chmod %s), or set %s to a path it may write", dir, key)
	case errors.Is(err, regfile.ErrNotRegular):
		hint = fmt.Sprintf("; move it out of the way (mv %s %[1]s.old), or set %s to another path", Quote(path), key)
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(doing, "creating"):
		hint = fmt.Sprintf("; nothing can be made there, set %s to another path", key)
	case errors.Is(err, syscall.ENOTDIR):
		hint = fmt.Sprintf("; a part of that path is a file, set %s to another path", key)
	}
	return fmt.Errorf("%s %s: %w%s", doing, path, withoutPath(err), hint)
}

// withoutPath removes the path from an error of package os.
func withoutPath(err error) error {
	var inPath *fs.PathError
	if errors.As(err, &inPath) {
		return inPath.Err
	}
	return err
}

// Quote quotes path for a shell, for commands that users type.
func Quote(path string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("/._-+,:@%=", r)
	}
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
