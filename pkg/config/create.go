package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/wanctl/wanctl/pkg/regfile"
)

// Create writes a new configuration. What is at path stays as backup, the first free of
// FILE.backup, FILE.backup.2 and so on; "" where there was nothing. A reader sees the old
// text or the new one. The file is open to the group of its directory, which the package
// gives to the service, and to nobody else.
func Create(path string, text []byte) (backup string, err error) {
	return create(path, text, func(dir fs.FileInfo) fs.FileMode {
		if group(dir) == 0 && dir.Mode().Perm()&0o005 == 0o005 {
			return 0o644 // nobody has given the directory to the service
		}
		return 0o640
	})
}

func create(path string, text []byte, mode func(dir fs.FileInfo) fs.FileMode) (backup string, err error) {
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	switch info, old, err := readRegular(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("%s: %w", path, err)
	default:
		if backup, err = backUp(path, old, info); err != nil {
			return "", err
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return backup, err
	}
	_ = tmp.Chown(-1, group(dir)) // an ordinary user has one group, and reads the file by himself
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(mode(dir)), tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return backup, errors.Join(err, os.Remove(tmp.Name()))
	}
	return backup, nil
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
// missing. Other lines stay. It returns where the old text is, "" where there was none.
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
	return create(path, []byte(strings.Join(lines, "\n")+"\n"), func(fs.FileInfo) fs.FileMode { return 0o600 })
}

// WritePassword writes a file that holds a password and nothing else, for
// router.password_file, of mode 0600.
func WritePassword(path, password string) (backup string, err error) {
	return create(path, []byte(password+"\n"), func(fs.FileInfo) fs.FileMode { return 0o600 })
}
