package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// A directory that the user may not list is not an empty one.
func TestCheckDir(t *testing.T) {
	dir := t.TempDir()
	for _, readable := range []string{dir, filepath.Join(dir, "none")} {
		if err := CheckDir(readable); err != nil {
			t.Errorf("%s: %v", readable, err)
		}
	}
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	got := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with this goroutine, and its user with it
		if os.Getuid() == 0 {
			_ = syscall.Setfsuid(65534)
		}
		got <- CheckDir(dir)
	}()
	if err := <-got; err == nil || !strings.Contains(err.Error(), dir+": permission denied; use sudo") {
		t.Error(err)
	}
}
