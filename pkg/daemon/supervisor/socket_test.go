package supervisor

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// askSocket asks once.
func askSocket(t *testing.T, path string) (string, error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}
	resp, err := client.Get("http://localhost/")
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text := make([]byte, 5)
	_, err = resp.Body.Read(text)
	if err != nil && err.Error() == "EOF" {
		err = nil
	}
	return string(text), err
}

// running starts s and returns what stops it and waits for its end.
func runningSocket(t *testing.T, s *SocketServer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	<-s.Ready()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// abandon leaves a socket as a killed process does.
func abandon(t *testing.T, path string) {
	t.Helper()
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("unix", path); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("not abandoned: %v", err)
	}
}

func TestSocketServes(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, path string){
		"nothing there":      func(*testing.T, string) {},
		"one of a dead loop": abandon,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "dsl.sock")
			before(t, path)
			var log lockedBuffer
			s := NewSocketServer("dsl", path, hello, log.logger(), slog.LevelWarn)
			stop := runningSocket(t, s)
			if got, err := askSocket(t, path); got != "hello" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			st, err := os.Stat(path)
			if err != nil || st.Mode().Perm() != 0o666 {
				t.Errorf("%v, %v", st.Mode(), err)
			}
			stop()
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is still there: %v", err)
			}
			if log.String() != "" || s.String() != "dsl socket" {
				t.Errorf("%s: %s", s, log.String())
			}
		})
	}
}

func TestSocketThatCannotBeCreated(t *testing.T) {
	long := strings.Repeat("x", socketMax)
	for _, c := range []struct {
		name   string
		before func(t *testing.T, dir string) (path string)
		want   []string
		stays  bool
	}{
		{"somebody answers", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "s")
			other := NewSocketServer("other", path, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("other")) }), nil, 0)
			runningSocket(t, other)
			return path
		}, []string{"another process answers there", "ss -xlp src"}, true},
		{"a regular file", func(t *testing.T, dir string) string {
			path := filepath.Join(dir, "s")
			if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, []string{"is no socket", "ls -l"}, true},
		{"a long path", func(_ *testing.T, dir string) string { return filepath.Join(dir, long) }, []string{"longer than the", "lock_file"}, false},
		{"no directory", func(_ *testing.T, dir string) string { return filepath.Join(dir, "none", "s") }, []string{"no such file or directory", "create "}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := c.before(t, t.TempDir())
			before, _ := os.Lstat(path)
			var log lockedBuffer
			s := NewSocketServer("dsl", path, hello, log.logger(), slog.LevelWarn)
			runningSocket(t, s)() // it is ready, and ends in order
			for _, want := range append(c.want, "level=WARN") {
				if !strings.Contains(log.String(), want) {
					t.Errorf("log lacks %q: %s", want, log.String())
				}
			}
			after, err := os.Lstat(path)
			if (err == nil) != c.stays || c.stays && !os.SameFile(before, after) {
				t.Errorf("before %v, after %v, %v", before, after, err)
			}
			if c.name == "somebody answers" {
				if got, err := askSocket(t, path); got != "other" || err != nil {
					t.Errorf("the other one: %q, %v", got, err)
				}
			}
		})
	}
}

// A path of exactly the allowed length works, one byte more is told.
func TestLongestSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("x", socketMax-len(dir)-1))
	ln, err := listenSocket(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if _, err := listenSocket(t.Context(), path+"x"); !errors.Is(err, errSocketName) {
		t.Errorf("one byte more: %v", err)
	}
}

// A socket that somebody removes comes back; one that somebody replaced is his.
func TestSocketGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	var log lockedBuffer
	s := NewSocketServer("dsl", path, hello, log.logger(), slog.LevelWarn)
	s.look = time.Millisecond
	stop := runningSocket(t, s)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if got, err := askSocket(t, path); err == nil && got == "hello" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not come back: %s", log.String())
		}
	}
	if !strings.Contains(log.String(), "somebody has removed or replaced it") {
		t.Errorf("log: %s", log.String())
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the file of somebody else was removed: %v", err)
	}
}
