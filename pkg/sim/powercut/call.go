//go:build amd64 || arm64

package powercut

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// call is a system call of the program.
type call struct {
	*tracer
	pid    int
	number uint64
	args   [6]uint64

	paths  [2]string // absolute, where the call has them
	data   []byte
	former os.FileInfo // what has the name that is opened
}

// begin reads what is not there any more when the call has ended.
func (c *call) begin() (err error) {
	switch c.number {
	case unix.SYS_OPENAT, unix.SYS_UNLINKAT, unix.SYS_MKDIRAT:
		if c.paths[0], err = c.path(c.args[0], c.args[1]); err != nil {
			return err
		}
		c.former, _ = os.Lstat(c.paths[0])
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT:
		if c.paths[0], err = c.path(c.args[0], c.args[1]); err == nil {
			c.paths[1], err = c.path(c.args[2], c.args[3])
		}
	case unix.SYS_SYMLINKAT:
		c.paths[0], err = c.path(c.args[1], c.args[2])
	case unix.SYS_TRUNCATE:
		c.paths[0], err = c.path(atCWD, c.args[0])
	case unix.SYS_WRITE, unix.SYS_PWRITE64:
		if c.isOurs(c.args[0]) || c.number == unix.SYS_WRITE && c.args[0] == 1 {
			c.data, err = memory(c.pid, c.args[1], c.args[2])
		}
	case unix.SYS_WRITEV:
		if c.isOurs(c.args[0]) {
			c.data, err = vectors(c.pid, c.args[1], c.args[2])
		}
	}
	return err
}

// atCWD is AT_FDCWD as an argument.
const atCWD = uint64(0xffffffffffffff9c)

// path returns the absolute path of a name relative to a directory.
func (c *call) path(dir, name uint64) (string, error) {
	p, err := text(c.pid, name)
	if err != nil || filepath.IsAbs(p) {
		return filepath.Clean(p), err
	}
	base := fmt.Sprintf("/proc/%d/cwd", c.pid)
	if int32(dir) != unix.AT_FDCWD { //nolint:gosec // as the kernel reads it
		base = c.fd(dir)
	}
	at, err := os.Readlink(base)
	return filepath.Join(at, p), err
}

func (c *call) fd(n uint64) string { return fmt.Sprintf("/proc/%d/fd/%d", c.pid, n) }

func (c *call) isOurs(fd uint64) bool {
	target, err := os.Readlink(c.fd(fd))
	return err == nil && c.isBelow(target)
}

func (c *call) isBelow(path string) bool {
	return path == c.recording.dir || strings.HasPrefix(path, c.recording.dir+"/")
}

// end records what the call has done.
func (c *call) end(result int64) error {
	switch c.number {
	case unix.SYS_OPENAT:
		return c.opened(c.fd(uint64(result))) //nolint:gosec // not negative
	case unix.SYS_WRITE, unix.SYS_PWRITE64, unix.SYS_WRITEV:
		return c.wrote(result)
	case unix.SYS_FTRUNCATE:
		return c.onFile(func(f file) { c.add(op{kind: truncated, file: f, at: int64(c.args[1])}) }) //nolint:gosec // a size
	case unix.SYS_FSYNC, unix.SYS_FDATASYNC:
		return c.onFile(func(f file) { c.add(op{kind: synced, file: f}) })
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		if c.isBelow(c.paths[0]) != c.isBelow(c.paths[1]) {
			return fmt.Errorf("renamed into or out of the recorded directory: %s, %s", c.paths[0], c.paths[1])
		}
		return c.named(op{kind: renamed, path: c.paths[0], to: c.paths[1]}, c.args[4] == 0 || c.number == unix.SYS_RENAMEAT)
	case unix.SYS_LINKAT:
		return c.named(op{kind: linked, path: c.paths[0], to: c.paths[1]}, true)
	case unix.SYS_UNLINKAT:
		return c.named(op{kind: removed, path: c.paths[0]}, true)
	case unix.SYS_MKDIRAT:
		return c.named(op{kind: made, path: c.paths[0]}, true)
	case unix.SYS_TRUNCATE:
		st, err := os.Stat(c.paths[0])
		if err != nil || !c.isBelow(c.paths[0]) {
			return nil //nolint:nilerr // removed since
		}
		c.add(op{kind: truncated, file: c.files[inode(st)], at: int64(c.args[1])}) //nolint:gosec // a size
	case unix.SYS_SYMLINKAT:
		return c.named(op{path: c.paths[0]}, false)
	case unix.SYS_PWRITEV, unix.SYS_PWRITEV2, unix.SYS_FALLOCATE, unix.SYS_SENDFILE:
		return c.onFile(nil)
	case unix.SYS_SPLICE, unix.SYS_COPY_FILE_RANGE:
		c.args[0] = c.args[2]
		return c.onFile(nil)
	case unix.SYS_MMAP:
		if c.args[2]&unix.PROT_WRITE != 0 && c.args[3]&unix.MAP_SHARED != 0 {
			c.args[0] = c.args[4]
			return c.onFile(nil)
		}
	}
	return nil
}

// named records a change of names below the directory.
func (c *call) named(o op, known bool) error {
	switch {
	case !c.isBelow(o.path):
		return nil
	case !known:
		return c.unknown(o.path)
	}
	c.add(o)
	return nil
}

func (c *call) unknown(path string) error {
	return fmt.Errorf("system call %d on %s cannot be recorded", c.number, path)
}

// onFile calls record with the file, or directory, that the first argument is open on.
// A call that cannot be recorded has none.
func (c *call) onFile(record func(file)) error {
	if !c.isOurs(c.args[0]) {
		return nil
	}
	if record == nil {
		return c.unknown(c.fd(c.args[0]))
	}
	st, err := os.Stat(c.fd(c.args[0]))
	if err != nil {
		return err
	}
	if st.IsDir() {
		path, err := os.Readlink(c.fd(c.args[0]))
		if err == nil {
			c.add(op{kind: syncedDir, path: path})
		}
		return err
	}
	record(c.files[inode(st)])
	return nil
}

// opened records that a file was made or emptied.
func (c *call) opened(fd string) error {
	flags := c.args[2]
	if !c.isBelow(c.paths[0]) {
		return nil
	}
	st, err := os.Stat(fd)
	switch {
	case err != nil || !st.Mode().IsRegular():
		return err
	case flags&unix.O_TMPFILE == unix.O_TMPFILE:
		return c.unknown(c.paths[0])
	case c.former == nil && flags&unix.O_CREAT != 0:
		c.last++
		c.files[inode(st)] = c.last
		c.add(op{kind: created, path: c.paths[0], file: c.last})
	case flags&unix.O_TRUNC != 0 && c.former != nil && c.former.Size() > 0:
		c.add(op{kind: truncated, file: c.files[inode(st)]})
	}
	return nil
}

// wrote records what was written to a file, and to standard output.
func (c *call) wrote(n int64) error {
	if c.data == nil || n == 0 {
		return nil
	}
	data := c.data[:n]
	if !c.isOurs(c.args[0]) {
		c.add(op{kind: printed, data: data})
		return nil
	}
	at := int64(c.args[3]) //nolint:gosec // an offset
	if c.number != unix.SYS_PWRITE64 {
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", c.pid, c.args[0]))
		if err != nil {
			return err
		}
		if _, err := fmt.Sscanf(string(info), "pos: %d", &at); err != nil {
			return err
		}
		at -= n
	}
	return c.onFile(func(f file) { c.add(op{kind: written, file: f, at: at, data: data}) })
}

func (c *call) add(o op) { c.recording.ops = append(c.recording.ops, o) }

func inode(st os.FileInfo) uint64 { return st.Sys().(*syscall.Stat_t).Ino }
