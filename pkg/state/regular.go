package state

import (
	"errors"
	"os"
	"syscall"
)

// readNow are the flags of opening a file to read. O_NONBLOCK is for what took the
// place of a regular file after the check.
const readNow = os.O_RDONLY | syscall.O_NONBLOCK

// checkRegular returns errNotRegular for anything but a regular file, before it is
// opened: opening a pipe waits for its other end, and opening a device may act on it.
func checkRegular(path string) error {
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		return errNotRegular
	}
	return err
}

// openRegular opens a regular file to read.
func openRegular(path string) (*os.File, error) {
	if err := checkRegular(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, readNow, 0)
	if err != nil {
		return nil, err
	}
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(errNotRegular, f.Close())
	}
	return f, nil
}
