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
	var err error
	asNobody(func() { err = CheckDir(dir) })
	if err == nil || !strings.Contains(err.Error(), dir+": permission denied; use sudo") {
		t.Error(err)
	}
}

// A variable that is not set may be in a file that the user may not read.
func TestUnsetAdvice(t *testing.T) {
	dir := t.TempDir()
	secrets := filepath.Join(dir, "secrets")
	if err := os.WriteFile(secrets, nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // another user goes through it
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // as above
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, secrets string
		sudo          bool
		want          string
	}{
		{"unreadable", secrets, false, secrets + " may have it, but this user may not read that: use sudo"},
		{"absent", filepath.Join(dir, "none"), false, "; write NAME=... into "},
		{"lost by sudo", filepath.Join(dir, "none"), true, "; sudo drops the environment: use 'sudo --preserve-env=NAME'"},
	} {
		var got string
		asNobody(func() { got = unsetAdvice("NAME", tt.secrets, tt.sudo) })
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

// asNobody runs f with the file permissions of an ordinary user.
func asNobody(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with this goroutine, and its user with it
		if os.Getuid() == 0 {
			_ = syscall.Setfsuid(65534)
		}
		f()
	}()
	<-done
}
