package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const fileSteps = `write PATH TEXT     a file with the text, in the place of what is there
remove PATH         file or directory
fifo PATH           a pipe in the place of the file
dir PATH            a directory in its place
link PATH TARGET    a symbolic link in its place
truncate PATH SIZE  the first bytes of the file
chmod PATH MODE     octal
flip PATH OFFSET    the bits of one byte are inverted
date PATH DURATION  its time of modification and the times in it, as if the clock had been off by that`

// fileStep carries out a step about a file; false for another one.
func (r *run) fileStep(_ context.Context, verb, rest string) (bool, error) {
	name, rest, _ := strings.Cut(rest, " ")
	path := r.path(name)
	replace := func(what func() error) (bool, error) { return true, errors.Join(os.RemoveAll(path), what()) }
	switch verb {
	case "remove":
		return true, os.RemoveAll(path)
	case "write":
		return replace(func() error { return os.WriteFile(path, []byte(rest), 0o600) })
	case "fifo":
		return replace(func() error { return unix.Mkfifo(path, 0o600) })
	case "dir":
		return replace(func() error { return os.MkdirAll(path, 0o755) })
	case "link":
		return replace(func() error { return os.Symlink(rest, path) })
	case "truncate":
		size, err := strconv.ParseInt(rest, 10, 64)
		return true, errors.Join(err, os.Truncate(path, size))
	case "chmod":
		mode, err := strconv.ParseUint(rest, 8, 32)
		return true, errors.Join(err, os.Chmod(path, os.FileMode(mode)))
	case "flip":
		return true, flip(path, rest)
	case "date":
		return true, date(path, rest)
	}
	return false, nil
}

// flip inverts one byte of a file.
func flip(path, offset string) error {
	n, err := strconv.Atoi(offset)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n >= len(text) {
		return fmt.Errorf("the file has %d bytes", len(text))
	}
	text[n] ^= 0xff
	return os.WriteFile(path, text, 0o600)
}

var timeText = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`)

// date moves the times of a file and those in it.
func date(path, by string) error {
	d, err := time.ParseDuration(by)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text = timeText.ReplaceAllFunc(text, func(old []byte) []byte {
		t, err := time.Parse("2006-01-02T15:04:05", string(old))
		if err != nil {
			return old
		}
		return t.Add(d).AppendFormat(nil, "2006-01-02T15:04:05")
	})
	at := time.Now().Add(d)
	return errors.Join(os.WriteFile(path, text, 0o600), os.Chtimes(path, at, at))
}

// fullPipe returns a pipe into which nothing more can be written.
func fullPipe() (read, write *os.File, err error) {
	if read, write, err = os.Pipe(); err != nil {
		return nil, nil, err
	}
	fd := int(write.Fd()) //nolint:gosec // a file descriptor
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, nil, err
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = unix.Write(fd, block)
	}
	if !errors.Is(err, syscall.EAGAIN) {
		return nil, nil, err
	}
	return read, write, unix.SetNonblock(fd, false)
}

// fullSocket returns a socket of datagrams whose queue is full and which nobody reads.
func fullSocket(path string) (*os.File, error) {
	_ = os.Remove(path)
	socket := func() (int, error) {
		return unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	}
	reader, err := socket()
	if err != nil {
		return nil, err
	}
	addr := &unix.SockaddrUnix{Name: path}
	if err := unix.Bind(reader, addr); err != nil {
		return nil, err
	}
	writer, err := socket()
	if err != nil {
		return nil, err
	}
	for err == nil {
		err = unix.Sendto(writer, []byte("STATUS=x"), 0, addr)
	}
	return os.NewFile(uintptr(reader), filepath.Base(path)), unix.Close(writer) //nolint:gosec // a file descriptor
}
