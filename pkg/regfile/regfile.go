// Package regfile opens regular files: configuration, keys, certificates, state, locks and
// logs. Anything else is refused before it is opened, for opening a pipe waits for its
// other end, and opening a device may act on it or find no end. It owns no file, and never
// reads more than its caller allows. It also gives what root makes to the owner of the
// directory, and makes the names in a directory durable.
package regfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

var (
	// ErrNotRegular is the cause of a refusal: a pipe, a device, a socket, a directory.
	ErrNotRegular = errors.New("not a regular file")
	// ErrDirectory is the ErrNotRegular of a directory.
	ErrDirectory = fmt.Errorf("%w but a directory", ErrNotRegular)
	// ErrTooLarge is the cause when a file has more than its reader wants.
	ErrTooLarge = errors.New("too large")
)

// Check returns nil for a regular file and for a link to one. Errors are *fs.PathError.
func Check(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return check(path, info)
}

func check(path string, info fs.FileInfo) error {
	cause := ErrNotRegular
	switch {
	case info.Mode().IsRegular():
		return nil
	case info.IsDir():
		cause = ErrDirectory
	}
	return &fs.PathError{Op: "open", Path: path, Err: cause}
}

// Open is os.Open for regular files.
func Open(path string) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0) }

// OpenFile is os.OpenFile for regular files.
func OpenFile(path string, flag int, perm fs.FileMode) (*os.File, error) {
	if err := Check(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// O_NONBLOCK is for what took the place of a regular file after the check.
	f, err := os.OpenFile(path, flag|syscall.O_NONBLOCK, perm)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = check(path, info)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// Read is os.ReadFile for regular files of at most so many bytes.
func Read(path string, most int) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(text) > most {
		err = &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: more than %d bytes", ErrTooLarge, most)}
	}
	if err != nil {
		return nil, err
	}
	return text, nil
}
