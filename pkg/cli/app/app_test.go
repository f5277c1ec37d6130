package app

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"github.com/wanctl/wanctl/pkg/cli/output"
)

// stuck is a pipe that nobody reads until it is opened.
type stuck struct{ open chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.open
	return len(p), nil
}

// Warnings and errors do not wait for ever for a reader of standard error.
func TestNoticesDoNotWaitForAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stuck{make(chan struct{})}
		a := &App{Streams: output.Streams{Err: s}}
		start := time.Now()
		for range 100 {
			a.Warnf("a key has no effect")
		}
		a.PrintError(&cobra.Command{}, errors.New("no"))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		close(s.open)
	})
}

// What is wrong with the file of secrets that was not asked for takes no command down.
func TestOptionalSecrets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secrets")
	if err := os.WriteFile(path, []byte("export hunter2\nROUTER_PASSWORD=good\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	unset := func(string) (string, bool) { return "", false }
	for _, tt := range []struct {
		path, warning, password string
	}{
		{path, path + ":1: is not NAME=VALUE", "good"},
		{dir, dir + ": cannot be read: not a regular file but a directory", ""},
		{filepath.Join(dir, "absent"), "", ""},
	} {
		var stderr bytes.Buffer
		a := &App{Streams: output.Streams{Err: &stderr}, Global: GlobalFlags{Secrets: tt.path}, LookupEnv: unset}
		if err := a.addSecrets(true); err != nil {
			t.Errorf("%s: %v", tt.path, err)
		}
		got := stderr.String()
		if !strings.Contains(got, tt.warning) || (got == "") != (tt.warning == "") || strings.Contains(got, "hunter2") {
			t.Errorf("%s: warned %q, want %q", tt.path, got, tt.warning)
		}
		if password, _ := a.LookupEnv("ROUTER_PASSWORD"); password != tt.password {
			t.Errorf("%s: password %q, want %q", tt.path, password, tt.password)
		}
		a = &App{Streams: output.Streams{Err: &stderr}, Global: GlobalFlags{Secrets: tt.path}, LookupEnv: unset}
		if err := a.addSecrets(false); err == nil {
			t.Errorf("%s: no error when it was asked for", tt.path)
		}
	}
}

// A notice is written before the next line of the program, whoever reads it.
func TestNoticesComeInOrder(t *testing.T) {
	var err bytes.Buffer
	a := &App{Streams: output.Streams{Err: &err}}
	a.Warnf("first")
	_, _ = io.WriteString(a.Err, "second\n")
	a.PrintError(&cobra.Command{}, errors.Join(errors.New("third"), os.ErrNotExist))
	const want = "wanctl: warning: first\nsecond\nwanctl: third\nwanctl: file does not exist\n"
	if got := err.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
