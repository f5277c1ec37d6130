//go:build amd64 || arm64

package powercut

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The test binary is also the program that is recorded.
const programEnv = "POWERCUT_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if name := os.Getenv(programEnv); name != "" {
		if err := programs[name](os.Getenv("DIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writeFile writes a new file, with an fsync where it is to be.
func writeFile(path, text string, fsync bool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if fsync {
		err = errors.Join(err, f.Sync())
	}
	return errors.Join(err, f.Close())
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

var programs = map[string]func(dir string) error{
	"nothing synced": func(dir string) error {
		return writeFile(filepath.Join(dir, "a"), "abcd", false)
	},
	"synced without its directory": func(dir string) error {
		return writeFile(filepath.Join(dir, "a"), "abcd", true)
	},
	"renamed without fsync": func(dir string) error {
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		return errors.Join(writeFile(a, "old!", true), syncDir(dir), writeFile(b, "new!", false), os.Rename(b, a))
	},
	"replaced as it should be": func(dir string) error {
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		err := errors.Join(writeFile(a, "old!", true), syncDir(dir))
		fmt.Println("old")
		err = errors.Join(err, writeFile(b, "new!", true), os.Rename(b, a), syncDir(dir))
		fmt.Println("new")
		return err
	},
	"appended": func(dir string) error {
		path := filepath.Join(dir, "log")
		err := errors.Join(writeFile(path, "1\n", true), syncDir(dir))
		f, openErr := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		err = errors.Join(err, openErr)
		for _, line := range []string{"2\n", "3\n"} {
			_, writeErr := f.WriteString(line)
			err = errors.Join(err, writeErr, f.Sync())
		}
		return err
	},
	"emptied and written in place": func(dir string) error {
		path := filepath.Join(dir, "a")
		return errors.Join(writeFile(path, "old", true), syncDir(dir), writeFile(path, "n", true), os.Truncate(path, 0))
	},
	"linked, renamed and removed": func(dir string) error {
		a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
		return errors.Join(writeFile(a, "x", true), os.Link(a, b), syncDir(dir), os.Rename(a, b), os.Rename(a, c), os.Remove(b))
	},
	"in a new directory": func(dir string) error {
		sub := filepath.Join(dir, "sub")
		return errors.Join(os.Mkdir(sub, 0o700), writeFile(filepath.Join(sub, "a"), "x", true), syncDir(sub))
	},
	"a link that is symbolic": func(dir string) error { return os.Symlink("x", filepath.Join(dir, "a")) },
	"fails":                   func(string) error { return errors.New("this one fails") },
}

func record(t *testing.T, program string) (*Recording, error) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), programEnv+"="+program, "DIR="+dir)
	r, err := Record(cmd, dir)
	if errors.Is(err, ErrNotPermitted) {
		t.Skip(err)
	}
	return r, err
}

// Each program leaves just the disks that are possible, written as "name=content ...".
func TestCuts(t *testing.T) {
	for program, want := range map[string][]string{
		"nothing synced":               {"", "a=", "a=ab", "a=abcd", `a=\x00\x00\x00\x00`},
		"synced without its directory": {"", "a=", "a=ab", "a=abcd", `a=\x00\x00\x00\x00`},
		"renamed without fsync": {
			"", "a=", "a=ol", "a=old!", `a=\x00\x00\x00\x00`, "a=old! b=", "a=old! b=ne", "a=old! b=new!", `a=old! b=\x00\x00\x00\x00`,
			"a=ne", "a=new!",
		},
		"replaced as it should be": {
			"", "a=", "a=ol", "a=old!", `a=\x00\x00\x00\x00`, "a=old! old", "a=old! b= old", "a=old! b=ne old", "a=old! b=new! old",
			`a=old! b=\x00\x00\x00\x00 old`, "a=new! old", "a=new! old new",
		},
		"appended": {
			"", "log=", "log=1", `log=1\n`, `log=\x00\x00`, `log=1\n2`, `log=1\n2\n`, `log=1\n\x00\x00`,
			`log=1\n2\n3`, `log=1\n2\n3\n`, `log=1\n2\n\x00\x00`,
		},
		"emptied and written in place": {"", "a=", "a=o", "a=old", `a=\x00\x00\x00`, "a=n", "a=nld"},
		"linked, renamed and removed": {
			"", "a=", "a=x", "b=x", "a=x b=x", "c=x", "b=x c=x",
		},
		"in a new directory": {"", "sub/", "sub/ sub/a=x", "sub/ sub/a="},
	} {
		t.Run(program, func(t *testing.T) {
			r, err := record(t, program)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			if _, err := r.Cuts(t.TempDir(), 1000, func(d Disk) error {
				got[describe(t, d)] = true
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// describe returns the files of a disk and what had been printed.
func describe(t *testing.T, d Disk) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(d.Dir, func(path string, e os.DirEntry, err error) error {
		name, _ := filepath.Rel(d.Dir, path)
		switch {
		case err != nil || path == d.Dir:
			return err
		case e.IsDir():
			all = append(all, name+"/")
			return nil
		}
		text, err := os.ReadFile(path)
		quoted := fmt.Sprintf("%q", text)
		all = append(all, name+"="+quoted[1:len(quoted)-1])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(all, strings.Fields(d.Printed)...), " ")
}

// What cannot be recorded, and a program that fails, are errors.
func TestRecordErrors(t *testing.T) {
	for program, want := range map[string]string{
		"a link that is symbolic": "cannot be recorded",
		"fails":                   "this one fails",
	} {
		if _, err := record(t, program); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", program, err)
		}
	}
}

// The error of a check says which operations came before.
func TestCutsError(t *testing.T) {
	r, err := record(t, "renamed without fsync")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Cuts(t.TempDir(), 1000, func(d Disk) error {
		if text, err := os.ReadFile(filepath.Join(d.Dir, "a")); err == nil && string(text) == "ne" {
			return errors.New("half a file")
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "half a file") || !strings.Contains(err.Error(), "rename") {
		t.Error(err)
	}
}
