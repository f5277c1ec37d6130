package config

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCreateKeepsWhatWasThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dsl.yaml")
	for i, want := range []string{"", path + ".backup", path + ".backup.2"} {
		backup, err := Create(path, []byte{'0' + byte(i)})
		if err != nil || backup != want {
			t.Fatalf("%q, %v; want %q", backup, err, want)
		}
	}
	for name, want := range map[string]string{path: "2", path + ".backup": "0", path + ".backup.2": "1"} {
		if got, err := os.ReadFile(name); string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 && st.Mode().Perm() != 0o644 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	if _, err := Create(filepath.Dir(path), nil); err == nil {
		t.Error("a directory was replaced")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// A secret is read back as it was given, whatever it is, and other lines stay.
func TestSetSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets")
	const before = "# of the units\nOTHER='x'\n"
	for _, value := range []string{"simple", `quo"te's`, `back\slash`, "$(id) `id` ${X}", " spaces ", "#no comment"} {
		if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := SetSecret(path, PasswordVariable, value); err != nil {
				t.Fatal(err)
			}
		}
		got, open, err := ReadSecrets(path, false)
		if err != nil || open {
			t.Fatalf("open %v, %v", open, err)
		}
		if diff := cmp.Diff(map[string]string{"OTHER": "x", PasswordVariable: value}, got); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
	}
}

// A file that is replaced keeps its place behind a link, its owner and its mode; of a
// secret nothing becomes readable to others, not even the backup.
func TestCreateKeepsLinkOwnerAndMode(t *testing.T) {
	for name, tt := range map[string]struct {
		write      func(path string) (string, error)
		have, want os.FileMode
	}{
		"configuration":        {func(path string) (string, error) { return Create(path, []byte("new")) }, 0o644, 0o644},
		"strict configuration": {func(path string) (string, error) { return Create(path, []byte("new")) }, 0o600, 0o600},
		"secrets":              {func(path string) (string, error) { return SetSecret(path, "A", "new") }, 0o644, 0o600},
		"strict secrets":       {func(path string) (string, error) { return SetSecret(path, "A", "new") }, 0o400, 0o400},
		"password":             {func(path string) (string, error) { return WritePassword(path, "new") }, 0o664, 0o600},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, link := filepath.Join(dir, "real"), filepath.Join(t.TempDir(), "link")
			if err := os.WriteFile(path, []byte("A=old\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			owner := os.Getuid()
			if owner == 0 {
				owner = 12345
			}
			for _, err := range []error{os.Chown(path, owner, -1), os.Chmod(path, tt.have), os.Symlink(path, link)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			backup, err := tt.write(link)
			if err != nil || backup != path+".backup" {
				t.Fatalf("backup %q, error %v", backup, err)
			}
			if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Error("the link was replaced")
			}
			for _, file := range []string{path, backup} {
				info, err := os.Lstat(file)
				if err != nil || info.Mode() != tt.want || info.Sys().(*syscall.Stat_t).Uid != uint32(owner) {
					t.Errorf("%s: %v of %d, %v", file, info.Mode(), info.Sys().(*syscall.Stat_t).Uid, err)
				}
			}
			if text, _ := os.ReadFile(path); !strings.Contains(string(text), "new") {
				t.Errorf("the file holds %q", text)
			}
		})
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("nowhere", link); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(link, nil); err == nil {
		t.Error("a link that leads to nothing was replaced")
	}
}

// The services can read what is made for them, with their group and without one.
func TestMakeDir(t *testing.T) {
	own := os.Getgid()
	if os.Getuid() == 0 {
		own = 12345
	}
	known := func(name string) (*user.Group, error) {
		if name != "wanctl" {
			t.Errorf("group %q", name)
		}
		return &user.Group{Gid: strconv.Itoa(own)}, nil
	}
	unknown := func(name string) (*user.Group, error) { return nil, user.UnknownGroupError(name) }
	for _, tt := range []struct {
		lookup    func(string) (*user.Group, error)
		dir, file os.FileMode
		gid       int
	}{{known, 0o750, 0o640, own}, {unknown, 0o755, 0o644, os.Getgid()}} {
		dir := filepath.Join(t.TempDir(), "made")
		if err := makeDir(dir, tt.lookup); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "dsl.yaml")
		if _, err := Create(path, nil); err != nil {
			t.Fatal(err)
		}
		if tt.gid != 0 {
			tt.file = 0o640 // the group of the directory reads it
		}
		for name, want := range map[string]os.FileMode{dir: tt.dir, path: tt.file} {
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want || group(info) != tt.gid {
				t.Errorf("%s: %v of group %d, %v", name, info.Mode(), group(info), err)
			}
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := makeDir(dir, tt.lookup); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("a directory that was there: %v, %v", info.Mode(), err)
		}
	}
}
