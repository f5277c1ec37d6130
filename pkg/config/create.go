package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// serviceGroup is the group of the services, which read the configurations.
const serviceGroup = "wanctl"

// MakeDir makes a directory for configurations where there is none: open to the group of
// the services, or to all users if this host has no such group or the user may not
// use it. Passwords have files of their own.
func MakeDir(dir string) error { return makeDir(dir, user.LookupGroup) }

func makeDir(dir string, lookup func(string) (*user.Group, error)) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if g, err := lookup(serviceGroup); err == nil {
		if id, err := strconv.Atoi(g.Gid); err == nil && os.Chown(dir, -1, id) == nil {
			return os.Chmod(dir, 0o750)
		}
	}
	return os.Chmod(dir, 0o755) // whatever the umask is
}

// Create writes a configuration. What is at path, or where a link there leads to, stays
// as backup, the first free of FILE.backup, FILE.backup.2 and so on; "" where there was
// nothing. A reader sees the old text or the new one. A file that is replaced keeps its
// owner and mode. A new one is open to the group of its directory, which the package
// assigns to the service, and to no other user.
func Create(path string, text []byte) (backup string, err error) {
	return create(path, text, 0o777, func(dir fs.FileInfo) fs.FileMode {
		if group(dir) == 0 && dir.Mode().Perm()&0o005 == 0o005 {
			return 0o644 // the directory is not the service's
		}
		return 0o640
	})
}

// create writes a file. most limits the mode of one that is replaced, and of its backup;
// mode returns that of a new one.
func create(path string, text []byte, most fs.FileMode, mode func(dir fs.FileInfo) fs.FileMode) (backup string, err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the file is replaced, not the link to it
	} else if st, err := os.Lstat(path); err == nil && st.Mode()&fs.ModeSymlink != 0 {
		return "", fmt.Errorf("%s is a link that leads to no file; remove it, or make the file", path)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	info, old, err := readRegular(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("%s: %w", path, err)
	default:
		perm := info.Mode().Perm() & most
		if backup, err = backUp(path, old, info, perm); err != nil {
			return "", err
		}
		return backup, replace(path, text, func(tmp *os.File) error { return like(tmp, info, perm) })
	}
	return "", replace(path, text, func(tmp *os.File) error {
		_ = tmp.Chown(-1, group(dir)) // an ordinary user has one group, and reads the file by himself
		return tmp.Chmod(mode(dir))
	})
}

// replace puts a file with the text at path at once; access sets its owner and mode. Once
// it returns, no power cut undoes it.
func replace(path string, text []byte, access func(*os.File) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	if err = fill(tmp, text, access); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return regfile.SyncDir(filepath.Dir(path))
}

// fill writes text to a new file, sets its owner and mode, and closes it.
func fill(f *os.File, text []byte, access func(*os.File) error) error {
	_, err := f.Write(text)
	if err == nil {
		err = access(f)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func readRegular(path string) (os.FileInfo, []byte, error) {
	f, err := regfile.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	text, err := io.ReadAll(f)
	return info, text, err
}

// group returns the group of a file.
func group(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Gid)
	}
	return -1
}

// SetSecret sets a variable in a file of secrets, of mode 0600, which is made where it is
// missing; a link to it stays. Other lines stay. It returns where the old text is, ""
// where there was none.
func SetSecret(path, name, value string) (backup string, err error) {
	line := name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`).Replace(value) + `"`
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var lines []string
	set := false
	for old := range strings.Lines(string(text)) {
		old = strings.TrimRight(old, "\n")
		if m := assignment.FindStringSubmatch(strings.TrimSpace(old)); m != nil && m[1] == name {
			old, set = line, true
		}
		lines = append(lines, old)
	}
	if !set {
		lines = append(lines, line)
	}
	return create(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600, func(fs.FileInfo) fs.FileMode { return 0o600 })
}

// WritePassword writes a file that holds a password and nothing else, for
// router.password_file, of mode 0600.
func WritePassword(path, password string) (backup string, err error) {
	return create(path, []byte(password+"\n"), 0o600, func(fs.FileInfo) fs.FileMode { return 0o600 })
}
