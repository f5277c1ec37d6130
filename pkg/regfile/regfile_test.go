package regfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/wanctl/wanctl/pkg/regfile"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(in("file"), []byte("text"), 0o600),
		os.Symlink(in("file"), in("link")),
		os.Mkdir(in("directory"), 0o700),
		syscall.Mkfifo(in("pipe"), 0o600),
		os.Symlink(in("pipe"), in("link-to-pipe")),
		os.Symlink("/dev/zero", in("link-to-device")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]error{
		"file":           nil,
		"link":           nil,
		"absent":         fs.ErrNotExist,
		"directory":      regfile.ErrDirectory,
		"pipe":           regfile.ErrNotRegular,
		"link-to-pipe":   regfile.ErrNotRegular,
		"link-to-device": regfile.ErrNotRegular,
	} {
		text, err := regfile.Read(in(name), 4)
		if !errors.Is(err, want) || want == nil && string(text) != "text" {
			t.Errorf("Read(%s) = %q, %v, want %v", name, text, err, want)
		}
		var inPath *fs.PathError
		if err != nil && (!errors.As(err, &inPath) || inPath.Path != in(name)) {
			t.Errorf("Read(%s): %v names no path", name, err)
		}
		if err := regfile.Check(in(name)); !errors.Is(err, want) {
			t.Errorf("Check(%s) = %v, want %v", name, err, want)
		}
	}
	if !errors.Is(regfile.ErrDirectory, regfile.ErrNotRegular) {
		t.Error("a directory is taken for a regular file")
	}
	if text, err := regfile.Read(in("file"), 3); !errors.Is(err, regfile.ErrTooLarge) || text != nil {
		t.Errorf("Read of at most 3 bytes = %q, %v, want ErrTooLarge", text, err)
	}
	f, err := regfile.OpenFile(in("new"), os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if f, err := regfile.OpenFile(in("pipe"), os.O_APPEND|os.O_WRONLY, 0); !errors.Is(err, regfile.ErrNotRegular) {
		t.Errorf("OpenFile(pipe) = %v, %v", f, err)
	}
}

// TestSyncDir: what cannot be synced is left to the system, /proc for one.
func TestSyncDir(t *testing.T) {
	for _, dir := range []string{t.TempDir(), "/proc", filepath.Join(t.TempDir(), "missing")} {
		if err := regfile.SyncDir(dir); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
